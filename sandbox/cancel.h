// sandbox/cancel: asks running steps to end, from any thread. One Cancel serves any number of slots.
#pragma once

#include <atomic>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::sandbox {

class Cancel {
 public:
  enum class Level {
    kNone,
    kDrain,  // steps that run go on to their end, no new one starts
    kStop,   // SIGTERM, the step's grace, then kill
    kKill,   // kill at once
  };

  static Result<Cancel> create();
  Cancel(Cancel&& other) noexcept;

  // A level only ever rises. request() takes no lock and allocates nothing: it may be called by a signal handler.
  void request(Level level) noexcept;
  Level level() const noexcept { return level_.load(std::memory_order_acquire); }

  // Become readable, and stay so, once the level is reached: for poll().
  const UniqueFd& drain_event() const { return drain_; }
  const UniqueFd& stop_event() const { return stop_; }
  const UniqueFd& kill_event() const { return kill_; }

 private:
  Cancel(UniqueFd drain, UniqueFd stop, UniqueFd kill)
      : drain_(std::move(drain)), stop_(std::move(stop)), kill_(std::move(kill)) {}
  std::atomic<Level> level_{Level::kNone};
  UniqueFd drain_;
  UniqueFd stop_;
  UniqueFd kill_;
};

}  // namespace airlock::sandbox
