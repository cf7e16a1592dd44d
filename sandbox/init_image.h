// sandbox/init_image: the init program of a step, carried inside this library.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::sandbox {

std::string_view init_image();  // an ELF file

// A sealed anonymous file with the image: executable, readable by nobody. Unreadable on purpose: the kernel then makes
// the process that executes it untraceable from its first instruction, so a step with the same uid cannot look in.
Result<UniqueFd> make_init_file();

}  // namespace airlock::sandbox
