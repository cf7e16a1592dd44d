// manifests/sigstore_rules: members that a site accepts only with a Sigstore bundle beside them: `trust/sigstore.json`.
//
// {"schema": "airlock.sigstore-rules/v1", "trustedRoot": the trusted_root.json of the instance, as an object,
//  "rules": [{"requires": "sigstore", "members": PREFIX, "identity", "issuer"} | {..., "key": PEM}]}
// A rule is about every member whose path begins with PREFIX ("data/models/", or one whole path); the first that fits
// counts. Its bundle is the member of the same path with ".sigstore.json" behind it. The document is the site's own.
// Whether the trusted root and the keys can be read is verify/sigstore's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace airlock::manifests {

inline constexpr std::string_view kSigstoreRulesSchema = "airlock.sigstore-rules/v1";
inline constexpr std::string_view kSigstoreSuffix = ".sigstore.json";

struct SigstoreRule {
  std::string members;           // a prefix of paths, below data/ or plugins/
  std::string identity, issuer;  // both or none
  std::string key;               // PEM, when there are none
};

struct SigstoreRules {
  std::string trusted_root;  // JSON text
  std::vector<SigstoreRule> rules;

  const SigstoreRule* rule_for(std::string_view path) const;  // null: none; never for a bundle itself
};

// kJson, kField with the place, kSpecUnknownField, kTooLarge.
Result<SigstoreRules> parse_sigstore_rules(std::string_view text, const Limits& limits = {});

}  // namespace airlock::manifests
