#include "verify/bundle_manifest.h"

#include "verify/dsse.h"

namespace airlock::verify {

Result<std::vector<PublicKey>> trusted_keys(const manifests::TrustRoots& roots) {
  std::vector<PublicKey> keys;
  for (std::size_t i = 0; i < roots.keys.size(); ++i) {
    auto key = PublicKey::from_pem(roots.keys[i].pem);
    if (!key)
      return fail(key.error().code,
                  "trust roots, keys[" + std::to_string(i) + "].pem: " + key.error().context);
    keys.push_back(std::move(*key));
  }
  return keys;
}

SignedStatement::SignedStatement(std::string payload, std::vector<std::string> key_ids)
    : payload_(std::move(payload)), sha256_(Digest::of(payload_)), key_ids_(std::move(key_ids)) {}

Result<SignedStatement> check_bundle_signature(std::string_view envelope, const manifests::TrustRoots& roots, Instant now,
                                               const Limits& limits) {
  if (!roots.valid_at(now))
    return fail(Code::kInvalidTrustWindow, "now " + now.text() + ", valid from " + roots.valid_from.text() +
                                               " until " + roots.valid_until.text());
  const std::vector<PublicKey> keys = TRY(trusted_keys(roots));
  VerifiedPayload verified =
      TRY(verify_envelope(TRY(parse_envelope(envelope, manifests::kManifestPath, limits)), keys,
                          roots.threshold, manifests::kStatementPayloadType));
  std::vector<std::string> key_ids = verified.key_ids();
  return SignedStatement(std::move(verified).take_payload(), std::move(key_ids));
}

Result<VerifiedBundleManifest> read_bundle_manifest(SignedStatement statement, const Limits& limits) {
  auto manifest = TRY(manifests::parse_bundle_statement(statement.payload(), limits));
  return VerifiedBundleManifest(std::move(manifest), std::move(statement));
}

Result<VerifiedBundleManifest> check_bundle_manifest(std::string_view envelope, const manifests::TrustRoots& roots, Instant now,
                                                     const Limits& limits) {
  return read_bundle_manifest(TRY(check_bundle_signature(envelope, roots, now, limits)), limits);
}

}  // namespace airlock::verify
