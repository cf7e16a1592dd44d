// sandbox/spawner: the thread of a slot. It sits in the slot's control groups and place, and does one thing: clone3().
//
// CLONE_VM|CLONE_VFORK: no page table is copied, however large the runner is, and the thread stands still until the
// child has executed the init. Another thread must therefore answer the child meanwhile (start.cc). The kernel's OOM
// killer never chooses a process in that state, so a limit reached early cannot take the runner down with the child.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/child.h"

namespace airlock::sandbox {

struct SpawnRequest {
  ChildTask* task = nullptr;
  std::uint64_t flags = 0;        // namespaces
  int into_cgroup = -1;
  // Answers. pid and pidfd are there as soon as the child says hello; result once the thread is free again.
  std::atomic<int> pid{0};
  std::atomic<int> pidfd{-1};
  long result = 0;                // 0 or a negative errno
};

class Spawner {
 public:
  // `settle` is called once, by the thread: where it settles, its children are born.
  static Result<std::unique_ptr<Spawner>> create(const std::function<Result<void>()>& settle);
  ~Spawner();

  void post(SpawnRequest& request);            // one at a time; `request` lives until done() was awaited
  const UniqueFd& done() const { return done_; }  // readable once the request is answered
  void await_done();                           // and takes the answer
  void let_go(UniqueFd fd);                    // the thread closes it: the last of a mount namespace takes its time

 private:
  Spawner() = default;
  Result<void> start(const std::function<Result<void>()>& settle);
  void serve();
  void carry_out(SpawnRequest& request);

  UniqueFd done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  SpawnRequest* pending_ = nullptr;  // guarded by mutex_
  bool stop_ = false;                // guarded by mutex_
  std::vector<UniqueFd> let_go_;     // guarded by mutex_
  void* stack_ = nullptr;
  std::thread thread_;
};

}  // namespace airlock::sandbox
