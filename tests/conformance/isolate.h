// conformance/isolate: one case in a process of its own, with a bound on memory and time. A crash, a hang or a hunger for
// memory is then a deviation of that case, and the run goes on.
#pragma once

#include "report.h"

namespace airlock::conformance {

using RunCase = void (*)(const Case&, Report&);

// Never fails: what happened to the child is in the report.
Report run_isolated(RunCase run, const Case& c);

}  // namespace airlock::conformance
