// The rules of the seccomp profile as libseccomp compiles them.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"
#include "sandbox/seccomp_profile.h"

namespace airlock::sandbox {

Result<std::vector<sock_filter>> reference_profile(Sockets sockets = Sockets::kIsolated);

}  // namespace airlock::sandbox
