#include "sandbox/spawner.h"

#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include "base/io.h"
#include "sandbox/sys.h"

namespace airlock::sandbox {
namespace {

constexpr std::size_t kStackSize = 64 * 1024, kGuardSize = 4096;

// clone3 whose child runs `entry(task)` on the stack in `args`. The parent's answer is the pid or a negative errno.
long clone_child(const sys::CloneArgs& args, void (*entry)(ChildTask*), ChildTask* task) {
  long result = SYS_clone3;
  register void* function asm("r12") = reinterpret_cast<void*>(entry);
  register void* argument asm("r13") = task;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&args), "S"(sizeof args), "r"(function), "r"(argument)
      : "rcx", "r11", "memory");
  return result;
}

}  // namespace

Result<std::unique_ptr<Spawner>> Spawner::create(const std::function<Result<void>()>& settle) {
  std::unique_ptr<Spawner> spawner(new Spawner);
  TRY(spawner->start(settle));
  return spawner;
}

Result<void> Spawner::start(const std::function<Result<void>()>& settle) {
  done_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!done_) return os_fail("eventfd", "for starting steps");
  void* const stack = ::mmap(nullptr, kStackSize + kGuardSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return os_fail("mmap", "the stack of a child");
  stack_ = stack;
  if (::mprotect(stack, kGuardSize, PROT_NONE) != 0) return os_fail("mprotect", "the stack of a child");
  std::promise<Result<void>> settled;
  auto answer = settled.get_future();
  // Every signal is blocked in the thread from its first instruction, so that none runs a handler in a child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, &settle, &settled] {
    auto result = settle();
    const bool good = result.has_value();
    settled.set_value(std::move(result));
    if (good) serve();
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return answer.get();
}

Spawner::~Spawner() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (stack_ != nullptr) ::munmap(stack_, kStackSize + kGuardSize);
}

void Spawner::post(SpawnRequest& request) {
  {
    const std::scoped_lock lock(mutex_);
    pending_ = &request;
  }
  wake_.notify_one();
}

void Spawner::await_done() {
  std::uint64_t count = 0;
  while (::read(done_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

void Spawner::let_go(UniqueFd fd) {
  {
    const std::scoped_lock lock(mutex_);
    let_go_.push_back(std::move(fd));
  }
  wake_.notify_one();
}

void Spawner::serve() {
  for (;;) {
    SpawnRequest* request = nullptr;
    std::vector<UniqueFd> closing;  // at the end of this round, without the lock
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || pending_ != nullptr || !let_go_.empty(); });
      closing = std::exchange(let_go_, {});
      request = std::exchange(pending_, nullptr);
      if (request == nullptr && stop_) return;
    }
    if (request == nullptr) continue;
    carry_out(*request);
    const std::uint64_t one = 1;
    (void)!::write(done_.get(), &one, sizeof one);  // ignoring: an eventfd at zero always takes it
  }
}

void Spawner::carry_out(SpawnRequest& request) {
  sys::CloneArgs args;
  args.flags = request.flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_PARENT_SETTID;
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uintptr_t>(stack_) + kGuardSize;
  args.stack_size = kStackSize;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&request.pidfd);
  args.parent_tid = reinterpret_cast<std::uintptr_t>(&request.pid);
  if (request.into_cgroup >= 0) {
    args.flags |= sys::kCloneIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(request.into_cgroup);
  }
  const long pid = clone_child(args, &airlock_child_main, request.task);
  request.result = pid < 0 ? pid : 0;
}

}  // namespace airlock::sandbox
