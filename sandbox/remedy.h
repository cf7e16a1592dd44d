// sandbox/remedy: how to get a layer that is missing, on this host: the file, the setting or the line that does it.
//
// What is said follows from what was read here (HostSettings), never from the name or version of a distribution. Whether
// a layer is missing is not decided here: a real step was tried (sandbox/probe.cc).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/layers.h"

namespace airlock::sandbox {

struct HostSettings {
  std::string program;                        // path of this one
  std::uint32_t uid = 0;
  std::map<std::string, std::string> limits;  // of /proc/sys/user, by name: "max_net_namespaces" -> "0"
  // Nothing: the kernel or the distribution has no such switch.
  std::optional<std::string> userns_clone;    // kernel.unprivileged_userns_clone
  std::optional<std::string> apparmor_userns; // kernel.apparmor_restrict_unprivileged_userns
  std::optional<std::string> lsm;             // /sys/kernel/security/lsm: what the kernel started
  std::optional<std::string> delegated;       // controllers of the user's own service manager (cgroup v2)
  bool systemd = false;
  bool separate_trees = false;                // cgroup v1: a tree for each controller
};

HostSettings read_host_settings();
std::string layer_remedy(Layer layer, const HostSettings& host);

}  // namespace airlock::sandbox
