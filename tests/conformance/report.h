// conformance/report: what the production code answered to one case, against what the index expects.
//
// A unit is what is counted: the case, or one test of a file of many (begin()). It agrees unless something differed; it is
// skipped when airlock has no use for what it tests, which needs a reason.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "vectors.h"

namespace airlock::conformance {

struct Deviation {
  std::string expected, got, why;
};

struct Unit {
  std::string id;
  std::vector<Deviation> deviations;
  std::string skipped;  // the reason; empty: it was run
  std::string note;     // said on stderr, whatever the answer
};

class Report {
 public:
  explicit Report(std::string id) { units_.push_back({std::move(id), {}, {}, {}}); }

  // The case turns out to hold many tests: from here on what is said concerns `id`.
  void begin(std::string id);
  void skip(std::string reason) { units_.back().skipped = std::move(reason); }
  void note(std::string text) { units_.back().note = std::move(text); }
  void differ(std::string expected, std::string got, std::string why) {
    units_.back().deviations.push_back({std::move(expected), std::move(got), std::move(why)});
  }

  // Does the answer, success or a refusal, agree? kEither agrees with both. `what` says which answer it is.
  template <class T>
  void judge(Expect expect, const Result<T>& answer, std::string_view what = "") {
    judge_answer(expect, answer.has_value() ? "accept" : "reject", answer ? std::string() : describe(answer.error()), what);
  }

  // A fact the index states, against what was read.
  template <class Want, class Got>
  void equal(std::string_view what, const Want& want, const Got& got) {
    if (!(want == got)) differ(shown(want), shown(got), std::string(what));
  }

  // The case cannot be run as it stands: a missing role, a file that is not the one the index states.
  void unusable(const Error& error) { differ("a usable case", "none", describe(error)); }

  const std::vector<Unit>& units() const { return units_; }
  Json to_json() const;
  static Report from_json(const Json& json, const std::string& id);

 private:
  void judge_answer(Expect expect, std::string got, std::string why, std::string_view what);
  template <class T>
  static std::string shown(const T& value) {
    if constexpr (std::is_convertible_v<T, std::string_view>) return printable(std::string(std::string_view(value)));
    else if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_arithmetic_v<T>) return std::to_string(value);
    else return printable(Json(value).dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  std::vector<Unit> units_;
  bool whole_ = true;  // the only unit is the case itself
};

}  // namespace airlock::conformance

// For functions that fill a report: the value, or the case is unusable and the function returns.
#define USE(expr, report)                                    \
  __extension__({                                            \
    auto use_result = (expr);                                \
    if (!use_result) {                                       \
      (report).unusable(use_result.error());                 \
      return;                                                \
    }                                                        \
    ::airlock::detail::take_value(use_result);               \
  })
