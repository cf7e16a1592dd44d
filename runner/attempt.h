// runner/attempt: one attempt of one step, start to end, on the calling thread.
//
// Order: provide (runner/workspace.h), run in the cell, read /out as the hostile thing it is, check it, make its blobs
// durable. Whoever records the result therefore never names a blob that a power cut could take away.
#pragma once

#include "runner/executor.h"

namespace airlock::runner {

// Never fails: what goes wrong stands in the result.
AttemptResult run_attempt(const AttemptSpec& attempt, Cell& cell, bundle::Store& store, const sandbox::Cancel& cancel,
                          Clock& clock);

}  // namespace airlock::runner
