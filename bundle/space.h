// bundle/space: will the disk hold a bundle? Asked of the signed manifest, before its first member is written.
#pragma once

#include <cstdint>
#include <string>

#include "bundle/store.h"
#include "bundle/verdict.h"
#include "manifests/bundle.h"

namespace airlock::bundle {

inline constexpr std::string_view kCheckSpace = "space";  // beside those of verdict.h

struct SpaceNeed {
  std::uint64_t bytes = 0;   // of new blobs, each rounded up to the file system's block
  std::uint64_t files = 0;   // new blobs
};

// One content under several paths counts once, and what the store holds already not at all.
SpaceNeed space_needed(const manifests::BundleManifest& manifest, const Store& store, std::uint64_t block_bytes);

// One line for the verdict; kDiskFull when the file system of the store has fewer bytes or inodes left for this user. A
// file system that does not count inodes is asked for bytes alone.
Result<Seen> check_space(const manifests::BundleManifest& manifest, const Store& store);

}  // namespace airlock::bundle
