// The same rules as sandbox/seccomp_profile.cc, given to libseccomp: what its program decides is what ours must.
#include "reference_profile.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string_view>

#include "base/io.h"
#include "base/unique_fd.h"
#include "base/result.h"
#include "sandbox/seccomp_calls.h"

namespace airlock::sandbox {
namespace {

// Collects rules; the first that libseccomp refuses is kept and reported once, at the end.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx ctx) : ctx_(ctx) {}

  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    // Not known to this libseccomp, or not a call of x86-64: then it is refused by the default.
    if (number == __NR_SCMP_ERROR || number < 0) return;
    add(action, number, name, when);
  }

  void add(std::uint32_t action, int number, const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int rc = seccomp_rule_add_array(ctx_, action, number, static_cast<unsigned>(when.size()), when.begin());
    if (rc != 0 && failure_.empty()) failure_ = std::string(name) + ", error " + std::to_string(-rc);
  }

  const std::string& failure() const { return failure_; }

 private:
  scmp_filter_ctx ctx_;
  std::string failure_;
};

// The kernel reads these arguments as 32 bits, so a comparison of 64 could be passed by with high bits set.
constexpr std::uint64_t kLow = 0xffffffff;
scmp_arg_cmp is(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_MASKED_EQ, kLow, value}; }
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

void add_clone(Rules& rules) {
  // CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. clone3 hides its flags in memory, so it does not exist here.
  constexpr std::uint64_t kNamespaces[] = {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000};
  std::uint64_t all = 0;
  for (const std::uint64_t flag : kNamespaces) {
    all |= flag;
    rules.add(SCMP_ACT_ERRNO(EPERM), "clone", {masked(0, flag, flag)});
  }
  rules.add(SCMP_ACT_ALLOW, "clone", {masked(0, all, 0)});
}

void add_sockets(Rules& rules) {
  constexpr std::uint64_t kTypeMask = 0xf;  // above it: SOCK_CLOEXEC, SOCK_NONBLOCK
  for (const std::uint64_t type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    rules.add(SCMP_ACT_ALLOW, "socket", {is(0, AF_UNIX), masked(1, kTypeMask, type)});
    rules.add(SCMP_ACT_ALLOW, "socketpair", {is(0, AF_UNIX), masked(1, kTypeMask, type)});
  }
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    // Only TCP and UDP: others (SCTP, MPTCP, DCCP) would load modules into the kernel.
    for (const std::uint64_t protocol : {0, 6}) rules.add(SCMP_ACT_ALLOW, "socket", {is(0, family), masked(1, kTypeMask, SOCK_STREAM), is(2, protocol)});
    for (const std::uint64_t protocol : {0, 17}) rules.add(SCMP_ACT_ALLOW, "socket", {is(0, family), masked(1, kTypeMask, SOCK_DGRAM), is(2, protocol)});
    rules.add(SCMP_ACT_ERRNO(EPERM), "socket", {is(0, family), masked(1, kTypeMask, SOCK_RAW)});
  }
  // All others, in the way that says so. One comparison for those above: each instruction costs every step's start.
  for (unsigned family = 0; family < AF_INET6; ++family)
    if (family != AF_UNIX && family != AF_INET) rules.add(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", {is(0, family)});
  rules.add(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", {{0, SCMP_CMP_GT, AF_INET6, 0}});
}

void add_files(Rules& rules) {
  for (const unsigned command : kFcntlCommands) rules.add(SCMP_ACT_ALLOW, "fcntl", {is(1, command)});
  for (const unsigned request : kIoctlRequests) rules.add(SCMP_ACT_ALLOW, "ioctl", {is(1, request)});
  for (const unsigned request : kRefusedIoctlRequests) rules.add(SCMP_ACT_ERRNO(EPERM), "ioctl", {is(1, request)});
  for (const std::uint64_t type : {0, S_IFREG, S_IFIFO, S_IFSOCK}) {
    rules.add(SCMP_ACT_ALLOW, "mknod", {masked(1, S_IFMT, type)});
    rules.add(SCMP_ACT_ALLOW, "mknodat", {masked(2, S_IFMT, type)});
  }
  for (const std::uint64_t type : {S_IFCHR, S_IFBLK}) {
    rules.add(SCMP_ACT_ERRNO(EPERM), "mknod", {masked(1, S_IFMT, type)});
    rules.add(SCMP_ACT_ERRNO(EPERM), "mknodat", {masked(2, S_IFMT, type)});
  }
}

// Held for the supervisor: calls that name an address; a sendto with one, or with MSG_FASTOPEN.
void add_brokered(Rules& rules) {
  for (const char* name : kHeldCalls) rules.add(SCMP_ACT_NOTIFY, name);
  for (const char* name : kUnnamedCalls) rules.add(SCMP_ACT_ERRNO(EACCES), name);
  rules.add(SCMP_ACT_NOTIFY, "sendto", {{4, SCMP_CMP_NE, 0, 0}});
  rules.add(SCMP_ACT_NOTIFY, "sendto", {masked(3, MSG_FASTOPEN, MSG_FASTOPEN)});
  rules.add(SCMP_ACT_ALLOW, "sendto", {{4, SCMP_CMP_EQ, 0, 0}, masked(3, MSG_FASTOPEN, 0)});
}

bool is_decided_by_broker(std::string_view name) {
  return std::ranges::find(kHeldCalls, name) != std::end(kHeldCalls) || std::ranges::find(kUnnamedCalls, name) != std::end(kUnnamedCalls) || name == "sendto";
}

void add_all(Rules& rules, Sockets sockets) {
  for (const char* name : kAllowedCalls)
    if (sockets == Sockets::kIsolated || !is_decided_by_broker(name)) rules.add(SCMP_ACT_ALLOW, name);
  if (sockets == Sockets::kBrokered) add_brokered(rules);
  for (const int number : kAllowedNewCalls) rules.add(SCMP_ACT_ALLOW, number, "a call without a name");
  for (const char* name : kRefusedCalls) rules.add(SCMP_ACT_ERRNO(EPERM), name);
  for (const char* name : kUnsupportedCalls) rules.add(SCMP_ACT_ERRNO(EOPNOTSUPP), name);
  for (const int number : kUnsupportedNewCalls) rules.add(SCMP_ACT_ERRNO(EOPNOTSUPP), number, "a call without a name");
  add_clone(rules);
  add_sockets(rules);
  add_files(rules);
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx ctx) {
  // libseccomp 2.5 writes programs to descriptors only.
  const UniqueFd file(::memfd_create("airlock-seccomp", MFD_CLOEXEC));
  if (!file) return os_fail("memfd_create", "the seccomp program");
  if (const int rc = seccomp_export_bpf(ctx, file.get()); rc != 0)
    return fail(Code::kInternal, "seccomp_export_bpf: error " + std::to_string(-rc));
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return os_fail("fstat", "the seccomp program");
  std::vector<sock_filter> program(static_cast<std::size_t>(st.st_size) / sizeof(sock_filter));
  const auto bytes = program.size() * sizeof(sock_filter);
  if (program.empty() || program.size() > BPF_MAXINSNS || ::pread(file.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes))
    return fail(Code::kInternal, "the seccomp program has " + std::to_string(st.st_size) + " bytes");
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> reference_profile(Sockets sockets) {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> ctx(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release);
  if (!ctx) return fail(Code::kInternal, "seccomp_init gave nothing");
  if (seccomp_attr_set(ctx.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0) return fail(Code::kInternal, "libseccomp does not know an attribute");
  Rules rules(ctx.get());
  add_all(rules, sockets);
  if (!rules.failure().empty()) return fail(Code::kInternal, "seccomp rule for " + rules.failure());
  return export_program(ctx.get());
}

}  // namespace airlock::sandbox
