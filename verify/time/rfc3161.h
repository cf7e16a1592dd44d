// verify/time/rfc3161: time-stamp tokens (RFC 3161, RFC 5816) against configured authorities, with OpenSSL's TS module.
//
// What holds of a VerifiedTimestamp: the response was granted; its token is CMS SignedData with one signer over a TSTInfo
// of version 1; the signing certificate is the one that ESSCertID or ESSCertIDv2 names, has id-kp-timeStamping as its sole
// extended key usage, critical, is no authority itself and leads to a configured root over none that is limited to other
// usages, all judged at one instant; the message imprint is of the given data, in SHA-256, SHA-384 or SHA-512, and the
// signature uses none weaker; the accuracy is an hour at most. Certificates in the token serve as
// intermediates; a token never brings its own root. Nothing is fetched: no CRL, no OCSP.
// Errors: kTimeMalformed, kTimeSignature (signature, certificate, chain), kTimeImprint (it stamps something else).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "verify/certificate.h"

namespace airlock::verify {

// The certificates that may stand at the end of a chain, and more that may stand in between.
struct TsaRoots {
  std::vector<Certificate> roots;          // anchors, self-signed or not; at least one, or nothing verifies
  std::vector<Certificate> intermediates;  // may stand in between

  static Result<TsaRoots> from_pem(std::string_view roots, std::string_view intermediates = {});  // kKeyUnreadable
};

// What the token must be about: exactly one of these.
struct StampedData { std::string_view bytes; };       // the imprint is their hash
struct StampedImprint { std::string_view hash; };     // the raw imprint itself, as it must stand in the token
struct StampedQuery { std::string_view der; };        // a TimeStampReq: imprint, nonce and policy must answer it
using Stamped = std::variant<StampedData, StampedImprint, StampedQuery>;

class VerifiedTimestamp {
 public:
  Instant time() const { return time_; }                        // genTime, cut to milliseconds
  Millis accuracy() const { return accuracy_; }                 // zero when the token does not say
  const std::string& signer() const { return signer_; }         // subject of the signing certificate, RFC 2253
  const Digest& signer_fingerprint() const { return signer_fingerprint_; }  // SHA-256 of that certificate
  const Digest& token_digest() const { return token_digest_; }  // SHA-256 of the CMS ContentInfo

 private:
  friend class TimestampCheck;
  VerifiedTimestamp(Instant time, Digest signer_fingerprint, Digest token_digest)
      : time_(time), signer_fingerprint_(signer_fingerprint), token_digest_(token_digest) {}
  Instant time_;
  Millis accuracy_{};
  std::string signer_;
  Digest signer_fingerprint_, token_digest_;
};

// `der` is a TimeStampResp or a bare token (CMS ContentInfo), DER with nothing behind it. Certificates are judged at
// `judged_at`, or, when that is absent, at the time in the token.
Result<VerifiedTimestamp> verify_timestamp(std::string_view der, const TsaRoots& roots, const Stamped& stamped,
                                           std::optional<Instant> judged_at = std::nullopt);

// A TimeStampReq for what has this SHA-256, certificates asked for, with `nonce` (1 to 20 bytes) when not empty.
Result<std::string> timestamp_request(const Digest& imprint, std::string_view nonce);

}  // namespace airlock::verify
