// manifests/dag_links: what a step's text refers to. Shared by the parser and the planner, so that both see the same
// substitutions and the same edges.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "manifests/dag.h"

namespace airlock::manifests {

struct Literal {
  std::string text;
};
struct InputRef {
  std::string name;  // ${inputs.NAME}
};
struct ItemRef {};   // ${item}, or the name a forEach gave it
struct OutputRef {
  StepId step;       // ${steps.ID.outputs.PATH}
  std::string path;
};
using TextPart = std::variant<Literal, InputRef, ItemRef, OutputRef>;

// `as`: the item's other name inside a forEach step; nullptr outside of one, where ${item} is refused. kSpecInvalid.
Result<std::vector<TextPart>> parse_text(std::string_view text, const ForEachSpec* for_each, const std::string& path);

// Every text of a step that may hold substitutions, with its path in the document.
struct StepText {
  const std::string* text;
  std::string path;
};
std::vector<StepText> texts_of(const StepSpec& step, const std::string& path);

// One edge to `step`: what it must have done. Data edges are kSucceeded whatever `when` says.
struct Link {
  StepId step;
  bool data = false;
  Condition is = Condition::kSucceeded;
};
// Each step once, sorted by id. `step` has passed parse_dag, or is about to: only its texts must parse.
Result<std::vector<Link>> links_of(const StepSpec& step, const std::string& path);
inline bool wants_failure(const StepSpec& step) {
  return step.when && !step.when->step && step.when->is == Condition::kFailed;
}

}  // namespace airlock::manifests
