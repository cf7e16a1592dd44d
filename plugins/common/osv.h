// plugins/common/osv: OSV records (https://ossf.github.io/osv-schema) reduced to what matching needs, and the index
// of them that osv-index writes and sbom-match reads.
//
// A range's events become intervals, sorted and disjoint within one range; a version is affected when any interval of
// the package holds it, or when `versions` spells it out. The evaluation is that of the schema, section "Evaluation".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/semver.h"

namespace airlock::plugin {

inline constexpr std::string_view kIndexSchema = "airlock.osv-index/v1";

// Below every version, pre-releases of 0.0.0 included, when empty: OSV writes "0".
using Lower = std::optional<SemVer>;

struct Interval {
  Lower introduced;                     // inclusive
  std::optional<SemVer> fixed;          // exclusive
  std::optional<SemVer> last_affected;  // inclusive; never together with fixed

  bool holds(const SemVer& version) const;
};

// What one advisory says about one package.
struct Affected {
  std::vector<Interval> intervals;
  std::vector<std::string> versions;   // spelled out, as the ecosystem writes them
  std::vector<std::string> undecided;  // ranges that this program cannot order, in words
};

struct Advisory {
  std::string id;
  std::vector<std::string> aliases;  // sorted, each once
  std::string summary;
  std::string modified;              // RFC 3339, as written
  bool withdrawn = false;
  std::map<std::pair<std::string, std::string>, Affected> packages;  // (ecosystem, name)
};

// `what` names the document in errors. Unknown fields are left alone: the schema grows.
Result<Advisory> parse_advisory(const Json& value, std::string_view what);

// A version as the tools of an ecosystem write it: Go's leading v, and for the standard library "go1.22rc1".
Result<SemVer> parse_version(std::string_view ecosystem, std::string_view package, std::string_view text);

struct Finding {
  const Interval* interval = nullptr;  // null when `versions` named the version
  std::optional<SemVer> fixed;         // the first later version that this advisory does not affect, if one is known
};

// Nothing when the version is not affected. `text` is the version as written, without a leading v.
std::optional<Finding> affects(const Affected& affected, const std::optional<SemVer>& version, std::string_view text);

struct Index {
  std::map<std::string, Advisory> advisories;  // by id; packages empty, they stand below
  std::map<std::pair<std::string, std::string>, std::map<std::string, Affected>> packages;  // -> by advisory id
};

Json to_json(const Interval& interval);
Json to_json(const Affected& affected);
Result<Index> parse_index(const Json& value);

}  // namespace airlock::plugin
