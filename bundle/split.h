// bundle/split: a bundle file cut into parts for media that hold less than it (formats page, "Parts").
//
// The same file and size give the same parts, byte for byte. Each part appears whole, under its own name, or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "manifests/bundle_part.h"

namespace airlock::bundle {

inline constexpr std::uint64_t kMinPartBytes = 64 * 1024;

struct SplitRequest {
  std::string path;               // the bundle
  std::string folder;             // gets the parts; made where it is missing
  std::uint64_t part_bytes = 0;   // of a part file at most, its header included; at least kMinPartBytes
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};  // bytes read; the file is read twice
};

struct SplitPart {
  std::string path;
  manifests::PartHeader header;
  Digest file_sha256;  // of the part file, header and slice: what sha256sum says
};

// In order. Parts of the same names are replaced. kUsage: a size that is too small or makes over kMaxParts parts, an
// empty file, a file that is a part itself; kAlreadyExists: the folder holds parts of the file by another size;
// kIo: the file changed meanwhile. What was published before a failure stays: each part is good by itself.
Result<std::vector<SplitPart>> split_bundle(const SplitRequest& request);

}  // namespace airlock::bundle
