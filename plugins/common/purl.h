// plugins/common/purl: package URLs (https://github.com/package-url/purl-spec) as names of OSV packages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::plugin {

struct Purl {
  std::string type;     // "golang", lower case
  std::string package;  // namespace and name joined by '/', percent-decoded: "github.com/go-jose/go-jose/v4"
  std::string version;  // percent-decoded, empty when absent
};

// Qualifiers and sub-path are checked for nothing and dropped: no OSV record depends on them.
Result<Purl> parse_purl(std::string_view text);

struct PackageName {
  std::string ecosystem;  // as OSV writes it: "Go", "PyPI"
  std::string name;
};

// The OSV package that a purl names; nothing for a type that OSV has no ecosystem for.
std::optional<PackageName> osv_package(const Purl& purl);

// The purl specification lower-cases golang names, Go module paths are case-sensitive: a name that was folded on the
// way can only be found again by folding both sides.
std::string folded(std::string_view text);

}  // namespace airlock::plugin
