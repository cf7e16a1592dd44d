// base/lock_file: one process at a time, by flock(2) on a file made for it (0600). The kernel lets go of the lock when
// its holder ends, however it ends.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock {

enum class Wait { kNo, kYes };

// Held until the descriptor is closed. kBusy: another process holds it, with Wait::kNo.
Result<UniqueFd> lock_file(const std::string& path, Wait wait);

// The same of a file that is open already. kShared: together with others who share it.
enum class Sharing { kAlone, kShared };
Result<void> lock_descriptor(const UniqueFd& file, Sharing sharing, Wait wait, const std::string& path);

}  // namespace airlock
