#include "sandbox/broker.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/io.h"
#include "sandbox/socket_options.h"

namespace airlock::sandbox {
namespace {

constexpr std::size_t kMostPending = 4096;        // connections a step may wait for at once
constexpr int kCallsATurn = 64;                   // then output, deadlines and memory have theirs
constexpr unsigned kMostMessages = 1024;          // UIO_MAXIOV: the kernel takes no more of sendmmsg's
constexpr std::uint64_t kListenerKey = 0;

Error unavailable(const char* what, int error) {
  return {Code::kSandboxUnavailable, std::string("endpoints of steps: ") + what + ": " + std::strerror(error)};  // NOLINT: known errors
}

std::uint64_t namespace_of(int socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

int integer_option(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::uint8_t tcp_state(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_state : std::uint8_t{TCP_CLOSE};
}

int connect_to(int socket, int domain, const Target& target) {
  if (domain == AF_INET) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(target.port);
    std::memcpy(&to.sin_addr, target.address.bytes.data() + 12, sizeof to.sin_addr);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(target.port);
  std::memcpy(&to.sin6_addr, target.address.bytes.data(), sizeof to.sin6_addr);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
}

// Descriptors ran out on our side: the step is told what the kernel says when it has no more ports to give.
int scarce(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM ? EAGAIN : error; }

// A thousand connections at once are a thousand descriptors of ours.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2 * kMostPending) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * kMostPending);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // ignoring: then fewer at once
}

}  // namespace

const char* Broker::Socket::protocol() const {
  if (domain != AF_INET && domain != AF_INET6) return "other";
  return type == SOCK_STREAM ? "tcp" : (type == SOCK_DGRAM ? "udp" : "other");
}

Result<std::unique_ptr<Broker>> Broker::create(std::vector<NetworkGrant> grants) {
  raise_descriptor_limit();
  std::unique_ptr<Broker> broker(new Broker(std::move(grants)));
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return fail(unavailable("seccomp notifications", errno));
  broker->notification_size_ = std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif));
  broker->response_size_ = std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
  const UniqueFd here(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  broker->namespace_ = here ? namespace_of(here.get()) : 0;
  if (broker->namespace_ == 0) return fail(unavailable("SO_NETNS_COOKIE", errno));
  broker->events_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!broker->events_) return os_fail("epoll_create1", "for the endpoints of a step");
  return broker;
}

Result<void> Broker::listen(UniqueFd listener) {
  listener_ = std::move(listener);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListenerKey;
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, listener_.get(), &event) != 0) return os_fail("epoll_ctl", "the seccomp listener");
  return {};
}

void Broker::serve() {
  std::array<epoll_event, kCallsATurn> ready{};
  const int count = ::epoll_wait(events_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<std::size_t>(i)];
    if (event.data.u64 != kListenerKey) {
      finish(event.data.u64);
      continue;
    }
    if ((event.events & EPOLLIN) == 0) {  // every process of the step is gone
      (void)::epoll_ctl(events_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);  // ignoring: it is there
      continue;
    }
    pollfd more{listener_.get(), POLLIN, 0};
    for (int calls = 0; calls < kCallsATurn && take_call() && ::poll(&more, 1, 0) == 1 && (more.revents & POLLIN) != 0; ++calls) {
    }
  }
}

bool Broker::take_call() {
  std::vector<std::uint64_t> buffer(notification_size_ / sizeof(std::uint64_t) + 1);  // zeros, as the kernel demands
  const auto* const notification = reinterpret_cast<const seccomp_notif*>(buffer.data());
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, buffer.data()) != 0) return errno == ENOENT || errno == EINTR;  // it went away
  if (const int result = answer(*notification); result != kLater) respond(notification->id, result);
  return true;
}

int Broker::answer(const seccomp_notif& n) {
  const auto* const a = n.data.args;
  const auto word = [a](int i) { return static_cast<int>(a[i]); };
  Call call{n.id, static_cast<int>(n.pid), "", word(0), HeldTask(static_cast<int>(n.pid))};
  switch (n.data.nr) {
    case SYS_connect: call.name = "connect"; return connect(call, a[1], word(2));
    case SYS_sendto: call.name = "sendto"; return send_to(call, a[4], word(5), word(3));
    case SYS_sendmsg: call.name = "sendmsg"; return send_message(call, a[1], word(2));
    case SYS_sendmmsg: call.name = "sendmmsg"; return send_messages(call, a[1], static_cast<unsigned>(word(2)), word(3));
    default: return ENOSYS;
  }
}

std::expected<Target, int> Broker::target_at(const Call& call, std::uint64_t address, int size) const {
  std::array<std::uint8_t, sizeof(sockaddr_storage)> bytes{};
  if (size < 0 || static_cast<std::size_t>(size) > bytes.size()) return std::unexpected(EINVAL);
  if (!call.task.read(address, bytes.data(), static_cast<std::size_t>(size))) return std::unexpected(EFAULT);
  const auto target = read_target(std::span(bytes).first(static_cast<std::size_t>(size)));
  if (!target) return std::unexpected(EINVAL);
  return *target;
}

std::expected<Broker::Socket, int> Broker::socket_of(const Call& call) const {
  auto fd = call.task.descriptor(call.fd);
  if (!fd) return std::unexpected(scarce(fd.error()));
  Socket out;
  out.domain = integer_option(fd->get(), SO_DOMAIN);
  if (out.domain < 0) return std::unexpected(ENOTSOCK);
  out.type = integer_option(fd->get(), SO_TYPE);
  out.given = namespace_of(fd->get()) == namespace_;
  out.fd = std::move(*fd);
  return out;
}

void Broker::record(const Call& call, const Socket& socket, const Target& target, bool granted) {
  const bool internet = target.kind == Target::Kind::kInternet;
  log_.add({call.name, socket.protocol(), internet ? target.address.text() : "family " + std::to_string(target.family), target.port, granted});
}

int Broker::connect(const Call& call, std::uint64_t address, int size) {
  const auto target = target_at(call, address, size);
  if (!target) return target.error();
  auto socket = socket_of(call);
  if (!socket) return socket.error();
  if (!is_held(call.id)) return kLater;  // it died, and what was read may be another's
  // By name, local sockets do not exist for a step with endpoints: it cannot make one (bind is refused).
  if (socket->domain == AF_UNIX) return ECONNREFUSED;
  if (target->kind == Target::Kind::kUnspecified) {
    // Unconnects a socket. One of ours is thrown away, never turned.
    if (socket->given || socket->type != SOCK_DGRAM) return EINVAL;
    const sockaddr none{};
    return ::connect(socket->fd.get(), &none, sizeof none) == 0 ? 0 : errno;
  }
  if (const auto known = take_up(call, *socket, *target)) return *known;
  const bool internet = target->kind == Target::Kind::kInternet && (socket->domain == AF_INET || socket->domain == AF_INET6);
  const bool fits = internet && target->family == static_cast<unsigned>(socket->domain);
  const bool granted = fits && socket->type == SOCK_STREAM && is_granted(grants_, *target);
  record(call, *socket, *target, granted);
  if (!fits) return EAFNOSUPPORT;
  if (!granted) return EACCES;
  return socket->given ? connect_given(call, std::move(*socket), *target) : connect_new(call, *socket, *target);
}

// A second connect on a socket that we put there: as the kernel answers it.
int Broker::connect_given(const Call& call, Socket socket, const Target& target) {
  switch (tcp_state(socket.fd.get())) {
    case TCP_SYN_SENT: case TCP_SYN_RECV: {
      const bool waits = (::fcntl(socket.fd.get(), F_GETFL) & O_NONBLOCK) == 0;
      return waits ? wait_for(call, target, std::move(socket.fd), false) : EALREADY;
    }
    case TCP_CLOSE: {
      const int error = integer_option(socket.fd.get(), SO_ERROR);
      return error > 0 ? error : connect_new(call, socket, target);
    }
    default: return EISCONN;
  }
}

int Broker::connect_new(const Call& call, const Socket& socket, const Target& target) {
  UniqueFd fresh(::socket(socket.domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fresh) return scarce(errno);
  copy_socket_options(socket.fd.get(), fresh.get(), socket.domain);
  const bool waits = (::fcntl(socket.fd.get(), F_GETFL) & O_NONBLOCK) == 0;
  const int result = connect_to(fresh.get(), socket.domain, target);
  if (result == EINPROGRESS && waits) return wait_for(call, target, std::move(fresh), true);
  if (result != 0 && result != EINPROGRESS) return scarce(result);
  if (waits) (void)::fcntl(fresh.get(), F_SETFL, 0);  // ignoring: cannot fail on a socket
  return install(call, target, std::move(fresh), call.task.closes_on_exec(call.fd), result);
}

int Broker::wait_for(const Call& call, const Target& target, UniqueFd socket, bool ours) {
  if (pending_.size() >= kMostPending) forget_the_gone();
  if (pending_.size() >= kMostPending) return EAGAIN;
  epoll_event event{};
  event.events = EPOLLOUT;
  event.data.u64 = next_key_;
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return scarce(errno);
  pending_.emplace(next_key_++, Pending{call.id, call.tid, call.fd, target, std::move(socket), ours, ours && call.task.closes_on_exec(call.fd)});
  return kLater;
}

// A signal that the step handles takes a thread out of its call, and then the kernel has it call again: it goes on
// waiting for the same connection, which was judged and counted already.
std::optional<int> Broker::take_up(const Call& call, const Socket& socket, const Target& target) {
  const auto same = [&](const auto& known) { return known.fd == call.fd && known.target.address == target.address && known.target.port == target.port; };
  if (auto told = told_.extract(call.tid); told && socket.given && same(told.mapped())) {
    // Or the program asks whether its connection stands by now: the kernel, too, says so once, and then EISCONN.
    const std::uint8_t state = tcp_state(socket.fd.get());
    if (state != TCP_CLOSE && told.mapped().again-- > 0) {
      if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) told.mapped().result = 0;
      const int result = told.mapped().result;
      told_.insert(std::move(told));
      return result;
    }
  }
  const auto found = std::ranges::find_if(pending_, [&](const auto& entry) { return entry.second.tid == call.tid && same(entry.second); });
  if (found == pending_.end()) return std::nullopt;
  Pending& pending = found->second;
  if (pending.ours == socket.given) {  // the socket was closed meanwhile, and this is another
    pending_.erase(found);
    return std::nullopt;
  }
  pending.id = call.id;
  if (!pending.result) return kLater;
  const int result = *pending.result;
  Pending done = std::move(pending);
  pending_.erase(found);
  if (result != 0 || !done.ours || !done.socket) return result;
  return install(call, target, std::move(done.socket), done.close_on_exec, 0);
}

void Broker::finish(std::uint64_t key) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  (void)::epoll_ctl(events_.get(), EPOLL_CTL_DEL, pending.socket.get(), nullptr);  // ignoring: it is there
  int result = std::max(0, integer_option(pending.socket.get(), SO_ERROR));
  if (pending.ours && result == 0) {
    // The second connect of a connection that stands: the kernel then counts it as made, and a third is EISCONN.
    (void)connect_to(pending.socket.get(), integer_option(pending.socket.get(), SO_DOMAIN), pending.target);  // ignoring: it stands
    (void)::fcntl(pending.socket.get(), F_SETFL, 0);
  }
  if (!is_held(pending.id)) {
    pending.result = result;  // until the thread comes back, or the place is needed
    return;
  }
  Pending done = std::move(pending);
  pending_.erase(found);
  const Call call{done.id, done.tid, "", done.fd, HeldTask(done.tid)};
  if (result == 0 && done.ours) result = install(call, done.target, std::move(done.socket), done.close_on_exec, 0);
  if (result != kLater) respond(done.id, result);
}

int Broker::install(const Call& call, const Target& target, UniqueFd socket, bool close_on_exec, int result) {
  seccomp_notif_addfd add{};
  add.id = call.id;
  add.flags = SECCOMP_ADDFD_FLAG_SETFD;
  add.srcfd = static_cast<std::uint32_t>(socket.get());
  add.newfd = static_cast<std::uint32_t>(call.fd);
  add.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0) return errno == ENOENT || errno == EINPROGRESS ? kLater : errno;
  return deliver(call, target, result);
}

int Broker::deliver(const Call& call, const Target& target, int result) {
  if (told_.size() >= kMostTold) told_.clear();
  told_.insert_or_assign(call.tid, Told{call.fd, target, result});
  respond(call.id, result);
  return kLater;
}

void Broker::forget_the_gone() {
  std::erase_if(pending_, [this](const auto& entry) { return !is_held(entry.second.id); });
}

bool Broker::is_held(std::uint64_t id) const { return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

void Broker::respond(std::uint64_t id, int answer) {
  std::vector<std::uint64_t> buffer(response_size_ / sizeof(std::uint64_t) + 1);
  auto* const response = reinterpret_cast<seccomp_notif_resp*>(buffer.data());
  response->id = id;
  if (answer == kContinue) response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  else response->error = -answer;
  // Ignoring: a thread that is gone needs no answer, and of one that a signal took away nobody can say whether it heard.
  (void)::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, buffer.data());
}

int Broker::send_to(const Call& call, std::uint64_t address, int size, int flags) {
  if (address == 0) return EOPNOTSUPP;  // MSG_FASTOPEN: else the filter lets it pass
  return refuse_message(call, address, size, flags);
}

int Broker::send_message(const Call& call, std::uint64_t message, int flags) {
  msghdr header{};
  if (!call.task.read(message, &header, sizeof header)) return EFAULT;
  if (header.msg_name != nullptr && header.msg_namelen > 0)
    return refuse_message(call, reinterpret_cast<std::uintptr_t>(header.msg_name), static_cast<int>(header.msg_namelen), flags);
  return (flags & MSG_FASTOPEN) != 0 ? EOPNOTSUPP : kContinue;
}

int Broker::send_messages(const Call& call, std::uint64_t messages, unsigned count, int flags) {
  std::optional<int> refused;
  for (unsigned i = 0; i < std::min(count, kMostMessages); ++i) {
    mmsghdr header{};
    if (!call.task.read(messages + i * sizeof header, &header, sizeof header)) {
      if (i == 0) return EFAULT;
      break;  // the kernel sends those before it
    }
    const msghdr& message = header.msg_hdr;
    if (message.msg_name == nullptr || message.msg_namelen == 0) continue;
    const int result = refuse_message(call, reinterpret_cast<std::uintptr_t>(message.msg_name), static_cast<int>(message.msg_namelen), flags);
    if (!refused) refused = result;
  }
  if (refused) return *refused;
  return (flags & MSG_FASTOPEN) != 0 ? EOPNOTSUPP : kContinue;
}

// No message goes to an address: only connections are given, and they know where they lead.
int Broker::refuse_message(const Call& call, std::uint64_t address, int size, int flags) {
  const auto target = target_at(call, address, size);
  if (!target) return target.error();
  const auto socket = socket_of(call);
  if (!socket) return socket.error();
  if (!is_held(call.id)) return kLater;
  if (socket->domain == AF_UNIX) return ECONNREFUSED;
  record(call, *socket, *target, false);
  if ((flags & MSG_FASTOPEN) != 0) return EOPNOTSUPP;  // as a kernel answers that has it turned off: then connect is tried
  return socket->given ? EISCONN : EACCES;
}

}  // namespace airlock::sandbox
