#include "verify/sigstore/bundle.h"

#include <algorithm>
#include <set>

#include <openssl/x509.h>

#include "verify/sigstore/proto_json.h"

namespace airlock::verify::sigstore {
namespace {

constexpr std::size_t kHashBytes = 32, kMaxProofHashes = 64, kMaxChain = 10;

Result<Version> read_version(const Proto& root) {
  const std::string type = TRY(root.text("mediaType"));
  constexpr std::string_view kPrefix = "application/vnd.dev.sigstore.bundle";
  if (type == std::string(kPrefix) + "+json;version=0.1") return Version::k01;
  if (type == std::string(kPrefix) + "+json;version=0.2") return Version::k02;
  if (type == std::string(kPrefix) + "+json;version=0.3" || type == std::string(kPrefix) + ".v0.3+json") return Version::k03;
  return root.wrong("mediaType", "\"" + type + "\" is not a bundle of version 0.1, 0.2 or 0.3");
}

Result<Certificate> read_certificate(const Proto& item) {
  auto certificate = Certificate::from_der(TRY(item.bytes("rawBytes")));
  if (!certificate) return item.wrong("rawBytes", certificate.error().context);
  return certificate;
}

bool is_self_signed(const Certificate& certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate.get()), X509_get_issuer_name(certificate.get())) == 0;
}

Result<void> read_chain(const Proto& material, const Proto& chain, Bundle& bundle) {
  if (bundle.version == Version::k03)
    return material.wrong("x509CertificateChain", "a bundle of version 0.3 carries one certificate");
  const auto certificates = TRY(chain.list("certificates", kMaxChain));
  if (certificates.empty()) return chain.wrong("certificates", "is empty");
  bundle.signer = TRY(read_certificate(certificates.front()));
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    Certificate certificate = TRY(read_certificate(certificates[i]));
    // Writers of 0.1 put it there; it is no anchor, only noise.
    if (bundle.version != Version::k01 && is_self_signed(certificate)) return certificates[i].wrong("", "a bundle must not bring a root certificate");
    bundle.intermediates.push_back(std::move(certificate));
  }
  return {};
}

Result<void> read_signer(const Proto& material, Bundle& bundle) {
  const auto one = material.maybe("certificate"), chain = material.maybe("x509CertificateChain"), key = material.maybe("publicKey");
  if ((one ? 1 : 0) + (chain ? 1 : 0) + (key ? 1 : 0) != 1)
    return material.wrong("", "expected exactly one of certificate, x509CertificateChain and publicKey");
  if (one) {
    bundle.signer = TRY(read_certificate(*one));
    return {};
  }
  if (chain) return read_chain(material, *chain, bundle);
  std::string hint = key->has("hint") ? TRY(key->text("hint")) : "";
  bundle.signer = KeyHint{std::move(hint)};
  return {};
}

Result<std::string> read_hash(const Proto& item, std::string bytes) {
  if (bytes.size() != kHashBytes) return item.wrong("", "expected a hash of 32 bytes");
  return bytes;
}

Result<InclusionProof> read_proof(const Proto& proof) {
  InclusionProof out;
  out.log_index = TRY(proof.number("logIndex"));
  out.tree_size = TRY(proof.number("treeSize"));
  out.root = TRY(read_hash(proof, TRY(proof.bytes("rootHash"))));
  for (const Proto& hash : TRY(proof.list("hashes", kMaxProofHashes))) out.hashes.push_back(TRY(read_hash(hash, TRY(hash.own_bytes()))));
  if (const auto checkpoint = proof.maybe("checkpoint")) out.checkpoint = TRY(checkpoint->text("envelope"));
  return out;
}

Result<LogEntry> read_entry(const Proto& item, Version version) {
  LogEntry entry;
  entry.log_index = TRY(item.number("logIndex"));
  entry.log_id = TRY(TRY(item.object("logId")).bytes("keyId"));
  const Proto kind = TRY(item.object("kindVersion"));
  entry.kind = TRY(kind.text("kind"));
  entry.version = TRY(kind.text("version"));
  entry.body = TRY(item.bytes("canonicalizedBody"));
  // Zero is how protobuf says that there is none.
  const std::uint64_t seconds = TRY(item.number("integratedTime"));
  if (seconds > 253402300799ULL) return item.wrong("integratedTime", "after the year 9999");
  if (seconds != 0) entry.integrated_time = Instant::from_millis(static_cast<std::int64_t>(seconds) * 1000);
  if (const auto promise = item.maybe("inclusionPromise")) entry.entry_timestamp = TRY(promise->bytes("signedEntryTimestamp"));
  if (const auto proof = item.maybe("inclusionProof")) entry.proof = TRY(read_proof(*proof));
  if (version == Version::k01 && !entry.entry_timestamp) return item.wrong("inclusionPromise", "version 0.1 needs a signed entry timestamp");
  if (version != Version::k01 && (!entry.proof || entry.proof->checkpoint.empty()))
    return item.wrong("inclusionProof", "versions 0.2 and 0.3 need an inclusion proof with its checkpoint");
  return entry;
}

Result<MessageSignature> read_message(const Proto& message) {
  MessageSignature out;
  out.signature = TRY(message.bytes("signature"));
  if (const auto digest = message.maybe("messageDigest")) {
    const auto hash = parse_hash(TRY(digest->text("algorithm")));
    if (!hash) return digest->wrong("algorithm", "expected SHA2_256, SHA2_384 or SHA2_512");
    std::string bytes = TRY(digest->bytes("digest"));
    if (bytes.size() != digest_size(*hash)) return digest->wrong("digest", "has not the length of its algorithm");
    out.digest = {*hash, std::move(bytes)};
  }
  return out;
}

Result<DsseContent> read_dsse(const Proto& envelope) {
  const auto signatures = TRY(envelope.list("signatures", kMaxEntries));
  if (signatures.size() != 1) return envelope.wrong("signatures", "expected exactly one");
  DsseContent content;
  content.payload = TRY(envelope.bytes("payload"));
  content.payload_type = TRY(envelope.text("payloadType"));
  content.signature = TRY(signatures.front().bytes("sig"));
  return content;
}

Result<void> read_content(const Proto& root, Bundle& bundle) {
  const auto message = root.maybe("messageSignature"), envelope = root.maybe("dsseEnvelope");
  if (message.has_value() == envelope.has_value()) return root.wrong("", "expected either messageSignature or dsseEnvelope");
  if (message) bundle.content = TRY(read_message(*message));
  else bundle.content = TRY(read_dsse(*envelope));
  return {};
}

// Said twice, one witness would look like two.
Result<void> check_distinct(const Bundle& bundle) {
  const std::set<std::string> timestamps(bundle.timestamps.begin(), bundle.timestamps.end());
  if (timestamps.size() != bundle.timestamps.size()) return fail(Code::kSigstoreMalformed, "a timestamp stands in it twice");
  std::set<std::pair<std::string, std::uint64_t>> entries;
  for (const LogEntry& entry : bundle.entries)
    if (!entries.emplace(entry.log_id, entry.log_index).second) return fail(Code::kSigstoreMalformed, "a log entry stands in it twice");
  return {};
}

}  // namespace

const std::string& Bundle::signature() const {
  if (const auto* message = std::get_if<MessageSignature>(&content)) return message->signature;
  return std::get<DsseContent>(content).signature;
}

Result<Bundle> parse_bundle(std::string_view text) {
  if (text.size() > kMaxBundleBytes) return fail(Code::kTooLarge, "Sigstore bundle: over 16 MiB");
  const Json document = TRY(parse_json(text, "Sigstore bundle"));
  const Proto root(document, "", Code::kSigstoreMalformed);
  Bundle bundle{.version = Version::k03, .signer = KeyHint{}, .intermediates = {}, .entries = {}, .timestamps = {}, .content = {}};
  bundle.version = TRY(read_version(root));
  const Proto material = TRY(root.object("verificationMaterial"));
  TRY(read_signer(material, bundle));
  for (const Proto& entry : TRY(material.list("tlogEntries", kMaxEntries))) bundle.entries.push_back(TRY(read_entry(entry, bundle.version)));
  if (const auto times = material.maybe("timestampVerificationData"))
    for (const Proto& time : TRY(times->list("rfc3161Timestamps", kMaxTimestamps)))
      bundle.timestamps.push_back(TRY(time.bytes("signedTimestamp")));
  TRY(read_content(root, bundle));
  TRY(check_distinct(bundle));
  return bundle;
}

}  // namespace airlock::verify::sigstore
