// sandbox/seccomp_profile: which system calls a step may make, as a ready-made BPF program. Pure: touches no kernel
// state, gives the same program every time.
//
// Allowed calls are listed; calls that a program must see refused give EPERM; every other number, known or not, gives
// ENOSYS, so that libc falls back (clone3, io_uring, and what kernels to come may add). A call made in another
// architecture's way (i386, x32) kills the process.
//
// A step that declared endpoints gets the brokered program: calls that name an address are held for the supervisor to
// answer (sandbox/broker.h), and a socket can neither be named nor listen.
#pragma once

#include <linux/filter.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace airlock::sandbox {

// The second version decides as the first did, in a third of the instructions.
inline constexpr std::string_view kProfileVersion = "airlock-seccomp/2", kBrokeredProfileVersion = "airlock-seccomp/2+broker";

struct SeccompProfile {
  std::string_view version;
  std::vector<sock_filter> program;
  Digest digest = Digest::of_empty();  // SHA-256 of the version, a line feed, and the program's bytes
};

enum class Sockets { kIsolated, kBrokered };
Result<SeccompProfile> build_seccomp_profile(Sockets sockets = Sockets::kIsolated);

}  // namespace airlock::sandbox
