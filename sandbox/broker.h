// sandbox/broker: answers the calls by which a step that declared endpoints would reach them (page 04, "Network").
//
// The step sits in an empty network namespace. seccomp holds its connect, sendto with an address, sendmsg and sendmmsg
// (seccomp_profile.h, brokered) and asks us. An address is read once, into our memory, and judged there. Where it is
// granted, we make a socket of our own in the runner's namespace, connect it to the address that was judged, and put it
// in the place of the step's (SECCOMP_IOCTL_NOTIF_ADDFD): what the step writes into its memory meanwhile reaches nobody.
//
// The one answer that lets the kernel read the step's memory again is for a sendmsg without an address. It needs no trust:
// behind the filter a message with an address can go nowhere. The step's own sockets lead into its empty namespace; those
// that we gave it are TCP, which takes no address from a message but with MSG_FASTOPEN, and that flag, a register, was
// looked at by the filter.
//
// A socket that we gave, whose connection failed or was given up, can be connected again only through us; the filter
// refuses bind and listen, by which it would become a server of the host's.
//
// Nothing here blocks: connections are made in the background, and a step that waits for one waits in its own call.
#pragma once

#include <linux/seccomp.h>

#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/held_task.h"
#include "sandbox/network.h"

namespace airlock::sandbox {

class Broker {
 public:
  // kSandboxUnavailable: this kernel cannot do it. By a thread in the namespace that connections are to start from.
  static Result<std::unique_ptr<Broker>> create(std::vector<NetworkGrant> grants);

  Result<void> listen(UniqueFd listener);                  // the seccomp listener of the step
  const UniqueFd& poll_fd() const { return events_; }      // readable when serve() has something to do
  void serve();                                            // a bounded amount of it; then it may still be readable
  const DecisionLog& log() const { return log_; }
  const std::vector<NetworkGrant>& grants() const { return grants_; }

 private:
  // A held call. Its answer: an errno, "go on" (kContinue), or none yet (kLater).
  struct Call {
    std::uint64_t id = 0;
    int tid = 0;
    const char* name = "";
    int fd = -1;
    HeldTask task;
  };
  // A connection in the making, for a call that is held until it stands.
  struct Pending {
    std::uint64_t id = 0;
    int tid = 0, fd = -1;
    Target target;
    UniqueFd socket;
    bool ours = false;             // made here, and to be installed; else the step has it already
    bool close_on_exec = false;
    std::optional<int> result{};   // known, but the call was interrupted: it may come back
  };
  // What a thread was told last of a socket that was installed. A signal can take it out of its call before it hears the
  // answer, and the kernel does not say so, not even to whoever answered: the call then comes again, and may again.
  struct Told {
    int fd = -1;
    Target target;
    int result = 0;
    int again = 16;
  };
  // What of a socket of the step counts.
  struct Socket {
    UniqueFd fd;
    int domain = 0, type = 0;
    bool given = false;            // one of ours
    const char* protocol() const;
  };
  static constexpr int kContinue = -1, kLater = -2;
  static constexpr std::size_t kMostTold = 4096;

  explicit Broker(std::vector<NetworkGrant> grants) : grants_(std::move(grants)) {}
  bool take_call();
  int answer(const seccomp_notif& notification);
  int connect(const Call& call, std::uint64_t address, int size);
  int connect_given(const Call& call, Socket socket, const Target& target);
  int connect_new(const Call& call, const Socket& socket, const Target& target);
  int send_to(const Call& call, std::uint64_t address, int size, int flags);
  int send_message(const Call& call, std::uint64_t message, int flags);
  int send_messages(const Call& call, std::uint64_t messages, unsigned count, int flags);
  int refuse_message(const Call& call, std::uint64_t address, int size, int flags);
  int wait_for(const Call& call, const Target& target, UniqueFd socket, bool ours);
  std::optional<int> take_up(const Call& call, const Socket& socket, const Target& target);
  int install(const Call& call, const Target& target, UniqueFd socket, bool close_on_exec, int result);
  int deliver(const Call& call, const Target& target, int result);
  void finish(std::uint64_t key);
  void forget_the_gone();
  bool is_held(std::uint64_t id) const;
  void respond(std::uint64_t id, int answer);
  std::expected<Socket, int> socket_of(const Call& call) const;
  std::expected<Target, int> target_at(const Call& call, std::uint64_t address, int size) const;
  void record(const Call& call, const Socket& socket, const Target& target, bool granted);

  std::vector<NetworkGrant> grants_;
  DecisionLog log_;
  UniqueFd events_, listener_;
  std::uint64_t namespace_ = 0;  // cookie of the network namespace that connections start from
  std::size_t notification_size_ = 0, response_size_ = 0;
  std::map<std::uint64_t, Pending> pending_;
  std::map<int, Told> told_;     // by thread
  std::uint64_t next_key_ = 1;   // 0 is the listener's
};

}  // namespace airlock::sandbox
