#include "sandbox/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "sandbox/sys.h"
#include "sandbox/wire.h"

// No function of libc is called here, not even memcpy by way of an initialiser of some size.
namespace airlock::sandbox {
namespace {

using sys::address;
using sys::call;

constexpr long kEmptyPath = AT_EMPTY_PATH;

long to_text(std::uint64_t value, char* text) {  // decimal, NUL terminated
  char digits[24];
  int n = 0;
  do digits[n++] = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  long length = 0;
  while (n > 0) text[length++] = digits[--n];
  text[length] = 0;
  return length;
}

long text_size(const char* text) {
  long n = 0;
  while (text[n] != 0) ++n;
  return n;
}

[[noreturn]] void leave(int status) {
  for (;;) call(SYS_exit_group, status);
}

// Waits until the runner has done what the note asks for. End of file: the runner died, or gave up.
long tell_and_wait(const ChildTask& task, const Note& note) {
  if (const long rc = call(SYS_write, task.control_fd, address(&note), sizeof note); rc < 0) return rc;
  char go = 0;
  const long rc = call(SYS_read, task.control_fd, address(&go), 1);
  return rc == 1 ? 0 : (rc < 0 ? rc : -EPIPE);
}

long set_ids(const Op& op) {
  // Keeps the capabilities over the change of identity, and lets nothing bring them back later.
  constexpr unsigned long kBits = SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                  SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (const long rc = call(SYS_prctl, PR_SET_SECUREBITS, kBits); rc < 0) return rc;
  const long id = static_cast<long>(op.value);
  if ((op.flags & 1) != 0)
    if (const long rc = call(SYS_setgroups, 0, 0); rc < 0) return rc;
  if (const long rc = call(SYS_setresgid, id, id, id); rc < 0) return rc;
  return call(SYS_setresuid, id, id, id);
}

long die_with_runner(const ChildTask& task) {
  if (const long rc = call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL); rc < 0) return rc;
  // It may have died before the line above: then the other end of the socket is closed.
  pollfd control{task.control_fd, 0, 0};
  const long ready = call(SYS_poll, address(&control), 1, 0);
  return ready > 0 ? -EPIPE : 0;
}

long set_option(long fs, const char* name, const char* value) {
  return call(SYS_fsconfig, fs, FSCONFIG_SET_STRING, address(name), address(value), 0);
}

long finish_mount(long fs, long attributes) {
  long rc = call(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (rc >= 0) rc = call(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
  call(SYS_close, fs);
  return rc;
}

long new_tmpfs(const Op& op) {
  const long fs = call(SYS_fsopen, address("tmpfs"), FSOPEN_CLOEXEC);
  if (fs < 0) return fs;
  char text[24];
  to_text(op.value, text);
  long rc = set_option(fs, "size", text);
  to_text(op.flags, text);
  if (rc >= 0) rc = set_option(fs, "nr_inodes", text);
  if (rc >= 0) rc = set_option(fs, "mode", "0755");
  if (rc < 0) return rc;
  return finish_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

long new_proc() {
  const long fs = call(SYS_fsopen, address("proc"), FSOPEN_CLOEXEC);
  if (fs < 0) return fs;
  long rc = set_option(fs, "hidepid", "2");
  if (rc >= 0) rc = set_option(fs, "subset", "pid");
  if (rc < 0) return rc;
  return finish_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

long restrict_mount(long fd, const char* path, std::uint64_t attributes, long flags) {
  mount_attr attr{};
  attr.attr_set = attributes;
  attr.propagation = MS_PRIVATE;  // a mount of the host may be shared: what happens there must not reach the step
  return call(SYS_mount_setattr, fd, address(path), flags, address(&attr), sizeof attr);
}

long attach(long tree, long root, const char* path) {
  return call(SYS_move_mount, tree, address(""), root, address(path), MOVE_MOUNT_F_EMPTY_PATH);
}

long make_file(const Op& op) {
  const long fd = call(SYS_open, address(op.path.c_str()), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return fd;
  long rc = 0;
  if (!op.text.empty()) rc = call(SYS_write, fd, address(op.text.data()), static_cast<long>(op.text.size()));
  call(SYS_close, fd);
  return rc;
}

long write_text(const char* path, const char* text, long size) {
  const long fd = call(SYS_open, address(path), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const long rc = call(SYS_write, fd, address(text), size);
  call(SYS_close, fd);
  return rc;
}

long make_dir(const Op& op) {
  const long rc = call(SYS_mkdir, address(op.path.c_str()), static_cast<long>(op.value));
  // The runner's mask must not decide who may enter.
  return rc < 0 ? rc : call(SYS_chmod, address(op.path.c_str()), static_cast<long>(op.value));
}

long send_out(const ChildTask& task, const Op& op) {
  const long dir = call(SYS_open, address(op.path.c_str()), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir < 0) return dir;
  const long mounts = call(SYS_open, address(op.text.c_str()), O_RDONLY | O_CLOEXEC, 0);
  if (mounts < 0) return mounts;
  Note out{kNoteOut, 0, 0};
  iovec part{&out, sizeof out};
  alignas(cmsghdr) char space[CMSG_SPACE(2 * sizeof(int))];
  for (char& c : space) c = 0;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
  int* const fds = reinterpret_cast<int*>(CMSG_DATA(rights));
  fds[0] = static_cast<int>(dir);
  fds[1] = static_cast<int>(mounts);
  const long rc = call(SYS_sendmsg, task.control_fd, address(&message), MSG_NOSIGNAL);
  call(SYS_close, dir);
  call(SYS_close, mounts);
  return rc;
}

long pivot() {
  // The current folder is the new root, mounted over the old one; the old one ends up on top of it and is let go.
  if (const long rc = call(SYS_pivot_root, address("."), address(".")); rc < 0) return rc;
  if (const long rc = call(SYS_umount2, address("."), MNT_DETACH); rc < 0) return rc;
  return call(SYS_chdir, address("/"));
}

long standard_fds(ChildTask& task) {
  const long null = call(SYS_open, address("/dev/null"), O_RDONLY | O_CLOEXEC, 0);
  if (null < 0) return null;
  const long wanted[][3] = {{null, 0, 0}, {task.stdout_fd, 1, 0}, {task.stderr_fd, 2, 0}, {task.events_fd, 3, 0},
                            {task.control_fd, kControlFd, 0}, {task.init_fd, kInitFd, O_CLOEXEC}};
  for (const auto& [from, to, flags] : wanted) {
    if (from == to) {  // /dev/null may have been given its own place: dup3 refuses that
      if (const long rc = call(SYS_fcntl, to, F_SETFD, 0); rc < 0) return rc;
    } else if (const long rc = call(SYS_dup3, from, to, flags); rc < 0) {
      return rc;
    }
  }
  task.control_fd = kControlFd;
  task.init_fd = kInitFd;
  return 0;
}

long limit(const Op& op) {
  rlimit64 now{};
  const long what = static_cast<long>(op.value);
  if (const long rc = call(SYS_prlimit64, 0, what, 0, address(&now)); rc < 0) return rc;
  const rlim64_t value = op.flags < now.rlim_max ? op.flags : now.rlim_max;
  const rlimit64 wanted{value, value};
  return call(SYS_prlimit64, 0, what, address(&wanted), 0);
}

long landlock_path(const Op& op, long ruleset) {
  const long fd = call(SYS_open, address(op.path.c_str()), O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const sys::LandlockPathRule rule{op.flags, static_cast<std::int32_t>(fd)};
  const long rc = call(SYS_landlock_add_rule, ruleset, sys::kLandlockRulePathBeneath, address(&rule), 0);
  call(SYS_close, fd);
  return rc;
}

long drop_capabilities() {
  for (long capability = 0; capability < 64; ++capability) {
    const long rc = call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (rc == -EINVAL) break;  // the last one this kernel knows
    if (rc < 0) return rc;
  }
  if (const long rc = call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); rc < 0) return rc;
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  const __user_cap_data_struct none[2]{};
  return call(SYS_capset, address(&header), address(none));
}

// Signals are all blocked since before the clone; what the runner ignores or handles must not reach the step.
void default_signals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } const action{nullptr, 0, nullptr, 0};
  for (long signal = 1; signal <= 64; ++signal) call(SYS_rt_sigaction, signal, address(&action), 0, sizeof action.mask);
}

long load_seccomp(const ChildTask& task, long more_flags) {
  // The kernel would slow a filtered process down against itself (speculative store bypass); steps are separate
  // processes, and that is the boundary that counts here.
  return call(SYS_seccomp, sys::kSeccompSetModeFilter, sys::kSeccompFlagSpecAllow | more_flags, address(&task.seccomp));
}

// The listener cannot be sent: sendmsg is held by it from now on. The runner takes it out of our table.
long load_seccomp_and_hand_over(const ChildTask& task) {
  const long listener = load_seccomp(task, sys::kSeccompFlagNewListener);
  if (listener < 0) return listener;
  return tell_and_wait(task, {kNoteListener, static_cast<int>(listener), 0});
}

long carry_out(ChildTask& task, const Op& op) {
  int& slot = task.slots[op.slot];
  const char* path = op.path.c_str();
  const auto keep = [&slot](long fd) {
    if (fd >= 0) slot = static_cast<int>(fd);
    return fd;
  };
  const long recursive = op.value != 0 ? AT_RECURSIVE : 0;
  switch (op.kind) {
    case OpKind::kUnshare: return call(SYS_unshare, static_cast<long>(op.flags));
    case OpKind::kNewSession: return call(SYS_setsid);
    case OpKind::kOpenTree: return keep(sys::open_tree_without_links(path, op.value != 0));
    case OpKind::kPrivateMounts: return call(SYS_mount, 0, address("/"), 0, MS_REC | MS_PRIVATE, 0);
    case OpKind::kEnterUserNs: return call(SYS_setns, task.user_ns_fd, CLONE_NEWUSER);
    case OpKind::kSetIds: return set_ids(op);
    case OpKind::kDieWithRunner: return die_with_runner(task);
    case OpKind::kNewTmpfs: return keep(new_tmpfs(op));
    case OpKind::kNewProc: return keep(new_proc());
    case OpKind::kAttachRoot: {
      const long rc = attach(slot, AT_FDCWD, "/");
      return rc < 0 ? rc : call(SYS_fchdir, slot);
    }
    case OpKind::kMakeDir: return make_dir(op);
    case OpKind::kMakeFile: return make_file(op);
    case OpKind::kMakeLink: return call(SYS_symlink, address(op.text.c_str()), address(path));
    case OpKind::kGive: return call(SYS_lchown, address(path), static_cast<long>(op.value), static_cast<long>(op.flags));
    case OpKind::kOomScore: return write_text(path, "0", 1);
    case OpKind::kTakeSubtree: return keep(call(SYS_open_tree, AT_FDCWD, address(path), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    case OpKind::kRestrict: return restrict_mount(slot, "", op.flags, kEmptyPath | recursive);
    case OpKind::kAttach: return attach(slot, AT_FDCWD, path);
    case OpKind::kSendOut: return send_out(task, op);
    case OpKind::kPivot: return pivot();
    case OpKind::kRestrictRoot: return restrict_mount(AT_FDCWD, "/", op.flags, 0);
    case OpKind::kHostName: return call(SYS_sethostname, address(op.text.c_str()), text_size(op.text.c_str()));
    case OpKind::kChangeDir: return call(SYS_chdir, address(path));
    case OpKind::kStandardFds: return standard_fds(task);
    case OpKind::kLimit: return limit(op);
    case OpKind::kFileMode: call(SYS_umask, static_cast<long>(op.value)); return 0;
    case OpKind::kNoNewPrivs: return call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case OpKind::kLandlockRules: {
      // An older kernel refuses a longer structure with bits it does not know; zeros are fine.
      const sys::LandlockRuleset rules{op.flags, op.value, op.extra};
      return keep(call(SYS_landlock_create_ruleset, address(&rules), sizeof rules, 0));
    }
    case OpKind::kLandlockPath: return landlock_path(op, slot);
    case OpKind::kLandlockEnforce: return call(SYS_landlock_restrict_self, slot, 0);
    case OpKind::kDropCapabilities: return drop_capabilities();
    case OpKind::kSeccomp: return load_seccomp(task, 0);
    case OpKind::kSeccompListener: return load_seccomp_and_hand_over(task);
    case OpKind::kExecInit: {
      if (const long rc = call(SYS_close_range, kInitFd + 1, ~0U, 0); rc < 0) return rc;
      return call(SYS_execveat, kInitFd, address(""), address(task.argv), address(task.env), kEmptyPath);
    }
  }
  return -EINVAL;
}

}  // namespace

OpsFailure carry_out(ChildTask& task) {
  for (std::size_t i = 0; i < task.ops.size(); ++i)
    if (const long rc = carry_out(task, task.ops[i]); rc < 0) return {i, static_cast<int>(-rc)};
  return {task.ops.size(), 0};
}

extern "C" void airlock_child_main(ChildTask* task) {
  default_signals();
  call(SYS_close, task->runner_end_fd);
  if (task->await_identity && tell_and_wait(*task, {kNoteHello, 0, 0}) < 0) leave(1);  // the identity maps are the runner's to write
  const OpsFailure failure = carry_out(*task);
  const Note failed{kNoteFailed, static_cast<int>(failure.index), failure.error};
  call(SYS_write, task->control_fd, address(&failed), sizeof failed);
  leave(1);
}

}  // namespace airlock::sandbox
