#include "base/boot.h"

#include <ctime>

#include "base/io.h"

namespace airlock {

BootMoment read_boot_moment() {
  struct timespec time{};
  // /proc has no size: it is read as a stream.
  auto file = open_read("/proc/sys/kernel/random/boot_id");
  if (!file || ::clock_gettime(CLOCK_BOOTTIME, &time) != 0) return {};
  auto id = read_fd(file->get(), 4096, "boot id");
  if (!id) return {};
  while (!id->empty() && id->back() == '\n') id->pop_back();
  return {std::move(*id), Millis(static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000)};
}

}  // namespace airlock
