// manifests/dag_parse: the parts of parse_dag that live in different files. Callers use dag.h.
#pragma once

#include "manifests/dag.h"

namespace airlock::manifests {

Result<StepSpec> parse_step(const Json& value, const std::string& path);

// What only the whole spec can tell: ids, references, order, reachability.
Result<void> check_steps(const DagSpec& dag);

}  // namespace airlock::manifests
