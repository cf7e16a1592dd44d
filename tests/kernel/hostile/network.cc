// Reaching what was not given, with endpoints and without. The addresses come from the environment, as ADDRESS:PORT:
// GRANTED (something answers there), FORBIDDEN (too), SILENT (granted, and nobody ever answers), CLOSED (granted, nobody
// is there). What happened is printed, a word and an error number a line.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "behaviours.h"

namespace hostile {
namespace {

constexpr int kFastOpen = MSG_FASTOPEN;

struct Endpoint {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

Endpoint endpoint(const char* variable) {
  const char* const set = std::getenv(variable);
  const std::string text = set != nullptr ? set : "127.0.0.1:1";
  const std::size_t colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  const auto port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  Endpoint out;
  if (host.find(':') != std::string::npos) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out.bytes);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    ::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr);
    out.size = sizeof *v6;
  } else {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&out.bytes);
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr);
    out.size = sizeof *v4;
  }
  return out;
}

Endpoint in_v6_clothes(const Endpoint& from) {
  const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&from.bytes);
  Endpoint out;
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out.bytes);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = v4->sin_port;
  v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(v6->sin6_addr.s6_addr + 12, &v4->sin_addr, 4);
  out.size = sizeof *v6;
  return out;
}

int tcp(int flags = 0, int family = AF_INET) { return ::socket(family, SOCK_STREAM | flags, 0); }
int udp() { return ::socket(AF_INET, SOCK_DGRAM, 0); }
int result(long rc) { return rc < 0 ? errno : 0; }
int say(const char* word, int error) { return std::printf("%s %d\n", word, error), error; }
int connect_to(int fd, const Endpoint& to) { return result(::connect(fd, to.get(), to.size)); }

// What it says once it has said `first` often enough: a connection that stands is confirmed a few times.
int connect_again(int fd, const Endpoint& to, int first = 0) {
  for (int i = 0; i < 100; ++i)
    if (const int error = connect_to(fd, to); error != first) return error;
  return first;
}

// What the server says first, without its line feed.
std::string greeting(int fd) {
  char text[64]{};
  const ssize_t n = ::read(fd, text, sizeof text - 1);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n - 1)) : "nothing";
}

int reach(const char* variable) {
  const Endpoint to = endpoint(variable);
  const int fd = tcp(SOCK_CLOEXEC, to.bytes.ss_family);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (const int error = connect_to(fd, to); error != 0) return say("connect", error);
  int kept = 0;
  socklen_t size = sizeof kept;
  ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kept, &size);
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size);
  std::printf("%s nodelay=%d flags=%d cloexec=%d peer=%d\n", greeting(fd).c_str(), kept, ::fcntl(fd, F_GETFL) & O_NONBLOCK, ::fcntl(fd, F_GETFD),
              std::memcmp(&peer, &to.bytes, 8));
  say("again", connect_again(fd, to));
  return 0;
}

int mapped() {
  const int fd = tcp(0, AF_INET6);
  if (const int error = connect_to(fd, in_v6_clothes(endpoint("GRANTED"))); error != 0) return say("granted", error);
  std::puts(greeting(fd).c_str());
  say("forbidden", connect_to(tcp(0, AF_INET6), in_v6_clothes(endpoint("FORBIDDEN"))));
  return 0;
}

int wait_writable(int fd, int millis) {
  pollfd one{fd, POLLOUT, 0};
  return ::poll(&one, 1, millis);
}
int pending_error(int fd) {
  int error = -1;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

int without_blocking() {
  const Endpoint to = endpoint("GRANTED");
  const int fd = tcp(SOCK_NONBLOCK);
  const int begun = connect_to(fd, to);
  if (begun != 0 && begun != EINPROGRESS) return say("connect", begun);
  std::printf("poll %d error %d\n", wait_writable(fd, 10'000), pending_error(fd));
  ::fcntl(fd, F_SETFL, 0);
  std::puts(greeting(fd).c_str());
  say("again", connect_again(fd, to));
  const int failing = tcp(SOCK_NONBLOCK), refused = connect_to(failing, endpoint("CLOSED"));
  wait_writable(failing, 10'000);
  return say("closed", refused == EINPROGRESS ? pending_error(failing) : refused) == ECONNREFUSED ? 0 : 1;
}

int by_epoll() {
  const int fd = tcp(SOCK_NONBLOCK), events = ::epoll_create1(0);
  const int begun = connect_to(fd, endpoint("GRANTED"));
  if (begun != 0 && begun != EINPROGRESS) return say("connect", begun);
  epoll_event event{};
  event.events = EPOLLOUT;
  ::epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
  std::printf("epoll %d error %d\n", ::epoll_wait(events, &event, 1, 10'000), pending_error(fd));
  return 0;
}

// The six ways of naming an address, each on a fresh socket.
int every_call() {
  Endpoint to = endpoint("FORBIDDEN");
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_name = &to.bytes;
  message.msg_namelen = to.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  mmsghdr two[2]{};
  two[0].msg_hdr = two[1].msg_hdr = message;
  two[0].msg_hdr.msg_name = nullptr;
  say("connect", connect_to(tcp(), to));
  say("connect-udp", connect_to(udp(), to));
  say("sendto", result(::sendto(udp(), &byte, 1, 0, to.get(), to.size)));
  say("sendmsg", result(::sendmsg(udp(), &message, 0)));
  say("sendmmsg", result(::sendmmsg(udp(), two, 2, 0)));
  say("fastopen-sendto", result(::sendto(tcp(), &byte, 1, kFastOpen, to.get(), to.size)));
  say("fastopen-sendmsg", result(::sendmsg(tcp(), &message, kFastOpen)));
  two[0].msg_hdr.msg_name = &to.bytes;
  say("fastopen-sendmmsg", result(::sendmmsg(tcp(), two, 2, kFastOpen)));
  return 0;
}

// Port 53, in every way that carries a question out; the resolver of the machine, and one far away.
int ask_names() {
  for (const char* server : {"FORBIDDEN", "RESOLVER"}) {
    const Endpoint to = endpoint(server);
    char question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06secret\x04leak\x00\x00\x01\x00\x01";
    iovec part{question, sizeof question};
    msghdr message{};
    message.msg_name = const_cast<sockaddr_storage*>(&to.bytes);
    message.msg_namelen = to.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    mmsghdr one{message, 0};
    say("sendto", result(::sendto(udp(), question, sizeof question, 0, to.get(), to.size)));
    say("sendmsg", result(::sendmsg(udp(), &message, 0)));
    say("sendmmsg", result(::sendmmsg(udp(), &one, 1, 0)));
    say("tcp", connect_to(tcp(), to));
    const int fd = udp();
    say("connect", connect_to(fd, to));
    say("send", result(::send(fd, question, sizeof question, 0)));
  }
  return 0;
}

// A second thread turns the address over while the supervisor reads it.
int race_connect() {
  const Endpoint granted = endpoint("GRANTED"), forbidden = endpoint("FORBIDDEN");
  static Endpoint shared;
  shared = granted;
  std::atomic<bool> stop = false;
  std::thread turner([&] {
    while (!stop) {
      std::memcpy(&shared.bytes, &forbidden.bytes, sizeof(sockaddr_in));
      std::memcpy(&shared.bytes, &granted.bytes, sizeof(sockaddr_in));
    }
  });
  int through = 0, refused = 0, other = 0;
  for (int i = 0; i < 3000; ++i) {
    const int fd = tcp();
    const int error = connect_to(fd, shared);
    if (error == EACCES) ++refused;
    else if (error != 0) ++other;
    else if (greeting(fd) == "granted") ++through;
    else std::puts("a forbidden server answered");
    ::close(fd);
  }
  stop = true;
  turner.join();
  std::printf("through %s refused %s other %d\n", through > 0 ? "some" : "none", refused > 0 ? "some" : "none", other);
  return 0;
}

// The address of a message appears after the supervisor saw none.
int race_message() {
  Endpoint to = endpoint("FORBIDDEN");
  char byte = 'x';
  iovec part{&byte, 1};
  static msghdr message;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_namelen = to.size;
  std::atomic<bool> stop = false;
  std::thread turner([&] {
    while (!stop) {
      *const_cast<void* volatile*>(&message.msg_name) = &to.bytes;
      *const_cast<void* volatile*>(&message.msg_name) = nullptr;
    }
  });
  int sent = 0;
  const int datagrams = udp();
  for (int i = 0; i < 3000; ++i) sent += ::sendmsg(datagrams, &message, 0) >= 0;
  // And on a connection that was given, turned back into one that leads nowhere.
  const int given = tcp(SOCK_NONBLOCK);
  connect_to(given, endpoint("SILENT"));
  ::shutdown(given, SHUT_RDWR);
  for (int i = 0; i < 3000; ++i) sent += ::sendmsg(given, &message, MSG_NOSIGNAL) >= 0;
  stop = true;
  turner.join();
  std::printf("sent %d\n", sent);
  return 0;
}

// A given socket that leads nowhere yet is not to become a server, or to be led elsewhere.
int turn_given() {
  const int fd = tcp(SOCK_NONBLOCK);
  say("silent", connect_to(fd, endpoint("SILENT")));
  say("early", connect_again(fd, endpoint("SILENT"), EINPROGRESS));
  ::shutdown(fd, SHUT_RDWR);
  const Endpoint here = endpoint("ANYWHERE"), forbidden = endpoint("FORBIDDEN");
  char byte = 'x';
  sockaddr none{};
  say("bind", result(::bind(fd, here.get(), here.size)));
  say("listen", result(::listen(fd, 1)));
  say("fastopen", result(::sendto(fd, &byte, 1, kFastOpen | MSG_NOSIGNAL, forbidden.get(), forbidden.size)));
  say("fastopen-nowhere", result(::send(fd, &byte, 1, kFastOpen | MSG_NOSIGNAL)));
  say("forbidden", connect_to(fd, forbidden));
  say("unconnect", result(::connect(fd, &none, sizeof none)));
  ::fcntl(fd, F_SETFL, 0);
  say("of-shutdown", connect_to(fd, endpoint("GRANTED")));
  if (const int error = connect_to(fd, endpoint("GRANTED")); error != 0) return say("granted", error);
  std::puts(greeting(fd).c_str());
  say("unconnect", result(::connect(fd, &none, sizeof none)));
  say("sendto", result(::sendto(fd, &byte, 1, MSG_NOSIGNAL, forbidden.get(), forbidden.size)));
  return 0;
}

int many_without_blocking() {
  const Endpoint to = endpoint("GRANTED");
  std::vector<int> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(tcp(SOCK_NONBLOCK));
    const int error = connect_to(all.back(), to);
    if (error != 0 && error != EINPROGRESS) return say("connect", error);
  }
  int made = 0;
  for (const int fd : all) {
    if (wait_writable(fd, 20'000) != 1 || pending_error(fd) != 0) continue;
    ::fcntl(fd, F_SETFL, 0);
    made += greeting(fd) == "granted";
  }
  std::printf("made %d\n", made);
  return 0;
}

// Threads that all wait in connect at the same time: for an answer, and for nobody's.
int many_threads() {
  const Endpoint to = endpoint("GRANTED"), silent = endpoint("SILENT");
  std::atomic<int> made = 0;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 500; ++i) std::thread([&silent] { connect_to(tcp(), silent); }).detach();
  for (int i = 0; i < 500; ++i)
    waiting.emplace_back([&] {
      const int fd = tcp();
      made += connect_to(fd, to) == 0 && greeting(fd) == "granted";
      ::close(fd);
    });
  for (std::thread& thread : waiting) thread.join();
  std::printf("made %d\n", made.load());
  ::_exit(0);
}

int wait_for_silence() {
  std::thread([] { reach("GRANTED"); }).join();
  const int fd = tcp(SOCK_NONBLOCK);
  say("silent", connect_to(fd, endpoint("SILENT")));
  std::printf("poll %d\n", wait_writable(fd, 50));
  return say("never", connect_to(tcp(), endpoint("SILENT")));
}

// Whoever asked is dead before it is answered; then the next one.
int die_asking() {
  const Endpoint silent = endpoint("SILENT");
  for (int i = 0; i < 100; ++i) {
    int ready[2];
    if (::pipe(ready) != 0) return 2;
    const pid_t child = ::fork();
    if (child == 0) {
      (void)!::write(ready[1], "x", 1);
      connect_to(tcp(), silent);
      ::_exit(0);
    }
    char byte = 0;
    (void)!::read(ready[0], &byte, 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  return reach("GRANTED");
}

std::atomic<int> alarms = 0;

// A timer that takes the thread out of its call over and over; with and without being put back into it.
int interrupted() {
  struct sigaction action{};
  action.sa_handler = [](int) { ++alarms; };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  const itimerval often{{0, 500}, {0, 500}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  int made = 0;
  for (int i = 0; i < 300; ++i) {
    const int fd = tcp();
    made += connect_to(fd, endpoint("GRANTED")) == 0;
    ::close(fd);
  }
  action.sa_flags = 0;
  ::sigaction(SIGALRM, &action, nullptr);
  const int error = connect_to(tcp(), endpoint("SILENT"));
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  std::printf("made %d alarms %s\n", made, alarms > 0 ? "some" : "none");
  return say("interrupted", error) == EINTR ? 0 : 1;
}

int local_sockets() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 2;
  const int shipped = ::open("/dev/null", O_RDONLY);
  char byte = 'x';
  say("pair", ship(pair[0], shipped) ? 0 : errno);
  say("pair-read", result(::read(pair[1], &byte, 1)));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, "/tmp/socket");
  const auto* const generic = reinterpret_cast<const sockaddr*>(&name);
  say("bind", result(::bind(::socket(AF_UNIX, SOCK_STREAM, 0), generic, sizeof name)));
  say("connect", result(::connect(::socket(AF_UNIX, SOCK_STREAM, 0), generic, sizeof name)));
  say("sendto", result(::sendto(::socket(AF_UNIX, SOCK_DGRAM, 0), &byte, 1, 0, generic, sizeof name)));
  return 0;
}

int nonsense() {
  const Endpoint to = endpoint("GRANTED");
  const auto* const nowhere = reinterpret_cast<const sockaddr*>(8);
  sockaddr_storage strange{};
  strange.ss_family = AF_PACKET;
  const Endpoint v6 = in_v6_clothes(to);
  say("no-memory", result(::connect(tcp(), nowhere, 16)));
  say("short", result(::connect(tcp(), to.get(), 8)));
  say("empty", result(::connect(tcp(), to.get(), 0)));
  say("long", result(::connect(tcp(), to.get(), 4096)));
  say("negative", result(::connect(tcp(), to.get(), static_cast<socklen_t>(-1))));
  say("no-descriptor", result(::connect(999, to.get(), to.size)));
  say("no-socket", result(::connect(::open("/dev/null", O_RDONLY), to.get(), to.size)));
  say("family", result(::connect(tcp(), reinterpret_cast<const sockaddr*>(&strange), sizeof strange)));
  say("v6-on-v4", connect_to(tcp(), v6));
  say("v4-on-v6", connect_to(tcp(0, AF_INET6), to));
  say("no-message", result(::sendmsg(udp(), reinterpret_cast<const msghdr*>(8), 0)));
  say("no-messages", result(::sendmmsg(udp(), reinterpret_cast<mmsghdr*>(8), 4000, 0)));
  return 0;
}

// More different addresses than are kept by name.
int scan() {
  Endpoint to = endpoint("FORBIDDEN");
  for (unsigned i = 0; i < 1000; ++i) {
    reinterpret_cast<sockaddr_in*>(&to.bytes)->sin_addr.s_addr = htonl(0x0a000000 + i);
    const int fd = tcp();
    if (connect_to(fd, to) != EACCES) return 1;
    ::close(fd);
  }
  return 0;
}

}  // namespace

const Behaviours& network_behaviours() {
  static const Behaviours all = {
      {"net-reach", [] { return reach("GRANTED"); }}, {"net-forbidden", [] { return reach("FORBIDDEN"); }}, {"net-mapped", mapped},
      {"net-nonblock", without_blocking}, {"net-epoll", by_epoll}, {"net-every-call", every_call}, {"net-names", ask_names},
      {"net-race-connect", race_connect}, {"net-race-message", race_message}, {"net-turn-given", turn_given},
      {"net-many", many_without_blocking}, {"net-many-threads", many_threads}, {"net-silence", wait_for_silence}, {"net-die-asking", die_asking},
      {"net-interrupted", interrupted}, {"net-local", local_sockets}, {"net-nonsense", nonsense}, {"net-scan", scan}};
  return all;
}

}  // namespace hostile
