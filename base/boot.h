// base/boot: a clock that nobody can set: how long this machine has been running, and which start of it that was.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace airlock {

// `boot_id` empty: the kernel does not say; then nothing is carried on from one moment to another.
struct BootMoment {
  std::string boot_id;    // the kernel's random id of this start
  Millis since_boot{0};   // counts while the machine sleeps, too
  friend bool operator==(const BootMoment&, const BootMoment&) = default;
};

BootMoment read_boot_moment();

}  // namespace airlock
