// sandbox/harvest: reads the outputs of a dead step as the hostile input they are.
//
// Accepts regular files and folders with safe names (base/path.h) that lie on the output's own file system. Refuses,
// with kStepOutputRefused and the path: symbolic links (wherever they point: a tree digest has no place for one),
// FIFOs, sockets, devices, hard links, set-id and sticky bits, extended attributes, files their owner may not read,
// names that collide on another system, and whatever exceeds the limits. Never follows a link, never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::sandbox {

struct HarvestLimits {
  std::uint64_t files = 65'536;       // files and folders
  std::uint64_t file_bytes = 8 * kGiB;
  std::uint64_t total_bytes = 8 * kGiB;
  Limits paths{};                     // path_bytes, path_component_bytes, path_depth are used
};

struct HarvestedFile {
  std::string path;      // relative, passes safe_path()
  std::uint64_t size;
  bool executable;       // owner's x bit
  UniqueFd fd;           // open for reading, at offset 0
};

// Called once for each file, in ascending order of path bytes. An error ends the harvest and is returned.
using HarvestSink = std::function<Result<void>(HarvestedFile)>;

struct HarvestTotals {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Every process that could write below `out` must be dead: Slot::run() guarantees it.
Result<HarvestTotals> harvest(const UniqueFd& out, const HarvestLimits& limits, const HarvestSink& sink);

}  // namespace airlock::sandbox
