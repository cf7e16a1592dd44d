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

class VerifiedBundleManifest {
 public:
  const manifests::BundleManifest& get() const { return manifest_; }
  const std::string& payload() const { return payload_; }               // the exact bytes that were signed and parsed
  const Digest& manifest_sha256() const { return manifest_sha256_; }    // SHA-256 of payload()
  const std::vector<std::string>& key_ids() const { return key_ids_; }  // distinct trusted keys that signed, sorted

 private:
  friend Result<VerifiedBundleManifest> check_bundle_manifest(std::string_view, const manifests::TrustRoots&, Instant,
                                                              const Limits&);
  VerifiedBundleManifest(manifests::BundleManifest manifest, std::string payload, std::vector<std::string> key_ids);
  manifests::BundleManifest manifest_;
  std::string payload_;
  Digest manifest_sha256_;
  std::vector<std::string> key_ids_;
};

// In this order: trust window (kInvalidTrustWindow), envelope form (kDsseMalformed, kTooLarge), threshold of
// distinct trusted keys (kDsseThreshold), payload type (kDssePayloadType), then the one parse of the verified bytes
// (errors of parse_bundle_statement). `envelope` is the content of manifest.dsse.json.
Result<VerifiedBundleManifest> check_bundle_manifest(std::string_view envelope, const manifests::TrustRoots& roots,
                                                     Instant now, const Limits& limits = {});

}  // namespace airlock::verify
