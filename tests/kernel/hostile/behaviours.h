// What a step does that is more than one attempt with one answer: by name, as main() is told.
#pragma once

#include <map>
#include <string>

namespace hostile {

inline constexpr int kHeld = 77, kThrough = 1;

bool ship(int over, int fd);  // a descriptor, over a local socket

using Behaviours = std::map<std::string, int (*)()>;
const Behaviours& resource_behaviours();  // taking more than is given
const Behaviours& channel_behaviours();   // talking to somebody else
const Behaviours& network_behaviours();   // reaching what was not given

}  // namespace hostile
