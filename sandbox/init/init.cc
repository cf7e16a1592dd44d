// The init of a step: process 1 of its pid namespace. Starts the step, passes SIGTERM on to all of it, reaps what is
// orphaned, reports how the step ended, and exits: the kernel then kills whatever is left in the namespace.
//
// A program of its own, without libc, so that nothing of the runner's memory is inside the sandbox and so that
// executing it costs next to nothing. It runs behind the same walls as the step: it holds no right the step lacks.
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <sys/prctl.h>

#include "sandbox/sys.h"
#include "sandbox/wire.h"

namespace {

using namespace airlock::sandbox;
using sys::address;
using sys::call;

constexpr unsigned long bit(int signal) { return 1UL << (signal - 1); }
constexpr unsigned long kWatched = bit(SIGTERM) | bit(SIGCHLD);

void note(unsigned kind, int value, int error) {
  const Note n{kind, value, error};
  call(SYS_write, kControlFd, address(&n), sizeof n);
}

[[noreturn]] void leave(int status) {
  for (;;) call(SYS_exit_group, status);
}

bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

[[noreturn]] void become_step(char** argv, char** envp) {
  call(SYS_setsid);
  const unsigned long none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, sizeof none);
  call(SYS_fcntl, kControlFd, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
  const long error = call(SYS_execve, address(argv[0]), address(argv), address(envp));
  note(kNoteNotStarted, 0, static_cast<int>(-error));
  leave(127);
}

// One event a fact, "name value": what the walls look like from inside.
void print_fact(const char* name, long value) {
  char line[96];
  unsigned long n = 0;
  while (*name != 0) line[n++] = *name++;
  line[n++] = ' ';
  char digits[24];
  int d = 0;
  unsigned long magnitude = static_cast<unsigned long>(value);
  if (value < 0) line[n++] = '-', magnitude = 0 - magnitude;
  do digits[d++] = static_cast<char>('0' + magnitude % 10);
  while ((magnitude /= 10) != 0);
  while (d > 0) line[n++] = digits[--d];
  line[n++] = '\n';
  call(SYS_write, 3, address(line), static_cast<long>(n));
}

// To a port of the runner's loopback, in decimal.
long connect_to(const char* port) {
  unsigned number = 0;
  while (*port >= '0' && *port <= '9') number = number * 10 + static_cast<unsigned>(*port++ - '0');
  const unsigned char to[16] = {2, 0, static_cast<unsigned char>(number >> 8), static_cast<unsigned char>(number & 0xff), 127, 0, 0, 1};
  const long fd = call(SYS_socket, 2 /* AF_INET */, 1 /* SOCK_STREAM */, 0);
  return fd < 0 ? fd : call(SYS_connect, fd, address(to), sizeof to);
}

[[noreturn]] void probe(const char* port) {
  print_fact("uid", call(SYS_getuid));
  print_fact("euid", call(SYS_geteuid));
  print_fact("groups", call(SYS_getgroups));
  print_fact("pid", call(SYS_getpid));
  print_fact("no_new_privs", call(SYS_prctl, PR_GET_NO_NEW_PRIVS));
  print_fact("bounding", call(SYS_prctl, PR_CAPBSET_READ, 0));
  struct {
    unsigned version;
    int pid;
  } header{0x20080522, 0};
  unsigned data[6] = {~0U, ~0U, ~0U, ~0U, ~0U, ~0U};
  call(SYS_capget, address(&header), address(data));
  print_fact("capabilities", data[0] | data[1] | data[2] | data[3] | data[4] | data[5]);
  print_fact("seccomp", call(SYS_prctl, PR_GET_SECCOMP));
  print_fact("mount", call(SYS_mount));
  if (port != nullptr) print_fact("connect", connect_to(port));
  leave(0);
}

void reap(long step, int* status, bool* ended) {
  for (;;) {
    int seen = 0;
    const long pid = call(SYS_wait4, -1, address(&seen), WNOHANG, 0);
    if (pid <= 0) return;
    if (pid == step) *status = seen, *ended = true;
  }
}

[[noreturn]] void run(char** argv, char** envp) {
  call(SYS_prctl, PR_SET_DUMPABLE, 0);  // the step has our uid: keep it out of our memory
  call(SYS_rt_sigprocmask, SIG_SETMASK, address(&kWatched), 0, sizeof kWatched);
  // vfork: the child borrows our stack and memory until it executes, and we stand still meanwhile.
  const long step = call(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
  if (step == 0) become_step(argv, envp);
  if (step < 0) {
    note(kNoteNotStarted, 0, static_cast<int>(-step));
    leave(127);
  }
  int status = 0;
  for (bool ended = false; !ended;) {
    if (call(SYS_rt_sigtimedwait, address(&kWatched), 0, 0, sizeof kWatched) == SIGTERM) call(SYS_kill, -1, SIGTERM);
    reap(step, &status, &ended);
  }
  note(kNoteEnded, status, 0);
  leave(0);
}

}  // namespace

extern "C" [[noreturn, gnu::used]] void airlock_init_main(long* stack) {
  const long argc = stack[0];
  char** argv = reinterpret_cast<char**>(stack + 1);
  if (call(SYS_getpid) == 1) run(argv, argv + argc + 1);
  if (argc > 1 && same(argv[1], kProbeArgument)) probe(argc > 2 ? argv[2] : nullptr);
  leave(125);  // never outside a pid namespace of our own: run() signals every process it can see
}

// The kernel enters with the argument vector on the stack and everything else undefined.
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call airlock_init_main\n  hlt\n");
