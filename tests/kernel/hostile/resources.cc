// Taking more than is given: memory, processes, kernel objects.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "behaviours.h"

namespace hostile {
namespace {

void* sleep_in_thread(void*) {
  for (;;) ::pause();
}

// Exit: how many threads it could make, up to 200.
int thread_bomb() {
  pthread_attr_t small;
  ::pthread_attr_init(&small);
  ::pthread_attr_setstacksize(&small, 64 * 1024);
  int made = 0;
  for (pthread_t thread; made < 200 && ::pthread_create(&thread, &small, sleep_in_thread, nullptr) == 0; ++made) {
  }
  return made;
}

int chain_length = 0;  // a vforked child shares our memory

void vfork_chain() {
  if (chain_length == 200) return;
  const pid_t pid = ::vfork();
  if (pid != 0) return;
  ++chain_length;
  vfork_chain();
  ::_exit(0);
}

int eat_shared_memory() {
  for (;;) {
    const int id = ::shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
    void* const at = id < 0 ? reinterpret_cast<void*>(-1) : ::shmat(id, nullptr, 0);
    if (at == reinterpret_cast<void*>(-1)) return errno;
    std::memset(at, 1, 1 << 20);
  }
}

int eat_pipes() {
  static char block[1 << 16];
  for (;;) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK) != 0) return errno;
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    while (::write(ends[1], block, sizeof block) > 0) {
    }
  }
}

int deep_path() {
  if (::chdir("/out") != 0) return 1;
  for (;;)
    if (::mkdir("d", 0755) != 0 || ::chdir("d") != 0) return errno;
}

// Prints how many of each it could make; all of them end with the step.
int exhaust_kernel_objects() {
  int watchers = 0, queues = 0, semaphores = 0, timers = 0;
  while (watchers < 5000 && ::inotify_init1(0) >= 0) ++watchers;
  while (queues < 50'000 && ::msgget(IPC_PRIVATE, IPC_CREAT | 0600) >= 0) ++queues;
  while (semaphores < 50'000 && ::semget(IPC_PRIVATE, 1, IPC_CREAT | 0600) >= 0) ++semaphores;
  for (timer_t timer; timers < 50'000 && ::timer_create(CLOCK_MONOTONIC, nullptr, &timer) == 0;) ++timers;
  std::printf("%d %d %d %d\n", watchers, queues, semaphores, timers);
  return 0;
}

}  // namespace

const Behaviours& resource_behaviours() {
  static const Behaviours all = {
      {"thread-bomb", thread_bomb},
      {"vfork-chain", [] { vfork_chain(); return chain_length; }},
      {"eat-shared-memory", eat_shared_memory},
      {"eat-pipes", eat_pipes},
      {"lock-memory", [] { return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno; }},
      {"deep-path", deep_path},
      {"exhaust-kernel-objects", exhaust_kernel_objects},
  };
  return all;
}

}  // namespace hostile
