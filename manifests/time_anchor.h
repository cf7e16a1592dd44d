// manifests/time_anchor: `time/anchor.json` of a bundle: when it existed, and which proof says so.
//
// {"anchorTime", "source": "rfc3161" | "roughtime", "format", "tokenDigest", "signatureFingerprint"}
//   format                rfc3161: "rfc3161-response" (a TimeStampResp) or "rfc3161-token" (a bare CMS token), in a
//                         time/*.tsr; roughtime: "roughtime-report" (JSON of exchanges) in a time/*.roughtime
//   tokenDigest           SHA-256 of that member
//   signatureFingerprint  SHA-256 of the signing certificate, or the key id of the first server's long-term key
//
// The members of time/ are side files: the manifest does not list them, since their proofs are about the manifest. The
// message imprint of a token is the SHA-256, SHA-384 or SHA-512 of the manifest's payload (the signed statement, byte for
// byte); the nonce of the first Roughtime request is its SHA-512, cut to the nonce's size.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"

namespace airlock::manifests {

inline constexpr std::string_view kTimeFolder = "time/";
inline constexpr std::string_view kTimeAnchorPath = "time/anchor.json";
inline constexpr std::string_view kTokenSuffix = ".tsr", kRoughtimeSuffix = ".roughtime";

enum class AnchorSource { kRfc3161, kRoughtime };
std::string_view to_string(AnchorSource source);  // "rfc3161", "roughtime"

enum class AnchorFormat { kResponse, kToken, kReport };
std::string_view to_string(AnchorFormat format);  // "rfc3161-response", "rfc3161-token", "roughtime-report"
AnchorSource source_of(AnchorFormat format);

struct TimeAnchor {
  Instant time;
  AnchorFormat format;
  Digest token_digest;
  Digest signature_fingerprint;
  friend bool operator==(const TimeAnchor&, const TimeAnchor&) = default;
};

// kJson, kField, kSpecUnknownField; kTimeAnchor when source and format contradict each other.
Result<TimeAnchor> parse_time_anchor(std::string_view text, const Limits& limits = {});
std::string write_time_anchor(const TimeAnchor& anchor);  // canonical JSON and a line feed

}  // namespace airlock::manifests
