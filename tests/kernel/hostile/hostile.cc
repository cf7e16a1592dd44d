// A step that means harm: `hostile WORD [ARGUMENT]`. Static, run only inside the sandbox by the kernel tests.
// Exit 77: an attempt met its wall. 1: it went through. Others: see each behaviour.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "attempts.h"
#include "behaviours.h"

namespace {

using hostile::kHeld, hostile::kThrough;

int attempt(std::string_view name) {
  for (const hostile::Attempt& a : hostile::attempts()) {
    if (a.name != name) continue;
    const int error = a.run();
    std::printf("%d %s\n", error, std::strerror(error));
    for (const int refusal : a.refusals)
      if (error == refusal) return kHeld;
    return kThrough;
  }
  return 2;
}

int list_attempts() {
  for (const hostile::Attempt& a : hostile::attempts()) std::puts(std::string(a.name).c_str());
  return 0;
}

void event(const char* line) { (void)!::write(3, line, std::strlen(line)); }

[[noreturn]] void wait_forever() {
  event("ready\n");
  for (;;) ::pause();
}

int put(const std::string& path, std::string_view text, mode_t mode = 0644) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (fd < 0) return errno;
  const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return good ? 0 : errno;
}

// Writes until it is refused. Exit: the error number.
int fill(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT, 0644);
  if (fd < 0) return errno;
  static char block[1 << 16];
  std::memset(block, 'x', sizeof block);
  while (::write(fd, block, sizeof block) > 0) {
  }
  return errno;
}

int fill_inodes() {
  for (int i = 0;; ++i) {
    const int error = put("/out/f" + std::to_string(i), "");
    if (error != 0) return error;
  }
}

int eat_heap() {
  for (;;) {
    char* const p = static_cast<char*>(std::malloc(1 << 20));
    if (p == nullptr) return ENOMEM;
    std::memset(p, 1, 1 << 20);
  }
}

// The main process only waits; its child does the eating.
int eat_in_child() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(eat_heap());
  ::waitpid(pid, nullptr, 0);
  wait_forever();
}

int eat_memfd() {
  static char block[1 << 20];
  std::memset(block, 'x', sizeof block);
  for (;;)
    if (::write(::memfd_create("eat", 0), block, sizeof block) < 0) return errno;
}

// Exit: how many children it could make, up to 200.
int fork_bomb() {
  int made = 0;
  for (; made < 200; ++made) {
    const pid_t pid = ::fork();
    if (pid < 0) break;
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  return made;
}

int endless_forks() {
  for (;;) (void)!::fork();
}

int flood(int fd, unsigned long long bytes) {
  static char block[1 << 16];
  std::memset(block, 'y', sizeof block);
  while (bytes > 0) {
    const auto part = bytes < sizeof block ? bytes : sizeof block;
    const ssize_t n = ::write(fd, block, part);
    if (n < 0) return errno;
    bytes -= static_cast<unsigned long long>(n);
  }
  return 0;
}

// A child with a session of its own goes on writing after the main process has ended.
int daemonise() {
  put("/out/early", "1");
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      for (int i = 0; i < 1'000'000; ++i) put("/out/late" + std::to_string(i % 1000), "still here");
    }
    ::_exit(0);
  }
  return 0;
}

int ignore_term() {
  for (int signal = 1; signal < 65; ++signal) ::signal(signal, SIG_IGN);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  event("ready\n");
  for (;;) ::pause();
}

void on_term(int) {
  put("/out/said-goodbye", "1");
  ::_exit(5);
}

int obey_term() {
  ::signal(SIGTERM, on_term);
  wait_forever();
}

int burn() {
  for (;;) asm volatile("" ::: "memory");
}

int list_fds() {
  std::string open;
  for (int fd = 0; fd < 2048; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + " ";
  std::puts(open.c_str());
  return 0;
}

int print_environment() {
  for (char** e = environ; *e != nullptr; ++e) std::puts(*e);
  return 0;
}

int print_identity() {
  std::printf("uid %u %u gid %u %u groups %d sid %d pid %d ppid %d tty %d\n", ::getuid(), ::geteuid(), ::getgid(), ::getegid(),
              ::getgroups(0, nullptr), ::getsid(0) == ::getpid(), ::getpid(), ::getppid(), ::open("/dev/tty", O_RDWR));
  char host[64]{};
  ::gethostname(host, sizeof host);
  char cwd[4096]{};
  (void)!::getcwd(cwd, sizeof cwd);
  const mode_t mask = ::umask(0);
  std::printf("host %s cwd %s umask %o\n", host, cwd, mask);
  for (const int what : {RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_MEMLOCK}) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(what), &limit);
    std::printf("%llu ", static_cast<unsigned long long>(limit.rlim_max));
  }
  std::puts("");
  return 0;
}

int exhaust_fds() {
  while (::open("/dev/null", O_RDONLY) >= 0) {
  }
  return errno;
}

int int80() {
  int result = 20;  // getpid of i386
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  return kThrough;
}

int x32() {
  long result = 0x40000000L + 39;
  asm volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
  return result < 0 ? kHeld : kThrough;
}

sockaddr_un abstract_word() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path + 1, "word");
  return name;
}

// Leaves a word for the next step of the slot in every place it can.
int leave_word() {
  put("/tmp/word", "w");
  put("/dev/shm/word", "w");
  (void)::msgget(4711, IPC_CREAT | 0666);
  (void)::shmget(4711, 4096, IPC_CREAT | 0666);
  if (::fork() == 0) {  // who would answer under this name, if it lived
    ::setsid();
    const sockaddr_un name = abstract_word();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    (void)!::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    (void)!::listen(fd, 1);
    wait_forever();
  }
  return 0;
}
int find_word() {
  if (::access("/tmp/word", F_OK) == 0 || ::access("/dev/shm/word", F_OK) == 0) return kThrough;
  if (::msgget(4711, 0) >= 0 || ::shmget(4711, 4096, 0) >= 0) return kThrough;
  const sockaddr_un name = abstract_word();
  if (::connect(::socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return kThrough;
  return kHeld;
}

int set_id_program() {
  // A copy of this program, set-id root, lies in the plugin.
  char* const argv[] = {const_cast<char*>("hostile"), const_cast<char*>("am-i-root"), nullptr};
  ::execv("/plugin/set-id", argv);
  return errno;
}
int am_i_root() { return ::geteuid() == 65534 && ::getegid() == 65534 ? kHeld : kThrough; }

int reap_orphans() {
  for (int i = 0; i < 50; ++i)
    if (const pid_t pid = ::fork(); pid == 0) {
      if (::fork() == 0) ::_exit(0);
      ::_exit(0);
    } else {
      ::waitpid(pid, nullptr, 0);
    }
  // An init that does not reap would leave fifty zombies, and the pid limit would bite.
  return 0;
}

int outputs(std::string_view what) {
  put("/out/ok.txt", "fine");
  if (what == "symlink") return ::symlink("/etc/passwd", "/out/link");
  if (what == "symlink-inside") return ::symlink("ok.txt", "/out/link");
  if (what == "symlink-loop") return ::symlink("link", "/out/link");
  if (what == "symlink-dir") return ::symlink("/", "/out/link");
  if (what == "fifo") return ::mkfifo("/out/pipe", 0644);
  if (what == "socket") {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strcpy(to.sun_path, "/out/socket");
    return ::bind(::socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  if (what == "set-id") return ::chmod("/out/ok.txt", 04755);
  if (what == "set-gid-dir") return ::mkdir("/out/d", 0755) + ::chmod("/out/d", 02755);
  if (what == "hard-link") return ::link("/out/ok.txt", "/out/twin");
  if (what == "long-name") return put("/out/" + std::string(255, 'n'), "x");
  if (what == "newline") return put("/out/a\nb", "x");
  if (what == "not-utf8") return put("/out/\xff\xfe", "x");
  if (what == "case-twins") return put("/out/A", "x") + put("/out/a", "x");
  if (what == "unreadable") return ::chmod("/out/ok.txt", 0);
  if (what == "unreadable-dir") return ::mkdir("/out/d", 0);
  if (what == "deep") {
    std::string path = "/out";
    for (int i = 0; i < 40; ++i) ::mkdir((path += "/d").c_str(), 0755);
    return 0;
  }
  if (what == "good") {
    ::mkdir("/out/a", 0755);
    ::mkdir("/out/empty", 0755);
    put("/out/a/b", "in a folder");
    put("/out/a.txt", "beside it");
    put("/out/tool", "#!", 0755);
    return 0;
  }
  return 2;
}

int behave(const std::string& word, const char* argument) {
  const std::map<std::string, int (*)()> behaviours = {
      {"list", list_attempts},
      {"succeed", [] { return 0; }},
      {"crash", [] { return ::raise(SIGSEGV); }},
      {"abort", [] { ::abort(); return 0; }},
      {"loop", burn},
      {"wait", []() -> int { wait_forever(); }},
      {"stop-self", [] { event("ready\n"); return ::raise(SIGSTOP); }},
      {"ignore-term", ignore_term},
      {"obey-term", obey_term},
      {"fork-bomb", fork_bomb},
      {"endless-forks", endless_forks},
      {"eat-heap", eat_heap},
      {"eat-in-child", eat_in_child},
      {"eat-memfd", eat_memfd},
      {"fill-out", [] { return fill("/out/big"); }},
      {"fill-tmp", [] { return fill("/tmp/big"); }},
      {"fill-inodes", fill_inodes},
      {"sparse", [] { return ::truncate("/out/x", 1L << 50) == 0 ? 0 : put("/out/x", "") + (::truncate("/out/x", 1L << 50) == 0 ? 0 : errno); }},
      {"daemonise", daemonise},
      {"fds", list_fds},
      {"environment", print_environment},
      {"identity", print_identity},
      {"exhaust-fds", exhaust_fds},
      {"int80", int80},
      {"x32", x32},
      {"leave-word", leave_word},
      {"find-word", find_word},
      {"set-id-program", set_id_program},
      {"am-i-root", am_i_root},
      {"orphans", reap_orphans},
      {"events", [] { event("{\"progress\":0.5}\nno end"); return 0; }},
      {"shout", [] { std::puts("to stdout"); std::fputs("to stderr\n", stderr); return 0; }},
      {"read-input", [] { char text[64]{}; const int fd = ::open("/in/data/canary", O_RDONLY); return ::read(fd, text, sizeof text) > 0 ? 0 : 1; }},
      {"read-file-input", [] { char text[64]{}; const int fd = ::open("/in/one", O_RDONLY); return ::read(fd, text, sizeof text) > 0 ? 0 : 1; }},
  };
  if (const auto found = behaviours.find(word); found != behaviours.end()) return found->second();
  for (const hostile::Behaviours* more : {&hostile::resource_behaviours(), &hostile::channel_behaviours(), &hostile::network_behaviours()})
    if (const auto found = more->find(word); found != more->end()) return found->second();
  if (argument == nullptr) return attempt(word);
  if (word == "exit") return std::atoi(argument);
  if (word == "flood") return flood(1, std::strtoull(argument, nullptr, 10));
  if (word == "flood-events") return flood(3, std::strtoull(argument, nullptr, 10));
  if (word == "outputs") return outputs(argument);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  ::setvbuf(stdout, nullptr, _IONBF, 0);
  return argc > 1 ? behave(argv[1], argc > 2 ? argv[2] : nullptr) : 2;
}
