// bundle/known_file: which file the active generation of a bundle was read from, so that the same file need not be read
// again. FOLDER/<tenant>/<bundleId>.json:
//
//   {"schema": "airlock.known-file/v1", "manifestSha256": HEX, "device": N, "inode": N, "bytes": N, "changedNs": N}
//
// The kernel sets a file's change time (ctime) at every write and nobody else can: the same device, inode, size and
// change time are the same bytes, as far as this machine can tell. A copy is another file, and is read whole. This is a
// memory, no evidence: what it says wrongly can only make an import that changes nothing read less. Losing it costs one
// whole reading.
#pragma once

#include <cstdint>
#include <string>

#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::bundle {

struct FileIdentity {
  std::uint64_t device = 0, inode = 0, bytes = 0, changed_ns = 0;
  static Result<FileIdentity> of(const UniqueFd& file);
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class KnownFiles {
 public:
  explicit KnownFiles(std::string folder) : folder_(std::move(folder)) {}  // empty: knows nothing, remembers nothing
  bool knows(const TenantId& tenant, const BundleId& bundle, const Digest& manifest, const FileIdentity& file) const;
  Result<void> remember(const TenantId& tenant, const BundleId& bundle, const Digest& manifest, const FileIdentity& file) const;

 private:
  std::string path_of(const TenantId& tenant, const BundleId& bundle) const;
  std::string folder_;
};

}  // namespace airlock::bundle
