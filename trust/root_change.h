// trust/root_change: what is different between two TUF roots, in words. Pure: the one place that says so, for the policy
// (no word: the rotation changes nothing) and for the people who approve.
#pragma once

#include <string>
#include <vector>

#include "verify/tuf/metadata.h"

namespace airlock::trust {

// "timestamp: threshold 1 -> 2", "targets: + key 3f2a... (ed25519)", "expires 2027-...: -> 2028-..."; versions apart.
std::vector<std::string> describe_change(const verify::tuf::Document<verify::tuf::Root>& before,
                                         const verify::tuf::Document<verify::tuf::Root>& after);

}  // namespace airlock::trust
