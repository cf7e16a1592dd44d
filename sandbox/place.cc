#include "sandbox/place.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/sys.h"

namespace airlock::sandbox {

Result<UniqueFd> make_user_namespace(const OutsideIds& ids) {
  // A namespace needs somebody in it until a descriptor holds it.
  sys::CloneArgs args;
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  const long parent = sys::call(SYS_getpid), pid = sys::call(SYS_clone3, sys::address(&args), sizeof args);
  if (pid == 0) {
    // It does not outlive us, not even when we are killed right now.
    sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    if (sys::call(SYS_getppid) != parent) sys::call(SYS_exit_group, 1);
    for (;;) sys::call(SYS_pause);
  }
  if (pid < 0) return fail(os_error("clone3", "a user namespace", static_cast<int>(-pid)));
  const std::string folder = "/proc/" + std::to_string(pid), inside = std::to_string(kInsideId) + " ";
  auto made = write_control(folder, "gid_map", inside + std::to_string(ids.gid) + " 1\n");
  if (made) made = write_control(folder, "uid_map", inside + std::to_string(ids.uid) + " 1\n");
  const UniqueFd low(::open((folder + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (made && !low) made = os_fail("open", folder + "/ns/user");
  (void)::kill(static_cast<pid_t>(pid), SIGKILL);  // it is ours and not waited for yet: the number is not another's
  while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
  }
  TRY(made);
  UniqueFd high(::fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestTaskFd));
  if (!high) return os_fail("fcntl F_DUPFD_CLOEXEC", "a user namespace");
  return high;
}

std::optional<StartFailure> enter_place(const HostFacts& host) {
  const SetupPlan plan = make_place_plan(host);
  std::vector<int> slots(plan.slots, -1);
  ChildTask task;
  task.ops = plan.ops;
  task.slots = slots;
  const OpsFailure failure = carry_out(task);
  for (const int fd : slots)
    if (fd >= 0) ::close(fd);
  if (failure.index == plan.ops.size()) return std::nullopt;
  const Op& op = plan.ops[failure.index];
  return setup_failure(op.layer, describe(op), failure.error);
}

}  // namespace airlock::sandbox
