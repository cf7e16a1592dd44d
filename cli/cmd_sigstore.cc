#include "cli/cmd_sigstore.h"

#include <memory>

#include "base/encoding.h"
#include "base/io.h"
#include "verify/sigstore/sigstore.h"

namespace airlock::cli {
namespace {

namespace sigstore = verify::sigstore;

struct SigstoreOptions {
  std::string bundle, artifact, trusted_root, identity, issuer, key, key_from, key_until;
  bool no_log = false, no_sct = false;
};

// The artifact in memory, or its digest where the argument is one: "sha256:HEX".
struct Artifact {
  std::string bytes;
  sigstore::Signed what;
};

Result<Artifact> read_artifact(const std::string& argument) {
  Artifact artifact;
  const auto colon = argument.find(':');
  const auto hash = colon == std::string::npos ? std::nullopt : sigstore::parse_hash(argument.substr(0, colon));
  if (hash) {
    std::string digest = TRY(from_hex(std::string_view(argument).substr(colon + 1)));
    if (digest.size() != sigstore::digest_size(*hash)) return fail(Code::kBadDigest, argument);
    artifact.what.digest = {*hash, std::move(digest)};
    return artifact;
  }
  artifact.bytes = TRY(read_file(argument, Limits{}.member_bytes));
  return artifact;
}

Result<sigstore::ExpectedSigner> expected_signer(const SigstoreOptions& o) {
  const bool by_identity = !o.identity.empty() || !o.issuer.empty();
  if (by_identity == !o.key.empty()) return fail(Code::kUsage, "give --identity and --issuer, or --key");
  if (by_identity) {
    if (o.identity.empty() || o.issuer.empty()) return fail(Code::kUsage, "--identity and --issuer belong together");
    return sigstore::ExpectedSigner(sigstore::ExpectedIdentity{o.identity, o.issuer});
  }
  auto key = sigstore::SigningKey::from_pem(TRY(read_file(o.key, 64 * kKiB)));
  if (!key) return fail(key.error().code, o.key + ": " + key.error().context);
  sigstore::ExpectedKey expected{std::move(*key), {}};
  if (!o.key_from.empty()) expected.window.start = TRY(Instant::parse(o.key_from));
  if (!o.key_until.empty()) expected.window.end = TRY(Instant::parse(o.key_until));
  return sigstore::ExpectedSigner(std::move(expected));
}

Json verified_json(const sigstore::VerifiedSigstore& verified) {
  Json times = Json::array();
  for (const auto& proved : verified.times()) times.push_back({{"time", proved.time.text()}, {"by", proved.by}});
  Json out{{"verified", true}, {"keyId", verified.key_id()}, {"times", std::move(times)}, {"logEntries", verified.log_entries()}};
  if (const auto& signer = verified.identity()) {
    out["identity"] = signer->identity;
    out["issuer"] = signer->issuer;
    out["claims"] = signer->claims;
  }
  return out;
}

std::string verified_text(const sigstore::VerifiedSigstore& verified) {
  std::string text;
  if (const auto& signer = verified.identity()) text += "signer     " + printable(signer->identity) + "\nissuer     " + printable(signer->issuer) + "\n";
  else text += "key        " + verified.key_id() + "\n";
  for (const auto& proved : verified.times()) text += "time       " + proved.time.text() + "  " + printable(proved.by) + "\n";
  return text + "log        " + std::to_string(verified.log_entries()) + " entries, each in its log and about this signature\n";
}

Result<int> run(Shell& shell, const SigstoreOptions& o) {
  const auto expected = TRY(expected_signer(o));
  const auto root = TRY(sigstore::parse_trusted_root(TRY(read_file(o.trusted_root, 4 * kMiB))));
  Artifact artifact = TRY(read_artifact(o.artifact));
  if (!artifact.what.digest) artifact.what.bytes = artifact.bytes;
  const std::string bundle = TRY(read_file(o.bundle, sigstore::kMaxBundleBytes));
  const auto verified = TRY(sigstore::verify_bundle(bundle, artifact.what, root, expected, {!o.no_log, !o.no_sct}));
  TRY(shell.emit(verified_json(verified), verified_text(verified)));
  return 0;
}

}  // namespace

void add_sigstore_command(CLI::App& group, Shell& shell) {
  auto o = std::make_shared<SigstoreOptions>();
  CLI::App* check = add_command(group, shell, "verify-sigstore", "check a Sigstore bundle against an artifact, offline", [&shell, o] { return run(shell, *o); });
  check->add_option("bundle", o->bundle, "the Sigstore bundle (version 0.1 to 0.3)")->required();
  check->add_option("artifact", o->artifact, "the signed file, or sha256:HEX of it")->required();
  check->add_option("--trusted-root", o->trusted_root, "trusted_root.json of the instance it was signed with")->required();
  check->add_option("--identity", o->identity, "whom the certificate must name, exactly");
  check->add_option("--issuer", o->issuer, "who must have known the signer: OIDC issuer, exactly");
  check->add_option("--key", o->key, "public key that must have signed, instead of a certificate");
  check->add_option("--key-from", o->key_from, "UTC time from which the key is believed");
  check->add_option("--key-until", o->key_until, "UTC time until which the key is believed");
  check->add_flag("--no-log", o->no_log, "do without a log entry, for instances that have no log");
  check->add_flag("--no-sct", o->no_sct, "do without a certificate timestamp, for instances that have no such log");
}

}  // namespace airlock::cli
