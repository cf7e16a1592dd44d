#include "sandbox/layers.h"

#include <utility>

namespace airlock::sandbox {

std::string_view layer_name(Layer layer) {
  switch (layer) {
    case Layer::kUserNs: return "user-namespace";
    case Layer::kMountNs: return "mount-namespace";
    case Layer::kPidNs: return "pid-namespace";
    case Layer::kNetNs: return "network-namespace";
    case Layer::kIpcNs: return "ipc-namespace";
    case Layer::kUtsNs: return "uts-namespace";
    case Layer::kCgroupNs: return "cgroup-namespace";
    case Layer::kRoot: return "root";
    case Layer::kIdentity: return "identity";
    case Layer::kSeccomp: return "seccomp";
    case Layer::kLandlock: return "landlock";
    case Layer::kCgroup: return "cgroup";
  }
  std::unreachable();
}

Result<Layer> parse_layer(std::string_view name) {
  std::string known;
  for (const Layer layer : kAllLayers) {
    if (layer_name(layer) == name) return layer;
    known += known.empty() ? "" : ", ";
    known += layer_name(layer);
  }
  return fail(Code::kUsage, "no layer is named \"" + printable(name) + "\"; there are " + known);
}

bool is_mandatory(Layer layer) {
  switch (layer) {
    case Layer::kMountNs: case Layer::kPidNs: case Layer::kRoot: case Layer::kIdentity: return true;
    case Layer::kUserNs: case Layer::kNetNs: case Layer::kIpcNs: case Layer::kUtsNs: case Layer::kCgroupNs:
    case Layer::kSeccomp: case Layer::kLandlock: case Layer::kCgroup: return false;
  }
  std::unreachable();
}

std::string_view layer_remedy(Layer layer) {
  switch (layer) {
    case Layer::kUserNs:
      return "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces>0; "
             "on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0), or run airlock as root.";
    case Layer::kMountNs: case Layer::kPidNs: case Layer::kNetNs: case Layer::kIpcNs: case Layer::kUtsNs: case Layer::kCgroupNs:
      return "Run on a kernel with this namespace compiled in and user.max_*_namespaces above 0; inside a container, "
             "allow it to create namespaces.";
    case Layer::kRoot:
      return "Inside a container, do not mask /proc or /dev of the container; the kernel must be 5.12 or newer.";
    case Layer::kIdentity:
      return "Run airlock as root with an unprivileged uid mapped in its user namespace, or as an ordinary user.";
    case Layer::kSeccomp:
      return "Run on a kernel with CONFIG_SECCOMP_FILTER.";
    case Layer::kLandlock:
      return "Run on a kernel with CONFIG_SECURITY_LANDLOCK and landlock named in the lsm= boot parameter.";
    case Layer::kCgroup:
      return "Run airlock as root, or give it a delegated cgroup: "
             "systemd-run --user --scope -p Delegate=yes airlock ..., or Delegate=yes in its unit.";
  }
  std::unreachable();
}

LayerSet LayerSet::all() {
  LayerSet set;
  for (const Layer layer : kAllLayers) set = set.with(layer);
  return set;
}

}  // namespace airlock::sandbox
