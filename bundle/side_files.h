// bundle/side_files: the members that vouch for themselves, as they are read from an archive: held in memory, within limits.
#pragma once

#include <cstdint>

#include "archive/archive.h"
#include "base/limits.h"
#include "base/result.h"
#include "bundle/layout.h"

namespace airlock::bundle {

inline constexpr std::size_t kMaxSideFiles = 2048;  // and limits.manifest_bytes together, limits.metadata_bytes each

class SideReader {
 public:
  SideReader(archive::ArchiveReader& reader, const Limits& limits) : reader_(reader), limits_(limits) {}
  // Reads the whole member. kMemberMode: it is executable.
  Result<void> take(const archive::Member& member);
  // For one that somebody else streams and hashes: kArchiveLimit before a byte of it is held, then its bytes.
  Result<void> count(const archive::Member& member);
  void add(const std::string& path, std::string bytes) { files_[path] = std::move(bytes); }
  const SideFiles& files() const { return files_; }

 private:
  archive::ArchiveReader& reader_;
  const Limits& limits_;
  SideFiles files_;
  std::uint64_t bytes_ = 0;
};

// All of them, of a reader that stands behind the manifest; it then stands at the first other member, which is not looked
// at. kArchiveOrder.
Result<SideFiles> read_side_files(archive::ArchiveReader& reader, const Limits& limits);

}  // namespace airlock::bundle
