// Every attempt of hostile/attempts.cc, and the walls as the step and the host see them.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <sstream>

#include "fixture.h"

using namespace kernel_test;

namespace {

constexpr int kHeld = 77;

UniqueFd listen_abstract() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  static constexpr char kName[] = "airlock-test-canary";
  std::memcpy(name.sun_path + 1, kName, sizeof kName - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof kName)) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

}  // namespace

TEST_CASE("every attempt to leave the sandbox meets its wall", "[escape]") {
  Sandbox box;
  const UniqueFd listening = listen_abstract();
  box.run({"list"});
  std::istringstream names(box.out_text());
  int count = 0;
  for (std::string name; std::getline(names, name); ++count) {
    const Finished finished = box.run({name});
    INFO(name << ": " << box.out_text() << box.err_text());
    CHECK(finished.outcome.kind == Outcome::Kind::kExited);
    CHECK(finished.outcome.value == kHeld);
  }
  CHECK(count >= 110);
  CHECK(read_text(box.dir() + "/data/canary") == "sing");
}

TEST_CASE("E14: a call by int 0x80 or with an x32 number kills the step", "[escape]") {
  Sandbox box;
  for (const char* word : {"int80", "x32"}) {
    const Finished finished = box.run({word});
    INFO(word);
    CHECK(finished.outcome.kind == Outcome::Kind::kSignaled);
    CHECK(finished.outcome.value == SIGSYS);
  }
}

TEST_CASE("E2: a descriptor the runner forgot to close is not in the step", "[escape]") {
  Sandbox box;
  const UniqueFd forgotten(::open("/etc/passwd", O_RDONLY));  // on purpose without O_CLOEXEC
  const UniqueFd high(::fcntl(forgotten.get(), F_DUPFD, 900));
  REQUIRE(high);
  CHECK(box.run({"fds"}).outcome.value == 0);
  CHECK(box.out_text() == "0 1 2 3 \n");
}

TEST_CASE("E3: a mount source that is a symbolic link is followed by the runner, once", "[escape]") {
  Sandbox box;
  REQUIRE(::symlink((box.dir() + "/data").c_str(), (box.dir() + "/alias").c_str()) == 0);
  StepSpec spec = box.spec({"read-input"});
  spec.mounts[1].source = box.dir() + "/alias";
  CHECK(box.run(spec).outcome.value == 0);
}

TEST_CASE("E16: a set-id program in the plugin gives nothing", "[escape]") {
  Sandbox box;
  write_text(box.dir() + "/plugin/set-id", read_text(hostile_program()), 06755);
  CHECK(box.run({"set-id-program"}).outcome.value == kHeld);
}

TEST_CASE("X9: the step's environment is what the spec says and nothing of the runner's", "[escape]") {
  ::setenv("AIRLOCK_TEST_SECRET", "hunter2", 1);
  Sandbox box;
  StepSpec spec = box.spec({"environment"});
  spec.env = {{"A", "1"}, {"B", "two words"}};
  box.run(spec);
  CHECK(box.out_text() == "A=1\nB=two words\n");
  ::unsetenv("AIRLOCK_TEST_SECRET");
}

TEST_CASE("the step is nobody, in a session of its own, without a terminal, in /tmp", "[escape]") {
  Sandbox box;
  box.run({"identity"});
  const std::string text = box.out_text();
  INFO(text);
  CHECK(text.contains("uid 65534 65534 gid 65534 65534 groups"));
  CHECK(text.contains("sid 1 pid 2 ppid 1 tty -1"));
  CHECK(text.contains("host airlock cwd /tmp umask 22"));
  CHECK(text.contains("\n0 1024 16781312 65536 \n"));  // core, descriptors, file size, locked memory
}

TEST_CASE("seen from outside, the step has an unprivileged uid, no capability, no group, and a filter", "[escape]") {
  Sandbox box;
  StepSpec spec = box.spec({"wait"});
  std::vector<std::string> uids, capabilities, filters, namespaces;
  spec.capture.on_event = [&](std::string_view) {
    for (const int pid : descendants()) {
      uids.push_back(status_line(pid, "Uid"));
      capabilities.push_back(status_line(pid, "CapBnd") + status_line(pid, "CapPrm") + status_line(pid, "CapAmb"));
      filters.push_back(status_line(pid, "Seccomp") + status_line(pid, "NoNewPrivs"));
      for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
        struct stat inside{}, outside{};
        const std::string name = std::string("/ns/") + kind;
        ::stat(("/proc/" + std::to_string(pid) + name).c_str(), &inside);
        ::stat(("/proc/self" + name).c_str(), &outside);
        if (inside.st_ino == outside.st_ino) namespaces.push_back(name);
      }
    }
    box.cancel.request(Cancel::Level::kKill);
  };
  const Finished finished = box.run(spec);
  CHECK(finished.outcome.kind == Outcome::Kind::kCancelled);
  REQUIRE(uids.size() == 2);  // the init and the step
  CHECK(finished.evidence.host_uid != 0);
  const std::string uid = "\t" + std::to_string(finished.evidence.host_uid);
  for (const std::string& line : uids) CHECK(line == uid + uid + uid + uid);
  const std::string none = "\t0000000000000000";
  for (const std::string& line : capabilities) CHECK(line == none + none + none);
  for (const std::string& line : filters) CHECK(line == "\t2\t1");
  CHECK(namespaces.empty());
}

TEST_CASE("L1: a step finds nothing that the one before it in the slot left", "[escape]") {
  Sandbox box;
  CHECK(box.run({"leave-word"}).outcome.value == 0);
  CHECK(box.run({"find-word"}).outcome.value == kHeld);
}

TEST_CASE("inputs may be folders or single files, and can be read", "[escape]") {
  Sandbox box;
  CHECK(box.run({"read-input"}).outcome.value == 0);
  StepSpec spec = box.spec({"read-file-input"});
  spec.mounts[1] = {box.dir() + "/data/canary", "/in/one"};
  CHECK(box.run(spec).outcome.value == 0);
}

TEST_CASE("inputs below a folder that is closed to everybody else can be read", "[escape]") {
  Sandbox box;
  REQUIRE(::mkdir((box.dir() + "/closed").c_str(), 0700) == 0);
  REQUIRE(::rename((box.dir() + "/data").c_str(), (box.dir() + "/closed/data").c_str()) == 0);
  StepSpec spec = box.spec({"read-input"});
  spec.mounts[1].source = box.dir() + "/closed/data";
  CHECK(box.run(spec).outcome.value == 0);
}

TEST_CASE("host-ro: a dynamic program of the host runs, and the host's secrets are not there", "[escape][host-tree]") {
  Sandbox box;
  StepSpec spec = box.spec({});
  spec.rootfs = Rootfs::kHostRo;
  spec.argv = {"/bin/sh", "-c", "ls /etc; cat /etc/passwd; test ! -e /etc/shadow && test ! -e /home && test ! -e /root && test ! -e /var && ! touch /usr/x"};
  const Finished finished = box.run(spec);
  INFO(box.err_text());
  CHECK(finished.outcome.value == 0);
  CHECK(box.out_text().contains("nobody:x:65534"));
}
