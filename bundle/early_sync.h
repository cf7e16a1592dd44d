// bundle/early_sync: has the kernel write back what it caches while more is still coming in, so that the barrier at the
// end of a batch has little left to wait for. A hint: nothing is durable before that barrier, which also reports what
// failed here (a write error is told once to each descriptor, and this one is not the barrier's).
#pragma once

#include <cstdint>
#include <future>
#include <string>

#include "base/limits.h"

namespace airlock::bundle {

class EarlySync {
 public:
  ~EarlySync() { wait(); }
  // `bytes` more went to files of the file system that `folder` is on. Begins a sync of it, on a thread of its own, when
  // enough has come together and the one before has ended.
  void wrote(std::uint64_t bytes, const std::string& folder);
  void wait() {
    if (running_.valid()) running_.wait();
  }

 private:
  static constexpr std::uint64_t kStepBytes = 64 * kMiB;  // less: the journal is committed too often; more: the end waits
  std::uint64_t unsynced_ = 0;
  std::future<void> running_;
};

}  // namespace airlock::bundle
