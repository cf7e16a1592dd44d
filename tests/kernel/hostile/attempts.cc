#include "attempts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>

namespace hostile {
namespace {

int met(long result) { return result < 0 ? errno : 0; }

int raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) { return met(::syscall(number, a, b, c, d, e)); }
long p(const void* pointer) { return reinterpret_cast<long>(pointer); }

int open_for_writing(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}
int open_for_reading(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}
int create(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  return met(fd);
}
int make_socket(int family, int type, int protocol) { return met(::socket(family, type, protocol)); }

int connect_tcp(const char* address, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address, &to.sin_addr);
  return met(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to));
}

int send_udp() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(53);
  ::inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
  return met(::sendto(fd, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to));
}

int connect_tcp6(const char* address) {
  const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(22);
  ::inet_pton(AF_INET6, address, &to.sin6_addr);
  return met(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to));
}

sockaddr_in resolver() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(53);
  ::inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
  return to;
}

int send_udp_message(bool many) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return errno;
  sockaddr_in to = resolver();
  char byte = 'x';
  iovec part{&byte, 1};
  mmsghdr message{};
  message.msg_hdr.msg_name = &to;
  message.msg_hdr.msg_namelen = sizeof to;
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  return many ? met(::sendmmsg(fd, &message, 1, 0)) : met(::sendmsg(fd, &message.msg_hdr, 0));
}

int fast_open() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  const sockaddr_in to = resolver();
  return met(::sendto(fd, "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

// Has the kernel signal a process that is not ours when a pipe has something to read.
int signal_by_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) return errno;
  return met(::fcntl(ends[0], F_SETOWN, 4'194'000));
}

// The test binds this abstract name in the host's network namespace.
int connect_abstract() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  static constexpr char kName[] = "airlock-test-canary";
  std::memcpy(to.sun_path + 1, kName, sizeof kName - 1);
  return met(::connect(fd, reinterpret_cast<sockaddr*>(&to), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof kName)));
}

int clone_with(unsigned long flags) {
  const long pid = ::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) ::_exit(0);
  if (pid < 0) return errno;
  ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return 0;
}

int trace_sibling() {
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const int error = met(::ptrace(PTRACE_SEIZE, pid, 0, 0));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return error;
}

int raise_core_limit() {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  return met(::setrlimit(RLIMIT_CORE, &limit));
}

int gain_capability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  data[0].effective = data[0].permitted = 1U << CAP_SYS_ADMIN;
  return raw(SYS_capset, p(&header), p(data));
}

int take_lease() {
  const int fd = ::open("/in/data/canary", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? errno : met(::fcntl(fd, F_SETLEASE, F_RDLCK));
}

int set_attribute() {
  const int made = create("/tmp/attributed");
  return made != 0 ? made : met(::setxattr("/tmp/attributed", "user.x", "1", 1, 0));
}

int chown_to_root() {
  const int made = create("/tmp/owned");
  return made != 0 ? made : met(::chown("/tmp/owned", 0, 0));
}

int set_time() {
  const timespec t{0, 0};
  return met(::clock_settime(CLOCK_REALTIME, &t));
}

int handle_at() {
  struct {
    unsigned bytes;
    int type;
    unsigned char handle[8];
  } handle{8, 1, {2, 0, 0, 0, 0, 0, 0, 0}};
  return raw(SYS_open_by_handle_at, AT_FDCWD, p(&handle), O_RDONLY);
}

int signal_everybody() {
  return met(::kill(-1, SIGKILL));  // there is nobody but us and the init: ESRCH
}

int remount_input() { return met(::mount("none", "/in/data", nullptr, MS_REMOUNT | MS_BIND, nullptr)); }

int clone3_user() {
  unsigned long args[8]{};
  args[0] = CLONE_NEWUSER;
  args[4] = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, args, sizeof args);
  if (pid == 0) ::_exit(0);
  return met(pid);
}

}  // namespace

const std::vector<Attempt>& attempts() {
  static const std::vector<Attempt> all = {
      {"E1-exe-of-init", [] { return open_for_writing("/proc/1/exe"); }, {ENOENT, EACCES}},
      {"E1-own-exe", [] { return open_for_writing("/proc/self/exe"); }, {EROFS, ETXTBSY, EACCES}},
      {"E4-link-in-proc", [] { return met(::symlink("/etc", "/proc/sys")); }, {ENOENT, EACCES, EPERM}},
      {"E4-folder-in-proc", [] { return met(::mkdir("/proc/x", 0755)); }, {ENOENT, EACCES, EPERM, EROFS}},
      {"E4-null-away", [] { return met(::unlink("/dev/null")); }, {EROFS, EACCES, EBUSY}},
      {"E4-null-elsewhere", [] { return met(::rename("/dev/null", "/tmp/null")); }, {EROFS, EACCES, EBUSY, EXDEV}},
      {"E4-null-covered", [] { return met(::link("/dev/zero", "/tmp/null")); }, {EXDEV, EPERM, EACCES}},
      {"E5-core-pattern", [] { return open_for_writing("/proc/sys/kernel/core_pattern"); }, {ENOENT}},
      {"E5-sysrq", [] { return open_for_writing("/proc/sysrq-trigger"); }, {ENOENT}},
      {"E6-sys", [] { return open_for_reading("/sys"); }, {ENOENT}},
      {"E6-cgroup", [] { return open_for_writing("/sys/fs/cgroup/cgroup.procs"); }, {ENOENT}},
      {"E6-release-agent", [] { return open_for_writing("/sys/fs/cgroup/memory/release_agent"); }, {ENOENT}},
      {"E7-terminal", [] { return open_for_reading("/dev/tty"); }, {ENOENT, ENXIO}},
      {"E7-tiocsti", [] { return raw(SYS_ioctl, 0, 0x5412, p("x")); }, {EPERM}},
      {"E7-tiocsti-high-bits", [] { return raw(SYS_ioctl, 0, 0x100005412L, p("x")); }, {EPERM}},
      {"E8-tioclinux", [] { return raw(SYS_ioctl, 0, 0x541C, p("x")); }, {EPERM}},
      {"E9-ptrace-init", [] { return met(::ptrace(PTRACE_ATTACH, 1, 0, 0)); }, {EPERM}},
      {"E9-ptrace-sibling", trace_sibling, {EPERM}},
      {"E9-process-vm-writev", [] { return raw(SYS_process_vm_writev, 1, 0, 0, 0, 0); }, {EPERM}},
      {"E9-memory-of-init", [] { return open_for_writing("/proc/1/mem"); }, {ENOENT, EACCES}},
      {"E9-pidfd-getfd", [] { return raw(438, 0, 0, 0); }, {EPERM}},
      {"E10-signal-everybody", signal_everybody, {ESRCH}},
      {"E10-signal-init", [] { ::kill(1, SIGKILL); ::kill(1, SIGSTOP); return met(::kill(1, 0)) == 0 ? EPERM : ESRCH; }, {EPERM}},
      {"E10-owner-of-a-pipe", signal_by_pipe, {ESRCH, EPERM}},
      {"E10-tgkill", [] { return raw(SYS_tgkill, 4'194'000, 4'194'000, SIGKILL); }, {ESRCH}},
      {"E11-unshare-user", [] { return met(::unshare(CLONE_NEWUSER)); }, {EPERM}},
      {"E11-clone-user", [] { return clone_with(CLONE_NEWUSER); }, {EPERM}},
      {"E11-clone-net-high-bits", [] { return clone_with(0x100000000UL | CLONE_NEWNET | CLONE_NEWUSER); }, {EPERM}},
      {"E11-setns", [] { return met(::setns(0, 0)); }, {EPERM}},
      {"E12-clone3", clone3_user, {ENOSYS}},
      {"E13-mount", [] { return met(::mount("none", "/tmp", "tmpfs", 0, nullptr)); }, {EPERM}},
      {"E13-remount-input", remount_input, {EPERM}},
      {"E13-umount", [] { return met(::umount2("/in/data", MNT_DETACH)); }, {EPERM}},
      {"E13-pivot-root", [] { return raw(SYS_pivot_root, p("/"), p("/")); }, {EPERM}},
      {"E13-chroot", [] { return met(::chroot("/tmp")); }, {EPERM}},
      {"E13-fsopen", [] { return raw(SYS_fsopen, p("tmpfs"), 0); }, {EPERM}},
      {"E13-open-tree", [] { return raw(SYS_open_tree, AT_FDCWD, p("/"), 1); }, {EPERM}},
      {"E13-move-mount", [] { return raw(SYS_move_mount, AT_FDCWD, p("/in"), AT_FDCWD, p("/tmp"), 0); }, {EPERM}},
      {"E13-mount-setattr", [] { return raw(SYS_mount_setattr, AT_FDCWD, p("/"), 0, 0, 0); }, {EPERM}},
      {"E13-write-root", [] { return create("/x"); }, {EROFS, EACCES}},
      {"E13-write-plugin", [] { return create("/plugin/x"); }, {EROFS, EACCES}},
      {"E13-write-input", [] { return open_for_writing("/in/data/canary"); }, {EROFS, EACCES}},
      {"E13-unlink-input", [] { return met(::unlink("/in/data/canary")); }, {EROFS, EACCES}},
      {"E13-write-dev", [] { return create("/dev/x"); }, {EROFS, EACCES}},
      {"E15-io-uring", [] { return raw(SYS_io_uring_setup, 8, 0); }, {ENOSYS}},
      {"E16-setuid", [] { return met(::setuid(0)); }, {EPERM, EINVAL}},
      {"E16-setgroups", [] { const gid_t group = 0; return met(::setgroups(1, &group)); }, {EPERM, EINVAL}},
      {"E16-chown", chown_to_root, {EPERM, EINVAL}},
      {"E16-capset", gain_capability, {EPERM}},
      {"E17-mknod", [] { return met(::mknod("/tmp/sda", S_IFBLK | 0600, 8 << 8)); }, {EPERM}},
      {"E17-mem", [] { return open_for_reading("/dev/mem"); }, {ENOENT}},
      {"E17-kmsg", [] { return open_for_reading("/dev/kmsg"); }, {ENOENT}},
      {"E17-disk", [] { return open_for_reading("/dev/vda"); }, {ENOENT}},
      {"E17-kvm", [] { return open_for_reading("/dev/kvm"); }, {ENOENT}},
      {"E18-open-by-handle", handle_at, {EPERM}},
      {"E19-bpf", [] { return raw(SYS_bpf, 0, 0, 0); }, {EPERM}},
      {"E19-perf", [] { return raw(SYS_perf_event_open, 0, 0, -1, -1, 0); }, {EPERM}},
      {"E19-userfaultfd", [] { return raw(SYS_userfaultfd, 1); }, {EPERM}},
      {"E19-keyctl", [] { return raw(SYS_keyctl, 0, -4, 1); }, {EPERM}},
      {"E19-add-key", [] { return raw(SYS_add_key, p("user"), p("x"), p("y"), 1, -4); }, {EPERM}},
      {"E19-kexec", [] { return raw(SYS_kexec_load, 0, 0, 0, 0); }, {EPERM}},
      {"E19-init-module", [] { return raw(SYS_init_module, 0, 0, 0); }, {EPERM}},
      {"E19-iopl", [] { return raw(SYS_iopl, 3); }, {EPERM}},
      {"E19-modify-ldt", [] { return raw(SYS_modify_ldt, 0, 0, 0); }, {EPERM}},
      {"E19-swapon", [] { return raw(SYS_swapon, p("/tmp"), 0); }, {EPERM}},
      {"E19-reboot", [] { return raw(SYS_reboot, 0, 0, 0, 0); }, {EPERM}},
      {"E19-quotactl", [] { return raw(SYS_quotactl, 0, 0, 0, 0); }, {EPERM}},
      {"E19-acct", [] { return raw(SYS_acct, 0); }, {EPERM}},
      {"E20-personality", [] { return raw(SYS_personality, 0x0040000); }, {EPERM}},
      {"E20-read-implies-exec", [] { return raw(SYS_personality, 0x0400000); }, {EPERM}},
      {"E21-clock-settime", set_time, {EPERM}},
      {"E21-settimeofday", [] { const timeval t{}; return raw(SYS_settimeofday, p(&t), 0); }, {EPERM}},
      {"E21-adjtimex", [] { return raw(SYS_adjtimex, 0); }, {EPERM}},
      {"E23-unknown-call", [] { return raw(999); }, {ENOSYS}},
      {"L2-lease", take_lease, {EINVAL, ENOSYS, EPERM}},
      {"P-xattr", set_attribute, {EOPNOTSUPP}},
      {"P7-core-limit", raise_core_limit, {EPERM}},
      {"X1-loopback", [] { return connect_tcp("127.0.0.1", 22); }, {ENETUNREACH, EACCES}},
      {"X1-metadata", [] { return connect_tcp("169.254.169.254", 80); }, {ENETUNREACH, EACCES}},
      {"X1-lan", [] { return connect_tcp("192.168.0.1", 443); }, {ENETUNREACH, EACCES}},
      {"X1-loopback-v6", [] { return connect_tcp6("::1"); }, {ENETUNREACH, EADDRNOTAVAIL, EACCES}},
      {"X1-mapped", [] { return connect_tcp6("::ffff:127.0.0.1"); }, {ENETUNREACH, EADDRNOTAVAIL, EACCES}},
      {"X2-abstract-socket", connect_abstract, {ECONNREFUSED, EPERM}},
      {"X3-docker-socket", [] { return open_for_reading("/var/run"); }, {ENOENT}},
      {"X3-run", [] { return open_for_reading("/run"); }, {ENOENT}},
      {"X3-home", [] { return open_for_reading("/home"); }, {ENOENT}},
      {"X5-dns-sendmsg", [] { return send_udp_message(false); }, {ENETUNREACH}},
      {"X5-dns-sendmmsg", [] { return send_udp_message(true); }, {ENETUNREACH}},
      {"X5-fast-open", fast_open, {ENETUNREACH, EOPNOTSUPP}},
      {"X5-dns", send_udp, {ENETUNREACH}},
      {"X6-raw", [] { return make_socket(AF_INET, SOCK_RAW, 1); }, {EPERM}},
      {"X6-packet", [] { return make_socket(17, SOCK_RAW, 0); }, {EAFNOSUPPORT}},
      {"X6-netlink", [] { return make_socket(16, SOCK_RAW, 0); }, {EAFNOSUPPORT}},
      {"X6-vsock", [] { return make_socket(40, SOCK_STREAM, 0); }, {EAFNOSUPPORT}},
      {"X6-alg", [] { return make_socket(38, SOCK_SEQPACKET, 0); }, {EAFNOSUPPORT}},
      {"X6-bluetooth", [] { return make_socket(31, SOCK_RAW, 1); }, {EAFNOSUPPORT}},
      {"X6-tipc", [] { return make_socket(30, SOCK_STREAM, 0); }, {EAFNOSUPPORT}},
      {"X6-xdp", [] { return make_socket(44, SOCK_RAW, 0); }, {EAFNOSUPPORT}},
      {"X6-mptcp", [] { return make_socket(AF_INET, SOCK_STREAM, 262); }, {ENOSYS}},
      {"X9-environment-of-init", [] { return open_for_reading("/proc/1/environ"); }, {ENOENT, EACCES}},
      {"X9-shadow", [] { return open_for_reading("/etc/shadow"); }, {ENOENT, EACCES}},
      {"D7-posix-queue", [] { return raw(SYS_mq_open, p("/q"), O_CREAT | O_RDWR, 0600, 0); }, {ENOSYS}},
      {"D7-pty", [] { return open_for_reading("/dev/ptmx"); }, {ENOENT}},
      {"D8-freeze", [] { return open_for_writing("/sys/fs/cgroup/freezer/freezer.state"); }, {ENOENT}},
      {"D8-new-group", [] { return met(::mkdir("/sys/fs/cgroup/x", 0755)); }, {ENOENT}},
      {"D8-own-tree", [] { return met(::mount("none", "/tmp", "cgroup2", 0, nullptr)); }, {EPERM}},
      {"D8-cgroup-namespace", [] { return met(::unshare(CLONE_NEWCGROUP)); }, {EPERM}},
      {"P3-link-to-input", [] { return met(::link("/in/data/canary", "/out/twin")); }, {EXDEV, EPERM, EACCES}},
      {"P6-chmod-input", [] { return met(::chmod("/in/data/canary", 0777)); }, {EROFS, EPERM, EACCES}},
      {"P6-truncate-input", [] { return met(::truncate("/in/data/canary", 0)); }, {EROFS, EACCES}},
      {"P6-replace-input", [] { return met(::rename("/tmp", "/in/data")); }, {EXDEV, EROFS, EBUSY, EACCES}},
      {"P6-times-of-input", [] { return met(::utimensat(AT_FDCWD, "/in/data/canary", nullptr, 0)); }, {EROFS, EPERM, EACCES}},
      {"X10-timers", [] { return open_for_reading("/proc/timer_list"); }, {ENOENT}},
      {"X10-scheduler", [] { return open_for_reading("/proc/schedstat"); }, {ENOENT}},
      {"X10-syslog", [] { return raw(SYS_syslog, 3, 0, 0); }, {EPERM}},
      {"X10-kallsyms", [] { return open_for_reading("/proc/kallsyms"); }, {ENOENT}},
      {"X10-kcore", [] { return open_for_reading("/proc/kcore"); }, {ENOENT}},
  };
  return all;
}

}  // namespace hostile
