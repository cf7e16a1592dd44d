#include "bundle/early_sync.h"

#include <unistd.h>

#include <chrono>
#include <system_error>

#include "base/io.h"

namespace airlock::bundle {

void EarlySync::wrote(std::uint64_t bytes, const std::string& folder) {
  unsynced_ += bytes;
  if (unsynced_ < kStepBytes) return;
  if (running_.valid() && running_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  unsynced_ = 0;
  try {
    running_ = std::async(std::launch::async, [folder] {
      if (const auto dir = open_dir(folder)) (void)::syncfs(dir->get());  // ignoring: a hint
    });
  } catch (const std::system_error&) {
    // No thread to be had: the barrier at the end has more to do.
  }
}

}  // namespace airlock::bundle
