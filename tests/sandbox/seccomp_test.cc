// The seccomp program, run in an interpreter: no kernel is asked.
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>

#include "reference_profile.h"
#include "sandbox/bpf_program.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp_calls.h"
#include "sandbox/seccomp_profile.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

// Classic BPF as seccomp allows it.
std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    const auto jump = [&](bool taken) { pc += taken ? i.jt : i.jf; };
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, sizeof a); break;
      case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
      case BPF_JMP | BPF_JA: pc += i.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(a == i.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(a > i.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(a >= i.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: jump((a & i.k) != 0); break;
      case BPF_RET | BPF_K: return i.k;
      default: FAIL("instruction " << i.code << " at " << pc);
    }
  }
  FAIL("the program runs off its end");
  return 0;
}

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW, kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t refused(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

struct Profile {
  explicit Profile(Sockets sockets = Sockets::kIsolated) : profile(*build_seccomp_profile(sockets)) {}
  SeccompProfile profile;

  std::uint32_t operator()(long number, std::initializer_list<std::uint64_t> arguments = {}, std::uint32_t arch = AUDIT_ARCH_X86_64) const {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    std::ranges::copy(arguments, data.args);
    return run(profile.program, data);
  }
};

constexpr unsigned long long kHigh = 0x100000000ULL;  // a bit the kernel does not look at

}  // namespace

TEST_CASE("what programs live on is allowed") {
  const Profile profile;
  for (const long call : {SYS_read, SYS_write, SYS_openat, SYS_mmap, SYS_execve, SYS_exit_group, SYS_futex, SYS_wait4, SYS_rt_sigtimedwait, SYS_statx,
                          SYS_getrandom, SYS_clock_gettime, SYS_close_range, SYS_prctl, SYS_kill, SYS_epoll_wait, SYS_connect})
    CHECK(profile(call) == kAllow);
}

TEST_CASE("ways out are refused aloud, unknown numbers do not exist") {
  const Profile profile;
  for (const long call : {SYS_ptrace, SYS_mount, SYS_unshare, SYS_setns, SYS_bpf, SYS_keyctl, SYS_userfaultfd, SYS_perf_event_open, SYS_open_by_handle_at,
                          SYS_kexec_load, SYS_init_module, SYS_clock_settime, SYS_process_vm_readv, SYS_chroot, SYS_reboot})
    CHECK(profile(call) == refused(EPERM));
  for (const long call : {SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_seccomp, SYS_memfd_secret, 335, 470, 1000})
    CHECK(profile(call) == refused(ENOSYS));
  CHECK(profile(SYS_setxattr) == refused(EOPNOTSUPP));
}

TEST_CASE("calls of another architecture kill") {
  const Profile profile;
  CHECK(profile(SYS_read, {}, AUDIT_ARCH_I386) == kKill);
  CHECK(profile(SYS_read, {}, AUDIT_ARCH_AARCH64) == kKill);
  CHECK(profile(0x40000000L + SYS_read) == kKill);
}

TEST_CASE("clone makes processes and threads, and no namespace") {
  const Profile profile;
  CHECK(profile(SYS_clone, {0x11}) == kAllow);
  CHECK(profile(SYS_clone, {0x3d0f00}) == kAllow);  // pthread_create
  for (const std::uint64_t flag : {0x00020000ULL, 0x02000000ULL, 0x04000000ULL, 0x08000000ULL, 0x10000000ULL, 0x20000000ULL, 0x40000000ULL}) {
    CHECK(profile(SYS_clone, {flag | 0x11}) == refused(EPERM));
    CHECK(profile(SYS_clone, {flag | kHigh}) == refused(EPERM));
  }
}

TEST_CASE("arguments are compared as the kernel reads them, in 32 bits") {
  const Profile profile;
  CHECK(profile(SYS_ioctl, {0, 0x5401}) == kAllow);
  CHECK(profile(SYS_ioctl, {0, 0x5412}) == refused(EPERM));
  CHECK(profile(SYS_ioctl, {0, 0x5412 | kHigh}) == refused(EPERM));
  CHECK(profile(SYS_ioctl, {0, 0x541C | kHigh}) == refused(EPERM));
  CHECK(profile(SYS_ioctl, {0, 0xAE01}) == refused(ENOSYS));
  CHECK(profile(SYS_fcntl, {0, 3}) == kAllow);
  CHECK(profile(SYS_fcntl, {0, 1024}) == refused(ENOSYS));  // F_SETLEASE
  CHECK(profile(SYS_fcntl, {0, 1024 | kHigh}) == refused(ENOSYS));
  CHECK(profile(SYS_personality, {0xffffffff}) == kAllow);
  CHECK(profile(SYS_personality, {0x0040000}) == refused(EPERM));
  CHECK(profile(SYS_personality, {0x0040000 | kHigh}) == refused(EPERM));
  // Any flag, whatever it comes with: libseccomp has no word for that, so its program is no measure here.
  for (std::uint64_t flag = 0x10000; flag < kHigh; flag <<= 1) CHECK(profile(SYS_personality, {flag | 8}) == refused(EPERM));
  CHECK(profile(SYS_personality, {8}) == refused(ENOSYS));
  CHECK(profile(SYS_personality, {kHigh}) == kAllow);
}

TEST_CASE("sockets are local, TCP or UDP") {
  const Profile profile;
  constexpr std::uint64_t kCloexec = 02000000;
  CHECK(profile(SYS_socket, {1, 1 | kCloexec, 0}) == kAllow);
  CHECK(profile(SYS_socket, {2, 1, 0}) == kAllow);
  CHECK(profile(SYS_socket, {2, 2, 17}) == kAllow);
  CHECK(profile(SYS_socket, {10, 1, 6}) == kAllow);
  CHECK(profile(SYS_socket, {2, 3, 1}) == refused(EPERM));
  CHECK(profile(SYS_socket, {2, 1, 262}) == refused(ENOSYS));  // MPTCP
  CHECK(profile(SYS_socket, {2, 1, 132}) == refused(ENOSYS));  // SCTP
  for (const std::uint64_t family : {16ULL, 17ULL, 38ULL, 40ULL, 31ULL, 30ULL, kHigh | 16ULL, kHigh | 40ULL})
    CHECK(profile(SYS_socket, {family, 3, 0}) == refused(EAFNOSUPPORT));
  CHECK(profile(SYS_socketpair, {1, 1, 0}) == kAllow);
  CHECK(profile(SYS_socketpair, {2, 1, 0}) == refused(ENOSYS));
}

TEST_CASE("devices cannot be made") {
  const Profile profile;
  CHECK(profile(SYS_mknod, {0, 0100644}) == kAllow);
  CHECK(profile(SYS_mknod, {0, 0020600}) == refused(EPERM));
  CHECK(profile(SYS_mknodat, {0, 0, 0060600}) == refused(EPERM));
}

TEST_CASE("of a step with endpoints, calls that name an address are held, and no socket is named") {
  const Profile brokered(Sockets::kBrokered), isolated;
  constexpr std::uint32_t kHeld = SECCOMP_RET_USER_NOTIF;
  constexpr std::uint64_t kFastOpen = 0x20000000;
  for (const long call : {SYS_connect, SYS_sendmsg, SYS_sendmmsg}) CHECK(brokered(call) == kHeld);
  for (const long call : {SYS_bind, SYS_listen}) CHECK(brokered(call) == refused(EACCES));
  CHECK(brokered(SYS_sendto, {3, 8, 1, 0, 0, 0}) == kAllow);           // send()
  CHECK(brokered(SYS_sendto, {3, 8, 1, 0x4040, 0, 0}) == kAllow);
  CHECK(brokered(SYS_sendto, {3, 8, 1, 0, 16, 16}) == kHeld);
  CHECK(brokered(SYS_sendto, {3, 8, 1, 0, kHigh, 16}) == kHeld);       // an address has 64 bits
  CHECK(brokered(SYS_sendto, {3, 8, 1, kFastOpen, 0, 0}) == kHeld);
  CHECK(brokered(SYS_read) == kAllow);
  for (const long call : {SYS_connect, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_bind, SYS_listen}) CHECK(isolated(call) == kAllow);
  CHECK(brokered.profile.digest != isolated.profile.digest);
  CHECK(brokered.profile.program.size() < 256);
}

TEST_CASE("every call with every telling argument is decided as libseccomp decides it") {
  const Sockets sockets = GENERATE(Sockets::kIsolated, Sockets::kBrokered);
  const Profile profile(sockets);
  const auto reference = reference_profile(sockets);
  REQUIRE(reference.has_value());
  std::vector<std::uint64_t> values = {0, 6, 17, 262, 0xffffffff, 0xfffffffe, kHigh, 0x8000000000000000ULL, 02000001, 02004005};
  for (std::uint64_t bit = 0; bit < 64; ++bit) values.push_back(std::uint64_t{1} << bit);
  for (std::uint64_t small = 0; small < 46; ++small) values.push_back(small);
  for (const unsigned command : kFcntlCommands) for (const unsigned near : {command - 1, command, command + 1}) values.push_back(near);
  for (const unsigned request : kIoctlRequests) for (const unsigned near : {request - 1, request, request + 1}) values.push_back(near);
  for (const unsigned request : kRefusedIoctlRequests) values.push_back(request | kHigh);
  for (std::uint64_t type = 0; type <= 0xf; ++type) values.push_back(type << 12 | 0644);
  std::size_t compared = 0, differing = 0;
  const auto compare = [&](long number, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = AUDIT_ARCH_X86_64;
    data.args[0] = a, data.args[1] = b, data.args[2] = c;
    ++compared;
    if (run(profile.profile.program, data) == run(*reference, data)) return;
    if (++differing < 10) UNSCOPED_INFO(number << " " << a << " " << b << " " << c);
  };
  for (long number = -2; number < 1100; ++number)
    if (number != SYS_personality) compare(number, 0, 0, 0);
  for (const long number : {0x3fffffffL, 0x40000000L, 0x40000001L, 0x40000000L + SYS_socket, 0x7fffffffL, -0x80000000L}) compare(number, 0, 0, 0);
  for (const long number : {SYS_clone, SYS_socket, SYS_socketpair, SYS_fcntl, SYS_ioctl, SYS_mknod, SYS_mknodat, SYS_read, SYS_mount})
    for (const std::uint64_t value : values)
      for (const std::uint64_t other : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, value}) {
        // Families that no kernel has yet: libseccomp was only told of those there are.
        if (number != SYS_socket || (value & 0xffffffff) < 46) compare(number, value, other, other);
        compare(number, other & 2, value, other);
        compare(number, 2, other, value);
      }
  for (const std::uint64_t flags : values)
    for (const std::uint64_t to : values) {
      seccomp_data data{};
      data.nr = SYS_sendto;
      data.arch = AUDIT_ARCH_X86_64;
      data.args[3] = flags, data.args[4] = to;
      ++compared;
      differing += run(profile.profile.program, data) != run(*reference, data) ? 1U : 0U;
    }
  CHECK(differing == 0);
  CHECK(compared > 5'000);
  CHECK(profile.profile.program.size() * 3 < reference->size() * 2);
}

TEST_CASE("a program whose jump is too long, or leads nowhere, is not made") {
  BpfProgram far;
  const auto end = far.label(), next = far.label();
  far.equal(1, end, next);
  far.place(next);
  for (int i = 0; i < 256; ++i) far.load(0);
  far.place(end);
  far.give(0);
  CHECK_FALSE(far.finish().has_value());
  BpfProgram nowhere;
  const auto never = nowhere.label();
  nowhere.equal(1, never, never);
  nowhere.give(0);
  CHECK_FALSE(nowhere.finish().has_value());
}

TEST_CASE("the profile is the same every time, and its digest is what steps are hashed with") {
  const Profile first, second;
  CHECK(first.profile.digest == second.profile.digest);
  CHECK(first.profile.digest == *profile_digest());
  CHECK(first.profile.program.size() < 256);  // loading costs by the instruction
}
