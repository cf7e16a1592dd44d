// The plugin of the CLI tests: does one thing, well or badly, as its first argument says. Static, needs no files.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int write_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    std::perror(path.c_str());
    return 1;
  }
  return ::close(fd);
}

std::string read_all(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY);
  char buffer[4096];
  for (ssize_t n; fd >= 0 && (n = ::read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

[[noreturn]] void loop() {
  for (;;) asm volatile("");
}

int flood() {
  const std::string line(4095, 'x');
  for (int i = 0; i < 10'000; ++i) std::printf("%s\n", line.c_str());
  return write_file("/out/done.txt", "flooded\n");
}

int fill() {
  const int fd = ::open("/out/big", O_WRONLY | O_CREAT, 0644);
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 4096; ++i)
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
      std::perror("/out/big");
      return 1;
    }
  return 0;
}

int fork_bomb() {
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    if (pid < 0) ++refused;
  }
  std::fprintf(stderr, "%d forks were refused\n", refused);
  return refused > 0 ? 1 : 0;
}

int leave_daemon() {
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0)
      for (;;) write_file("/out/daemon.txt", "still here\n");
    ::_exit(0);
  }
  return write_file("/out/done.txt", "left\n");
}

int random_bytes() {
  unsigned long long value = 0;
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) return 1;
  return write_file("/out/done.txt", std::to_string(value) + "\n");
}

// The address behind a name, as /etc/hosts has it; an address as it is.
std::string address_of(const std::string& host) {
  const std::string hosts = "\n" + read_all("/etc/hosts");
  const std::size_t name = hosts.find(" " + host + "\n");
  if (name == std::string::npos) return host;
  const std::size_t begin = hosts.rfind('\n', name) + 1;
  return hosts.substr(begin, name - begin);
}

int fetch(const std::string& host, const std::string& port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
  ::inet_pton(AF_INET, address_of(host).c_str(), &to.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("connect");
    return 1;
  }
  char text[256];
  const ssize_t n = ::read(fd, text, sizeof text);
  return n < 0 ? 1 : write_file("/out/done.txt", std::string(text, static_cast<std::size_t>(n)));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::string a = argc > 2 ? argv[2] : "", b = argc > 3 ? argv[3] : "";
  if (what == "write") return write_file("/out/" + a, b + "\n");
  if (what == "copy") return write_file("/out/" + b, read_all("/in/" + a));
  if (what == "exit") return std::atoi(a.c_str());
  if (what == "say") return std::printf("%s\n\x1b[31mred\n", a.c_str()) < 0 ? 1 : write_file("/out/done.txt", a);
  if (what == "crash") return std::raise(SIGSEGV);
  if (what == "loop") loop();
  if (what == "stubborn") {
    std::signal(SIGTERM, SIG_IGN);
    loop();
  }
  if (what == "fork-bomb") return fork_bomb();
  if (what == "flood") return flood();
  if (what == "fill") return fill();
  if (what == "symlink") return ::symlink("/etc/passwd", "/out/done.txt");
  if (what == "daemon") return leave_daemon();
  if (what == "random") return random_bytes();
  if (what == "fetch") return fetch(a, b);
  std::fprintf(stderr, "stepper: unknown work \"%s\"\n", what.c_str());
  return 64;
}
