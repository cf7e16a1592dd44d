// Talking to somebody else: out of the sandbox, or to another step.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>

#include "behaviours.h"

namespace hostile {

bool ship(int over, int fd) {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return ::sendmsg(over, &message, MSG_NOSIGNAL) > 0;
}

namespace {

bool connected(int fd, std::string_view name) {  // a leading @ means an abstract name
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, name.data(), name.size());
  if (name[0] == '@') to.sun_path[0] = 0;
  return ::connect(fd, reinterpret_cast<sockaddr*>(&to), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 1 : 0))) == 0;
}

// A writable descriptor of an output, to somebody who outlives the step.
int ship_descriptor() {
  const int kept = ::open("/out/kept", O_RDWR | O_CREAT, 0644);
  if (kept < 0) return 2;
  for (int fd = 0; fd < 4; ++fd)
    if (ship(fd, kept)) return kThrough;
  for (const char* name : {"@airlock-test-canary", "/run/systemd/journal/socket", "/dev/log", "/var/run/docker.sock", "/run/dbus/system_bus_socket"}) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || (connected(fd, name) && ship(fd, kept))) return kThrough;
    ::close(fd);
  }
  return kHeld;
}

// A pair of datagram sockets, one end of which is then connected elsewhere.
int reconnect_pair() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return 2;
  return connected(pair[0], "@airlock-test-canary") ? kThrough : kHeld;
}

int climb() {
  if (::chdir("/") != 0) return 2;
  for (int i = 0; i < 100; ++i) (void)!::chdir("..");
  if (::access("etc/shadow", F_OK) == 0 || ::access("home", F_OK) == 0) return kThrough;
  for (int fd = 0; fd < 4; ++fd) {
    const std::string above = "/proc/self/fd/" + std::to_string(fd) + "/../../../../etc/shadow";
    if (::access(above.c_str(), F_OK) == 0 || ::openat(fd, "../../../../etc/shadow", O_RDONLY) >= 0) return kThrough;
  }
  return kHeld;
}

int interpreter_chain() {
  for (const char* interpreter : {"/proc/1/exe", "/proc/self/exe", "/proc/self/fd/5"}) {
    std::ofstream("/tmp/chain") << "#!" << interpreter << "\n";
    ::chmod("/tmp/chain", 0755);
    if (::fork() == 0) {
      char* const argv[] = {const_cast<char*>("/tmp/chain"), nullptr};
      ::execv(argv[0], argv);
      ::_exit(0);
    }
    if (::open("/proc/1/exe", O_WRONLY) >= 0 || ::open("/proc/self/exe", O_WRONLY) >= 0) return kThrough;
  }
  return kHeld;
}

int print_processes() {
  DIR* const proc = ::opendir("/proc");
  while (const dirent* entry = proc == nullptr ? nullptr : ::readdir(proc))
    if (std::atoi(entry->d_name) > 0) std::cout << entry->d_name << " ";
  std::cout << "\n";
  return 0;
}

int print_file(const char* path) {
  std::cout << std::ifstream(path).rdbuf();
  return 0;
}

// Mount points that are not read-only, and the type of what is there.
int print_writable() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skip, point, options, type;
    fields >> skip >> skip >> skip >> skip >> point >> options;
    while (fields >> skip && skip != "-") {
    }
    fields >> type;
    if (!options.starts_with("ro")) std::cout << point << " " << type << "\n";
  }
  return 0;
}

// Leaves a process that swaps a folder of the outputs for a link, without end.
int flap() {
  ::mkdir("/out/d", 0755);
  std::ofstream("/out/d/canary") << "inside";
  (void)!::symlink("/in/data", "/out/link");
  int ends[2];
  if (::pipe(ends) != 0) return 2;
  if (::fork() == 0) {
    ::setsid();
    for (int round = 0;; ++round) {
      if (round == 1000) (void)!::write(ends[1], "x", 1);
      ::rename("/out/d", "/out/e");
      ::rename("/out/link", "/out/d");
      ::rename("/out/d", "/out/link");
      ::rename("/out/e", "/out/d");
    }
  }
  char byte = 0;
  return ::read(ends[0], &byte, 1) == 1 ? 0 : 2;  // well under way
}

int lock_input(int how) {
  const int fd = ::open("/in/data/canary", O_RDONLY);
  return fd < 0 ? 2 : (::flock(fd, how) == 0 ? 0 : errno);
}

}  // namespace

const Behaviours& channel_behaviours() {
  static const Behaviours all = {
      {"ship-descriptor", ship_descriptor},
      {"reconnect-pair", reconnect_pair},
      {"climb", climb},
      {"interpreter-chain", interpreter_chain},
      {"print-processes", print_processes},
      {"print-groups", [] { return print_file("/proc/self/cgroup"); }},
      {"print-writable", print_writable},
      {"flap", flap},
      {"lock-input", [] { return lock_input(LOCK_EX | LOCK_NB); }},
      {"shout-controls", [] { const char text[] = "\x1b]0;owned\a\0\x9b" "31m\r\n"; (void)!::write(1, text, sizeof text - 1); return 0; }},
  };
  return all;
}

}  // namespace hostile
