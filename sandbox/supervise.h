// sandbox/supervise: watches a running step to its end: deadlines, cancelling, memory events, output.
#pragma once

#include <sys/resource.h>

#include <optional>

#include "sandbox/cancel.h"
#include "sandbox/evidence.h"
#include "sandbox/sandbox.h"
#include "sandbox/start.h"

namespace airlock::sandbox {

struct Ended {
  std::optional<int> wait_status;   // of the step; nothing when its init was killed first
  std::optional<int> not_started;   // errno of the failed execve
  KilledBy killed_by = KilledBy::kNobody;
  std::optional<rusage> usage;      // of the init and all it reaped
  Millis wall{0};
};

// Returns when the init is dead and reaped, and with it every process of the step's pid namespace.
// `broker`: of a step with endpoints.
Ended supervise(Started& started, Streams& streams, const Resources& resources, const SlotGroup& group, const Cancel& cancel, Broker* broker);

// What the end means. Memory comes first: whatever else was seen follows from it.
Outcome judge(const Ended& ended, std::uint64_t oom_kills);

}  // namespace airlock::sandbox
