// sbom-match: which components of one SBOM an index of advisories names, by package and version alone.
//
// A match says that a version lies in a range that an advisory calls affected. It does not say that the vulnerable
// code is reached: that judgement is left to people. What could not be decided is listed, never dropped.
#pragma once

#include <string_view>

#include "common/osv.h"
#include "common/sbom.h"

namespace airlock::plugin {

inline constexpr std::string_view kMatchSchema = "airlock.sbom-match/v1";

// The content of matches.json. `file` is the SBOM's name in the kit.
Json match_report(const Sbom& sbom, const Index& index, std::string_view file);

}  // namespace airlock::plugin
