// sandbox/child: carries out a SetupPlan between clone and exec. Decides nothing.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

#include "sandbox/setup_plan.h"

namespace airlock::sandbox {

// Everything the child needs, prepared by the runner: the child shares the runner's memory while it lives, so it must
// not allocate, lock, or touch libc. Descriptors are the child's own copies; all of them are above the range it fills.
struct ChildTask {
  std::span<const Op> ops;
  std::span<int> slots;          // one for each slot of the plan
  char* const* argv = nullptr;   // of the step, passed on by the init
  char* const* env = nullptr;
  sock_fprog seccomp{};
  int stdout_fd = -1, stderr_fd = -1, events_fd = -1;
  int control_fd = -1;           // the child's end
  int runner_end_fd = -1;        // the runner's end: closed first, so that the runner's death is seen
  int init_fd = -1;
  int user_ns_fd = -1;           // of the place, if the step starts from one
  bool await_identity = false;   // the runner writes the maps of the child's user namespace
};

// The lowest number a descriptor in ChildTask may have.
inline constexpr int kLowestTaskFd = 10;

// Carries out the operations, up to the first that fails; `index` is their number when none did.
struct OpsFailure {
  std::size_t index;
  int error;
};
OpsFailure carry_out(ChildTask& task);

// Never returns: executes the init, or reports the operation that failed and ends.
extern "C" void airlock_child_main(ChildTask* task);

}  // namespace airlock::sandbox
