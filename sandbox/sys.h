// sandbox/sys: what Debian 12's headers do not declare, and system calls that touch neither errno nor any other state
// of libc. The code between clone and exec shares the runner's memory while other threads run: it may use only these.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

namespace airlock::sandbox::sys {

// The kernel's answer as it is: a negative error number on failure. Always inlined: the init calls clone() through it,
// and a child that borrows the stack must not return from a function.
[[gnu::always_inline]] inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
inline long address(const void* p) { return static_cast<long>(reinterpret_cast<std::uintptr_t>(p)); }

// clone3(2), struct clone_args of Linux 5.7.
struct CloneArgs {
  std::uint64_t flags = 0, pidfd = 0, child_tid = 0, parent_tid = 0, exit_signal = 0, stack = 0, stack_size = 0, tls = 0,
                set_tid = 0, set_tid_size = 0, cgroup = 0;
};
inline constexpr std::uint64_t kCloneIntoCgroup = 0x200000000ULL;

// Landlock of ABI 7; the kernel takes the part of the structure that it knows.
struct LandlockRuleset {
  std::uint64_t handled_fs = 0, handled_net = 0, scoped = 0;
};
struct [[gnu::packed]] LandlockPathRule {
  std::uint64_t allowed;
  std::int32_t parent_fd;
};
inline constexpr long kLandlockRulePathBeneath = 1;
inline constexpr long kLandlockCreateVersion = 1;
namespace landlock {
inline constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3, kRemoveDir = 1 << 4,
                               kRemoveFile = 1 << 5, kMakeChar = 1 << 6, kMakeDir = 1 << 7, kMakeReg = 1 << 8, kMakeSock = 1 << 9,
                               kMakeFifo = 1 << 10, kMakeBlock = 1 << 11, kMakeSym = 1 << 12, kRefer = 1 << 13,
                               kTruncate = 1 << 14, kIoctlDev = 1 << 15;
inline constexpr std::uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;
inline constexpr std::uint64_t kScopeAbstractUnix = 1 << 0, kScopeSignal = 1 << 1;
}  // namespace landlock

inline constexpr long kSeccompSetModeFilter = 1, kSeccompFlagSpecAllow = 4, kSeccompFlagNewListener = 8;
inline constexpr std::uint64_t kResolveNoXdev = 0x01, kResolveNoMagiclinks = 0x02, kResolveNoSymlinks = 0x04, kResolveBeneath = 0x08;

struct OpenHow {
  std::uint64_t flags = 0, mode = 0, resolve = 0;
};

// A clone of the mount at `path`, unattached, with what is mounted below it if `recursive`. No symbolic link may stand
// where the runner saw a folder a moment ago. Inlined for the same reason, and so that a sanitizer stays out of it.
[[gnu::always_inline]] inline long open_tree_without_links(const char* path, bool recursive) {
  OpenHow how;
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = kResolveNoSymlinks | kResolveNoMagiclinks;
  const long seen = call(SYS_openat2, AT_FDCWD, address(path), address(&how), sizeof how);
  if (seen < 0) return seen;
  const long flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const long tree = call(SYS_open_tree, seen, address(""), flags);
  call(SYS_close, seen);
  return tree;
}

}  // namespace airlock::sandbox::sys
