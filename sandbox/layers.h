// sandbox/layers: the walls around a step, by name.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::sandbox {

enum class Layer : std::uint8_t {
  kUserNs, kMountNs, kPidNs, kNetNs, kIpcNs, kUtsNs, kCgroupNs, kRoot, kIdentity, kSeccomp, kLandlock, kCgroup,
};
inline constexpr std::array kAllLayers = {
    Layer::kUserNs, Layer::kMountNs, Layer::kPidNs,    Layer::kNetNs,   Layer::kIpcNs,    Layer::kUtsNs,
    Layer::kCgroupNs, Layer::kRoot,  Layer::kIdentity, Layer::kSeccomp, Layer::kLandlock, Layer::kCgroup,
};

// What an operator types after --allow-degraded: "user-namespace", "landlock", "cgroup" ...
std::string_view layer_name(Layer layer);
Result<Layer> parse_layer(std::string_view name);  // kUsage, naming the known ones

// Without these nothing is left that deserves the name: they cannot be degraded.
bool is_mandatory(Layer layer);

class LayerSet {
 public:
  static LayerSet all();
  bool has(Layer layer) const { return (bits_ & bit(layer)) != 0; }
  LayerSet with(Layer layer) const { return LayerSet(bits_ | bit(layer)); }
  LayerSet without(Layer layer) const { return LayerSet(bits_ & ~bit(layer)); }
  LayerSet() = default;
  friend bool operator==(LayerSet, LayerSet) = default;

 private:
  explicit LayerSet(std::uint32_t bits) : bits_(bits) {}
  static std::uint32_t bit(Layer layer) { return std::uint32_t{1} << static_cast<unsigned>(layer); }
  std::uint32_t bits_ = 0;
};

struct LayerStatus {
  Layer layer;
  bool ok = false;
  std::string detail;  // what was seen: "ABI 7", "clone3: Operation not permitted"
  std::string remedy;  // empty when ok
};

struct Degradation {
  Layer layer;
  std::string reason;  // the operator's words; goes into the evidence of every step
};

}  // namespace airlock::sandbox
