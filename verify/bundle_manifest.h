// verify/bundle_manifest: the only way to a bundle manifest that may be acted on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "manifests/bundle.h"
#include "manifests/trust_roots.h"
#include "verify/keys.h"

namespace airlock::verify {

// The keys of a trust-roots document. kKeyUnreadable, kKeyUnsupported with the place when verify does not accept one.
Result<std::vector<PublicKey>> trusted_keys(const manifests::TrustRoots& roots);

// A statement that enough trusted keys have signed. What it says has not been looked at: its digest can be recognised.
class SignedStatement {
 public:
  const std::string& payload() const { return payload_; }               // the exact bytes that were signed
  const Digest& sha256() const { return sha256_; }                      // of payload()
  const std::vector<std::string>& key_ids() const { return key_ids_; }  // distinct trusted keys that signed, sorted

 private:
  friend Result<SignedStatement> check_bundle_signature(std::string_view, const manifests::TrustRoots&, Instant, const Limits&);
  SignedStatement(std::string payload, std::vector<std::string> key_ids);
  std::string payload_;
  Digest sha256_;
  std::vector<std::string> key_ids_;
};

class VerifiedBundleManifest {
 public:
  const manifests::BundleManifest& get() const { return manifest_; }
  const std::string& payload() const { return statement_.payload(); }   // the exact bytes that were signed and parsed
  const Digest& manifest_sha256() const { return statement_.sha256(); }
  const std::vector<std::string>& key_ids() const { return statement_.key_ids(); }

 private:
  friend Result<VerifiedBundleManifest> read_bundle_manifest(SignedStatement, const Limits&);
  VerifiedBundleManifest(manifests::BundleManifest manifest, SignedStatement statement)
      : manifest_(std::move(manifest)), statement_(std::move(statement)) {}
  manifests::BundleManifest manifest_;
  SignedStatement statement_;
};

// In this order: trust window (kInvalidTrustWindow), envelope form (kDsseMalformed, kTooLarge), threshold of
// distinct trusted keys (kDsseThreshold), payload type (kDssePayloadType). `envelope` is the content of manifest.dsse.json.
Result<SignedStatement> check_bundle_signature(std::string_view envelope, const manifests::TrustRoots& roots, Instant now,
                                               const Limits& limits = {});

// The one parse of the verified bytes. Errors of parse_bundle_statement.
Result<VerifiedBundleManifest> read_bundle_manifest(SignedStatement statement, const Limits& limits = {});

// Both.
Result<VerifiedBundleManifest> check_bundle_manifest(std::string_view envelope, const manifests::TrustRoots& roots,
                                                     Instant now, const Limits& limits = {});

}  // namespace airlock::verify
