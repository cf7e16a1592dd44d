// sigstore-bundle: whole bundles, offline, under the stated trusted root, policy, and identity or key.
#include "base/time.h"
#include "sets.h"
#include "verify/sigstore/sigstore.h"

namespace airlock::conformance {
namespace {

using namespace verify;
using namespace verify::sigstore;

Result<ExpectedSigner> expected_of(const Case& c) {
  if (c.has_file("key")) {
    const std::string pem = TRY(c.file("key"));
    ExpectedKey key{TRY(SigningKey::from_pem(pem)), {}};
    if (const auto from = c.text("key_valid_from")) key.window.start = TRY(Instant::parse(*from));
    if (const auto until = c.text("key_valid_until")) key.window.end = TRY(Instant::parse(*until));
    return ExpectedSigner(std::move(key));
  }
  if (const auto identity = c.text("identity")) return ExpectedSigner(ExpectedIdentity{*identity, c.text("issuer").value_or("")});
  return ExpectedSigner(AnyIdentity{});  // the case leaves the identity open
}

Demands demands_of(const Case& c) {
  const Json policy = c.json().value("policy", Json::object());
  return {policy.value("tlog", 1) != 0, policy.value("ctlog", 1) != 0};
}

Result<VerifiedSigstore> verify(const Case& c) {
  std::string artifact;
  std::optional<Signed> signed_artifact;
  if (c.has_file("artifact")) {
    artifact = TRY(c.file("artifact"));
    signed_artifact = Signed{artifact, std::nullopt};
  }
  const std::string root_text = TRY(c.file("trusted_root"));
  const TrustedRoot root = TRY(parse_trusted_root(root_text));
  const ExpectedSigner expected = TRY(expected_of(c));
  return verify_bundle(TRY(c.file("bundle")), signed_artifact, root, expected, demands_of(c));
}

}  // namespace

void run_sigstore_bundle(const Case& c, Report& report) { report.judge(c.expect(), verify(c)); }

}  // namespace airlock::conformance
