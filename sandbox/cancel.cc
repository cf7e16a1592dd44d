#include "sandbox/cancel.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "base/io.h"

namespace airlock::sandbox {
namespace {

void raise_event(const UniqueFd& event) {
  const std::uint64_t one = 1;
  const int saved = errno;  // a signal handler must leave it as it was
  (void)!::write(event.get(), &one, sizeof one);  // ignoring: can only fail when it is already readable
  errno = saved;
}

}  // namespace

Result<Cancel> Cancel::create() {
  UniqueFd drain(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd kill(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!drain || !stop || !kill) return os_fail("eventfd", "for cancelling");
  return Cancel(std::move(drain), std::move(stop), std::move(kill));
}

Cancel::Cancel(Cancel&& other) noexcept
    : level_(other.level()), drain_(std::move(other.drain_)), stop_(std::move(other.stop_)), kill_(std::move(other.kill_)) {}

void Cancel::request(Level level) noexcept {
  Level seen = level_.load(std::memory_order_acquire);
  while (seen < level && !level_.compare_exchange_weak(seen, level, std::memory_order_acq_rel)) {
  }
  if (level >= Level::kDrain) raise_event(drain_);
  if (level >= Level::kStop) raise_event(stop_);
  if (level >= Level::kKill) raise_event(kill_);
}

}  // namespace airlock::sandbox
