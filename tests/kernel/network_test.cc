// The endpoints of a step: what was granted works as programs expect, nothing else is reached, everything is on record.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <sstream>

#include "fixture.h"

using namespace kernel_test;

namespace {

const IpAddress kLoopback = IpAddress::v4({127, 0, 0, 1});

struct Bound {
  UniqueFd fd;
  std::uint16_t port = 0;
};

Bound bind_loopback(int type, std::uint16_t port = 0) {
  Bound out{UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(out.fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  socklen_t size = sizeof at;
  REQUIRE(::getsockname(out.fd.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  out.port = ntohs(at.sin_port);
  return out;
}

// Says one line to whoever connects, in a process of its own: a step's runner is to have nothing to do with it.
class Server {
 public:
  explicit Server(const std::string& says) : bound_(bind_loopback(SOCK_STREAM)) {
    REQUIRE(::listen(bound_.fd.get(), 4096) == 0);
    void* const shared = ::mmap(nullptr, sizeof *served_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    served_ = new (shared) std::atomic<int>(0);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) serve(says + "\n", parent);
  }
  ~Server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::munmap(served_, sizeof *served_);
  }
  Server(const Server&) = delete;
  std::uint16_t port() const { return bound_.port; }
  int served() const { return *served_; }

 private:
  [[noreturn]] void serve(const std::string& line, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    pollfd ready{bound_.fd.get(), POLLIN, 0};
    while (::poll(&ready, 1, -1) >= 0) {
      const UniqueFd guest(::accept4(bound_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!guest) continue;
      ++*served_;
      (void)!::send(guest.get(), line.data(), line.size(), MSG_NOSIGNAL);
    }
    ::_exit(0);
  }

  Bound bound_;
  std::atomic<int>* served_ = nullptr;
  pid_t pid_ = -1;
};

// Takes no connection any more: its queue is full, and a further one waits for an answer that does not come.
class Silence {
 public:
  Silence() : bound_(bind_loopback(SOCK_STREAM)) {
    REQUIRE(::listen(bound_.fd.get(), 0) == 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(bound_.port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (UniqueFd& filler : fillers_) {
      filler = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(filler.get(), reinterpret_cast<sockaddr*>(&at), sizeof at);  // under way
    }
  }
  std::uint16_t port() const { return bound_.port; }

 private:
  Bound bound_;
  UniqueFd fillers_[3];
};

std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

struct Net {
  Server granted{"granted"}, forbidden{"forbidden"};
  Bound datagrams = bind_loopback(SOCK_DGRAM, forbidden.port());
  Bound closed = bind_loopback(SOCK_STREAM);
  Silence silence;

  StepSpec furnish(StepSpec spec) const {
    spec.network = {{kLoopback, granted.port()}, {kLoopback, silence.port()}, {kLoopback, closed.port}};
    spec.env["GRANTED"] = at(granted.port());
    spec.env["FORBIDDEN"] = at(forbidden.port());
    spec.env["SILENT"] = at(silence.port());
    spec.env["CLOSED"] = at(closed.port);
    spec.env["RESOLVER"] = "127.0.0.53:53";
    spec.env["ANYWHERE"] = "0.0.0.0:0";
    spec.resources.pids = 1100;
    spec.resources.memory = 256 * kMiB;
    spec.resources.timeout = Millis{60'000};
    return spec;
  }
  // Nobody but the granted server heard anything.
  void check_canary() const {
    CHECK(forbidden.served() == 0);
    char byte = 0;
    CHECK(::recv(datagrams.fd.get(), &byte, 1, MSG_DONTWAIT) == -1);
  }
};

struct Seen {
  std::string text;
  Json network;
  Outcome outcome{Outcome::Kind::kExited};
};

Seen run(Sandbox& box, const Net& net, const std::string& behaviour) {
  const Finished finished = box.run(net.furnish(box.spec({behaviour})));
  const Seen seen{box.out_text() + box.err_text(), evidence_json(finished.evidence)["network"], finished.outcome};
  UNSCOPED_INFO(behaviour << ": " << seen.text << seen.network.dump());
  net.check_canary();
  return seen;
}

std::string line(const char* word, int error) { return std::string(word) + " " + std::to_string(error) + "\n"; }

// "connect tcp 127.0.0.1:80 refused 3", in order of the first attempt, with the ports by name.
std::string decisions(const Json& network, const Net& net) {
  std::string out;
  for (const Json& d : network["decisions"]) {
    const auto port = d["port"].get<std::uint16_t>();
    const std::string name = port == net.granted.port() ? "GRANTED" : port == net.forbidden.port() ? "FORBIDDEN" : port == net.silence.port() ? "SILENT" : std::to_string(port);
    out += d["call"].get<std::string>() + " " + d["protocol"].get<std::string>() + " " + d["address"].get<std::string>() + ":" + name + " " +
           d["verdict"].get<std::string>() + " " + std::to_string(d["count"].get<int>()) + "\n";
  }
  return out;
}

const std::string kAgain = line("again", EISCONN);
constexpr const char* kReached = "granted nodelay=1 flags=0 cloexec=1 peer=0\n";

}  // namespace

TEST_CASE("a granted endpoint is reached, with the options that were set, and only it", "[network]") {
  Sandbox box;
  const Net net;
  const Seen reached = run(box, net, "net-reach");
  CHECK(reached.text == kReached + kAgain);
  CHECK(decisions(reached.network, net) == "connect tcp 127.0.0.1:GRANTED granted 2\n");
  CHECK(reached.network["mode"] == "brokered");
  CHECK(reached.network["granted"][0]["endpoint"] == "tcp:" + at(net.granted.port()));

  const Seen refused = run(box, net, "net-forbidden");
  CHECK(refused.text == line("connect", EACCES));
  CHECK(decisions(refused.network, net) == "connect tcp 127.0.0.1:FORBIDDEN refused 1\n");
  CHECK(net.granted.served() == 1);
}

TEST_CASE("X7: same port, other host: refused", "[network]") {
  Sandbox box;
  const Net net;
  StepSpec spec = net.furnish(box.spec({"net-forbidden"}));
  spec.env["FORBIDDEN"] = "127.0.0.2:" + std::to_string(net.granted.port());
  box.run(spec);
  CHECK(box.out_text() == line("connect", EACCES));
  CHECK(net.granted.served() == 0);
}

TEST_CASE("an IPv4 address in IPv6 clothes is judged as what it is", "[network]") {
  Sandbox box;
  const Net net;
  const Seen seen = run(box, net, "net-mapped");
  CHECK(seen.text == "granted\n" + line("forbidden", EACCES));
  CHECK(decisions(seen.network, net) == "connect tcp 127.0.0.1:GRANTED granted 1\nconnect tcp 127.0.0.1:FORBIDDEN refused 1\n");
}

TEST_CASE("X5: every call that names an address is refused and on record, whatever it carries", "[network]") {
  Sandbox box;
  const Net net;
  const Seen seen = run(box, net, "net-every-call");
  CHECK(seen.text == line("connect", EACCES) + line("connect-udp", EACCES) + line("sendto", EACCES) + line("sendmsg", EACCES) + line("sendmmsg", EACCES) +
                         line("fastopen-sendto", EOPNOTSUPP) + line("fastopen-sendmsg", EOPNOTSUPP) + line("fastopen-sendmmsg", EOPNOTSUPP));
  CHECK(decisions(seen.network, net) ==
        "connect tcp 127.0.0.1:FORBIDDEN refused 1\nconnect udp 127.0.0.1:FORBIDDEN refused 1\nsendto udp 127.0.0.1:FORBIDDEN refused 1\n"
        "sendmsg udp 127.0.0.1:FORBIDDEN refused 1\nsendmmsg udp 127.0.0.1:FORBIDDEN refused 1\nsendto tcp 127.0.0.1:FORBIDDEN refused 1\n"
        "sendmsg tcp 127.0.0.1:FORBIDDEN refused 1\nsendmmsg tcp 127.0.0.1:FORBIDDEN refused 2\n");
}

TEST_CASE("X5: no name is asked of anybody, by TCP or UDP", "[network]") {
  Sandbox box;
  const Net net;
  const std::string every = line("sendto", EACCES) + line("sendmsg", EACCES) + line("sendmmsg", EACCES) + line("tcp", EACCES) + line("connect", EACCES) + line("send", EDESTADDRREQ);
  CHECK(run(box, net, "net-names").text == every + every);
}

TEST_CASE("E22: an address that a second thread rewrites is the one that was judged, or refused", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-race-connect").text == "through some refused some other 0\n");
  CHECK(net.forbidden.served() == 0);
}

TEST_CASE("E22: an address that appears in a message after it was looked at leads nowhere", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-race-message").text == "sent 0\n");
}

TEST_CASE("a socket that was given cannot become a server, nor be led elsewhere", "[network]") {
  Sandbox box;
  const Net net;
  const Seen seen = run(box, net, "net-turn-given");
  CHECK(seen.text == line("silent", EINPROGRESS) + line("early", EALREADY) + line("bind", EACCES) + line("listen", EACCES) + line("fastopen", EOPNOTSUPP) +
                         line("fastopen-nowhere", EOPNOTSUPP) + line("forbidden", EACCES) + line("unconnect", EINVAL) + line("of-shutdown", ECONNRESET) + "granted\n" + line("unconnect", EINVAL) +
                         line("sendto", EISCONN));
}

TEST_CASE("sockets that do not block behave as programs expect", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-nonblock").text == "poll 1 error 0\ngranted\n" + kAgain + line("closed", ECONNREFUSED));
  CHECK(run(box, net, "net-epoll").text == "epoll 1 error 0\n");
}

TEST_CASE("a thousand connections at once are made", "[network]") {
  Sandbox box;
  const Net net;
  const Seen polled = run(box, net, "net-many");
  CHECK(polled.text == "made 1000\n");
  CHECK(decisions(polled.network, net) == "connect tcp 127.0.0.1:GRANTED granted 1000\n");
  CHECK(run(box, net, "net-many-threads").text == "made 500\n");
  CHECK(net.granted.served() == 1500);
}

TEST_CASE("an endpoint that never answers holds up its caller only, until the step's time is over", "[network]") {
  Sandbox box;
  const Net net;
  StepSpec spec = net.furnish(box.spec({"net-silence"}));
  spec.resources.timeout = Millis{1'000};
  const Finished finished = box.run(spec);
  CHECK(finished.outcome.kind == Outcome::Kind::kTimedOut);
  CHECK(box.out_text() == kReached + kAgain + line("silent", EINPROGRESS) + "poll 0\n");
  CHECK(finished.evidence.wall < Millis{5'000});
}

TEST_CASE("a process that dies while it is being answered holds up nobody", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-die-asking").text == kReached + kAgain);
}

TEST_CASE("a signal takes a thread out of connect, and puts it back into the same connection", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-interrupted").text == "made 300 alarms some\n" + line("interrupted", EINTR));
}

TEST_CASE("sockets in pairs work as ever; by name there are none", "[network]") {
  Sandbox box;
  const Net net;
  const Seen seen = run(box, net, "net-local");
  CHECK(seen.text == line("pair", 0) + line("pair-read", 0) + line("bind", EACCES) + line("connect", ECONNREFUSED) + line("sendto", ECONNREFUSED));
  CHECK(decisions(seen.network, net).empty());
}

TEST_CASE("calls that make no sense are answered as the kernel answers them", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-nonsense").text ==
        line("no-memory", EFAULT) + line("short", EINVAL) + line("empty", EINVAL) + line("long", EINVAL) + line("negative", EINVAL) + line("no-descriptor", EBADF) +
            line("no-socket", ENOTSOCK) + line("family", EAFNOSUPPORT) + line("v6-on-v4", EAFNOSUPPORT) + line("v4-on-v6", EAFNOSUPPORT) +
            line("no-message", EFAULT) + line("no-messages", EFAULT));
}

TEST_CASE("a step that tries every address there is fills no record", "[network]") {
  Sandbox box;
  const Net net;
  const Seen seen = run(box, net, "net-scan");
  CHECK(seen.outcome.value == 0);
  CHECK(seen.network["decisions"].size() == DecisionLog::kMostDecisions);
  CHECK(seen.network["others"] == 1000 - DecisionLog::kMostDecisions);
}

TEST_CASE("the next step of the slot has no endpoint, and all its walls", "[network]") {
  Sandbox box;
  const Net net;
  CHECK(run(box, net, "net-reach").outcome.value == 0);
  const Finished after = box.run({"net-forbidden"});
  CHECK((box.out_text() == line("connect", EACCES) || box.out_text() == line("connect", ENETUNREACH)));  // Landlock, where it knows TCP
  CHECK(evidence_json(after.evidence)["network"]["mode"] == "denied");
  CHECK(after.evidence.seccomp_profile == "airlock-seccomp/2");
  CHECK(net.granted.served() == 1);
}

TEST_CASE("an ordinary user's steps reach their endpoints too, and no other", "[network]") {
  const Net net;
  TempDir dir;
  furnish(dir.path());
  ::chmod(dir.path().c_str(), 0777);
  const std::string wrong = as_ordinary_user([&]() -> std::string {
    const auto host = Host::probe();
    if (!host) return describe(host.error());
    const auto slot = Slot::create(*host, allow_missing(**host));
    if (!slot) return describe(slot.error());
    const auto cancel = Cancel::create();
    std::string said;
    for (const char* behaviour : {"net-reach", "net-forbidden", "net-race-connect", "net-turn-given", "net-nonblock"}) {
      StepSpec spec;
      spec.argv = {"/plugin/hostile", behaviour};
      spec.mounts = {{dir.path() + "/plugin", "/plugin"}};
      spec.resources.disk = 16 * kMiB;
      spec.capture.stdout_path = dir.path() + "/said";
      const auto finished = (*slot)->run(net.furnish(spec), *cancel);
      if (!finished) return describe(finished.error());
      said += read_text(dir.path() + "/said");
    }
    return said;
  });
  CHECK(wrong == kReached + kAgain + line("connect", EACCES) + "through some refused some other 0\n" + line("silent", EINPROGRESS) +
                     line("early", EALREADY) + line("bind", EACCES) + line("listen", EACCES) + line("fastopen", EOPNOTSUPP) + line("fastopen-nowhere", EOPNOTSUPP) +
                     line("forbidden", EACCES) + line("unconnect", EINVAL) + line("of-shutdown", ECONNRESET) + "granted\n" + line("unconnect", EINVAL) + line("sendto", EISCONN) +
                     "poll 1 error 0\ngranted\n" + kAgain + line("closed", ECONNREFUSED));
  net.check_canary();
}
