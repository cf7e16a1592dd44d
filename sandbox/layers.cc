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

LayerSet LayerSet::all() {
  LayerSet set;
  for (const Layer layer : kAllLayers) set = set.with(layer);
  return set;
}

}  // namespace airlock::sandbox
