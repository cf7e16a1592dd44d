// vex-report: what all SBOMs of a run matched, as one OpenVEX document and one summary.
//
// The status of every statement is `under_investigation`: a scanner knows that a version lies in an affected range,
// not whether the product is exploitable. `affected` and `not_affected` are judgements with a reason or an action that
// a person has to state (OpenVEX v0.2.0, "Status Labels"); this program never makes one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace airlock::plugin {

// Every matches.json of the run, by the name of its SBOM.
using Matches = std::map<std::string, Json>;

// Refuses a document that sbom-match did not write, and a second one for the same SBOM.
Result<void> add_matches(Matches& all, const Json& report, std::string_view what);

// Equal inputs give equal bytes: `timestamp` is the only time in it, the @id is a digest of everything else.
Json open_vex(const Matches& all, std::string_view author, const Instant& timestamp);

Json summary(const Matches& all);
std::string summary_markdown(const Json& summary);

}  // namespace airlock::plugin
