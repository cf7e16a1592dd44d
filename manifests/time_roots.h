// manifests/time_roots: the time authorities a site trusts: `time-roots.json`.
//
// {"schema": "airlock.time-roots/v1",
//  "tsa": [{"name", "roots": PEM of one or more CERTIFICATE blocks, "intermediates": the same, optional}],
//  "roughtime": [{"name", "publicKey": base64 of 32 bytes}]}
// At least one authority in all. The document is the site's own configuration, not signed by anybody. Whether a block is
// a certificate, or 32 bytes a key, is verify/time's business (anchor.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace airlock::manifests {

inline constexpr std::string_view kTimeRootsSchema = "airlock.time-roots/v1";
inline constexpr std::size_t kMaxTimeAuthorities = 64;  // of each kind

struct TsaAuthority {
  std::string name;           // 1 to 256 bytes of printable text
  std::string roots;          // PEM
  std::string intermediates;  // PEM, may be empty
  friend bool operator==(const TsaAuthority&, const TsaAuthority&) = default;
};

struct RoughtimeAuthority {
  std::string name;
  std::string public_key;  // 32 bytes
  friend bool operator==(const RoughtimeAuthority&, const RoughtimeAuthority&) = default;
};

struct TimeRoots {
  std::vector<TsaAuthority> tsa;
  std::vector<RoughtimeAuthority> roughtime;
  friend bool operator==(const TimeRoots&, const TimeRoots&) = default;
};

// Refusals: kJson, kField with the place, kSpecUnknownField, kTooLarge.
Result<TimeRoots> parse_time_roots(std::string_view text, const Limits& limits = {});

// Canonical JSON and a final line feed; refuses what parse_time_roots would refuse.
Result<std::string> write_time_roots(const TimeRoots& roots, const Limits& limits = {});

}  // namespace airlock::manifests
