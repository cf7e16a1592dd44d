// manifests/trust_roots: the publishers a site trusts, and how many of them must have signed a bundle.
//
// {"schema": "airlock.trust-roots/v1", "threshold": 2, "validFrom", "validUntil",
//  "keys": [{"keyid": SHA-256 of the DER SubjectPublicKeyInfo, hex; "pem": PUBLIC KEY; "name": optional text}]}
// The document is the site's own configuration, not signed by anybody: it is kept where only the owner writes.
// Which kinds of keys can verify is verify/keys.h's business; here a key is its DER bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"

namespace airlock::manifests {

inline constexpr std::string_view kTrustRootsSchema = "airlock.trust-roots/v1";
inline constexpr std::size_t kMaxTrustedKeys = 64;

struct TrustedKey {
  std::string keyid;  // 64 lower-case hex digits; must be the id of `pem`
  std::string pem;    // -----BEGIN PUBLIC KEY-----
  std::optional<std::string> name;
  friend bool operator==(const TrustedKey&, const TrustedKey&) = default;
};

struct TrustRoots {
  std::uint64_t threshold = 1;   // 1 .. number of distinct keys
  std::vector<TrustedKey> keys;  // distinct, sorted by keyid
  Instant valid_from;
  Instant valid_until;           // exclusive; after valid_from
  friend bool operator==(const TrustRoots&, const TrustRoots&) = default;

  bool valid_at(Instant now) const { return valid_from <= now && now < valid_until; }
};

// Refusals: kJson, kField with the place, kSpecUnknownField, kTooLarge.
Result<TrustRoots> parse_trust_roots(std::string_view text, const Limits& limits = {});

// Canonical JSON and a final line feed. Sorts the keys; refuses what parse_trust_roots would refuse.
Result<std::string> write_trust_roots(TrustRoots roots, const Limits& limits = {});

}  // namespace airlock::manifests
