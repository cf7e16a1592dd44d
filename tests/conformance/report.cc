#include "report.h"

#include <utility>

namespace airlock::conformance {

void Report::begin(std::string id) {
  // The unit of the case itself falls away once there are tests inside it, unless something was said about it.
  if (std::exchange(whole_, false) && units_[0].deviations.empty() && units_[0].skipped.empty()) units_.clear();
  units_.push_back({std::move(id), {}, {}, {}});
}

void Report::judge_answer(Expect expect, std::string got, std::string why, std::string_view what) {
  if (expect == Expect::kEither || to_string(expect) == got) return;
  if (why.empty()) why = "no error";
  differ(std::string(to_string(expect)), std::move(got), what.empty() ? why : std::string(what) + ": " + why);
}

Json Report::to_json() const {
  Json out = Json::array();
  for (const Unit& unit : units_) {
    Json deviations = Json::array();
    for (const Deviation& d : unit.deviations) deviations.push_back({printable(d.expected), printable(d.got), printable(d.why)});
    out.push_back({{"id", unit.id}, {"deviations", deviations}, {"skipped", unit.skipped}, {"note", unit.note}});
  }
  return out;
}

Report Report::from_json(const Json& json, const std::string& id) {
  Report report(id);
  report.units_.clear();
  for (const Json& unit : json) {
    Unit read{unit["id"], {}, unit["skipped"], unit["note"]};
    for (const Json& d : unit["deviations"]) read.deviations.push_back({d[0], d[1], d[2]});
    report.units_.push_back(std::move(read));
  }
  return report;
}

}  // namespace airlock::conformance
