// sandbox/place: what a slot prepares once, when the runner is root, so that each of its steps need not.
//
// The slot's thread leaves the host's namespaces for its own: an empty network, a host name, and a mount namespace that
// holds a step's root, read-only, and nothing of the host. A step starts as a copy of that. A user namespace, in which a
// step is nobody, is kept with it. Nothing here can be changed by a step: it never holds a capability over any of these,
// because they belong to the runner. What a step could leave something in (processes, System V IPC, /out and /tmp, its
// control group) is made new for each.
#pragma once

#include "sandbox/host.h"
#include "sandbox/start.h"

namespace airlock::sandbox {

// A user namespace in which kInsideId is `ids` of the runner's. The descriptor keeps it.
Result<UniqueFd> make_user_namespace(const OutsideIds& ids);

// Moves the calling thread into the place, for good: it sees nothing of the host any more.
std::optional<StartFailure> enter_place(const HostFacts& host);

}  // namespace airlock::sandbox
