#include "sandbox/seccomp_profile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <span>

#include "sandbox/bpf_program.h"
#include "sandbox/seccomp_calls.h"

namespace airlock::sandbox {
namespace {

constexpr std::uint32_t refuse(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

class Profile {
 public:
  explicit Profile(Sockets sockets) : brokered_(sockets == Sockets::kBrokered) {}

  std::optional<std::vector<sock_filter>> build() {
    const Label native = program_.label();
    program_.load(offsetof(seccomp_data, arch));
    program_.equal(AUDIT_ARCH_X86_64, native, kill_);
    program_.place(native);
    program_.load(offsetof(seccomp_data, nr));
    auto runs = runs_of(calls());
    runs.push_back({kFirstX32Call, kill_});
    runs.push_back({0xffffffff, enosys_});  // how a tracer says "none"
    program_.search(runs);
    clone();
    personality();
    sockets();
    values(fcntl_, 1, kFcntlCommands, {});
    values(ioctl_, 1, kIoctlRequests, kRefusedIoctlRequests);
    nodes(mknod_, 1);
    nodes(mknodat_, 2);
    if (brokered_) sends();
    verdicts();
    return program_.finish();
  }

 private:
  using Label = BpfProgram::Label;
  static constexpr std::uint32_t kFirstX32Call = 0x40000000;

  // Where each listed value leads, and all others to "no such call".
  std::vector<BpfProgram::Run> runs_of(const std::map<std::uint32_t, Label>& values) const {
    std::vector<BpfProgram::Run> runs = {{0, enosys_}};
    const auto add = [&runs](std::uint32_t first, Label then) {
      if (runs.back().first == first) runs.pop_back();
      if (runs.empty() || runs.back().then != then) runs.push_back({first, then});
    };
    for (const auto& [value, then] : values) {
      add(value, then);
      add(value + 1, enosys_);
    }
    return runs;
  }

  std::map<std::uint32_t, Label> calls() const {
    std::map<std::uint32_t, Label> out;
    const auto named = [&out](const char* call, Label then) {
      const int number = seccomp_syscall_resolve_name(call);
      // Not known to this libseccomp, or not a call of x86-64: then it does not exist.
      if (number != __NR_SCMP_ERROR && number >= 0) out[static_cast<std::uint32_t>(number)] = then;
    };
    const auto numbered = [&out](int call, Label then) { out[static_cast<std::uint32_t>(call)] = then; };
    for (const char* call : kAllowedCalls) named(call, allow_);
    for (const int call : kAllowedNewCalls) numbered(call, allow_);
    for (const char* call : kRefusedCalls) named(call, eperm_);
    for (const char* call : kUnsupportedCalls) named(call, unsupported_);
    for (const int call : kUnsupportedNewCalls) numbered(call, unsupported_);
    const std::pair<const char*, Label> by_argument[] = {{"clone", clone_}, {"personality", personality_}, {"socket", socket_}, {"socketpair", socketpair_},
                                                         {"fcntl", fcntl_}, {"ioctl", ioctl_}, {"mknod", mknod_}, {"mknodat", mknodat_}};
    for (const auto& [call, block] : by_argument) named(call, block);
    if (!brokered_) return out;
    for (const char* call : kHeldCalls) named(call, held_);
    for (const char* call : kUnnamedCalls) named(call, eacces_);
    named("sendto", sendto_);
    return out;
  }

  // The kernel reads these arguments as 32 bits (or, of clone's flags, has those that count here in the low 32), so the
  // program does: a comparison of 64 could be passed by with high bits set.
  void begin(Label block, unsigned argument) {
    program_.place(block);
    load(argument);
  }
  void load(unsigned argument) { program_.load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t))); }

  Label next() { return program_.label(); }

  void clone() {
    // CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. clone3 hides its flags in memory, so it does not exist here.
    begin(clone_, 0);
    program_.any_bit(0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000, eperm_, allow_);
  }

  // Only the query and plain Linux: any flag turns off address randomisation or the like.
  void personality() {
    const Label set = next(), other = next();
    begin(personality_, 0);
    program_.equal(0xffffffff, allow_, set);
    program_.place(set);
    program_.equal(0, allow_, other);
    program_.place(other);
    program_.any_bit(0xffff0000, eperm_, enosys_);
  }

  void sockets() {
    const Label local = next(), not_local = next(), not_inet = next(), inet = next(), tcp = next(), not_tcp = next(), udp = next();
    begin(socket_, 0);
    program_.equal(AF_UNIX, local, not_local);
    program_.place(not_local);
    program_.equal(AF_INET, inet, not_inet);
    program_.place(not_inet);
    program_.equal(AF_INET6, inet, no_family_);
    program_.place(inet);
    type_of_socket();
    program_.equal(SOCK_STREAM, tcp, not_tcp);
    program_.place(not_tcp);
    const Label not_udp = next();
    program_.equal(SOCK_DGRAM, udp, not_udp);
    program_.place(not_udp);
    program_.equal(SOCK_RAW, eperm_, enosys_);
    // Only TCP and UDP: others (SCTP, MPTCP, DCCP) would load modules into the kernel.
    protocol(tcp, IPPROTO_TCP);
    protocol(udp, IPPROTO_UDP);
    begin(socketpair_, 0);
    program_.equal(AF_UNIX, local, enosys_);
    program_.place(local);
    type_of_socket();
    const Label not_stream = next(), not_datagram = next();
    program_.equal(SOCK_STREAM, allow_, not_stream);
    program_.place(not_stream);
    program_.equal(SOCK_DGRAM, allow_, not_datagram);
    program_.place(not_datagram);
    program_.equal(SOCK_SEQPACKET, allow_, enosys_);
  }
  void type_of_socket() {
    load(1);
    program_.mask(0xf);  // above it: SOCK_CLOEXEC, SOCK_NONBLOCK
  }
  void protocol(Label block, std::uint32_t only) {
    const Label named = next();
    begin(block, 2);
    program_.equal(0, allow_, named);
    program_.place(named);
    program_.equal(only, allow_, enosys_);
  }

  void values(Label block, unsigned argument, std::span<const unsigned> allowed, std::span<const unsigned> refused) {
    std::map<std::uint32_t, Label> leads;
    for (const unsigned value : allowed) leads[value] = allow_;
    for (const unsigned value : refused) leads[value] = eperm_;
    begin(block, argument);
    program_.search(runs_of(leads));
  }

  void nodes(Label block, unsigned argument) {
    begin(block, argument);
    program_.mask(S_IFMT);
    program_.search(runs_of({{0, allow_}, {S_IFREG, allow_}, {S_IFIFO, allow_}, {S_IFSOCK, allow_}, {S_IFCHR, eperm_}, {S_IFBLK, eperm_}}));
  }

  // Without an address, data goes where the socket leads. MSG_FASTOPEN connects a socket by the way.
  void sends() {
    const Label low = next(), no_address = next();
    begin(sendto_, 4);
    program_.equal(0, low, held_);
    program_.place(low);
    program_.load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 4 * sizeof(std::uint64_t) + sizeof(std::uint32_t)));
    program_.equal(0, no_address, held_);
    program_.place(no_address);
    load(3);
    program_.any_bit(MSG_FASTOPEN, held_, allow_);
  }

  void verdicts() {
    const std::pair<Label, std::uint32_t> all[] = {{allow_, SECCOMP_RET_ALLOW}, {kill_, SECCOMP_RET_KILL_PROCESS}, {enosys_, refuse(ENOSYS)},
                                                   {eperm_, refuse(EPERM)}, {unsupported_, refuse(EOPNOTSUPP)}, {no_family_, refuse(EAFNOSUPPORT)}};
    const std::pair<Label, std::uint32_t> of_brokered[] = {{held_, SECCOMP_RET_USER_NOTIF}, {eacces_, refuse(EACCES)}};
    const auto give = [this](const std::pair<Label, std::uint32_t>& verdict) {
      program_.place(verdict.first);
      program_.give(verdict.second);
    };
    std::ranges::for_each(all, give);
    if (brokered_) std::ranges::for_each(of_brokered, give);
  }

  const bool brokered_;
  BpfProgram program_;
  const Label allow_ = next(), kill_ = next(), enosys_ = next(), eperm_ = next(), unsupported_ = next(), no_family_ = next();
  const Label clone_ = next(), personality_ = next(), socket_ = next(), socketpair_ = next(), fcntl_ = next(), ioctl_ = next(), mknod_ = next(),
              mknodat_ = next(), sendto_ = next(), held_ = next(), eacces_ = next();
};

}  // namespace

Result<SeccompProfile> build_seccomp_profile(Sockets sockets) {
  auto program = Profile(sockets).build();
  if (!program) return fail(Code::kInternal, "the seccomp program has a jump that is too long");
  SeccompProfile profile;
  profile.version = sockets == Sockets::kBrokered ? kBrokeredProfileVersion : kProfileVersion;
  profile.program = std::move(*program);
  Sha256 hasher;
  hasher.update(profile.version);
  hasher.update("\n");
  hasher.update({reinterpret_cast<const char*>(profile.program.data()), profile.program.size() * sizeof(sock_filter)});
  profile.digest = hasher.finish();
  return profile;
}

}  // namespace airlock::sandbox
