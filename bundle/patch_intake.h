// bundle/patch_intake: the patches of a delta kit (archive/patch.h), on their way from the archive to the members that
// they make, which go on to the store.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/zstd_stream.h"
#include "base/limits.h"
#include "bundle/blob_pipe.h"
#include "bundle/delta.h"
#include "manifests/bundle.h"

namespace airlock::bundle {

class PatchIntake {
 public:
  // `wants`: members that are to be kept in memory as well, at most limits.metadata_bytes each and limits.manifest_bytes
  // together: kArchiveLimit. `base` null: patches are hashed, and nothing is made of them.
  PatchIntake(const manifests::BundleManifest& manifest, const DeltaBase* base, const Limits& limits,
              std::function<bool(std::string_view path)> wants);

  // At its header: kMemberUnlisted when base.patches does not name it, kMemberSize, kMemberMode.
  Result<void> match(const archive::Member& member) const;
  // kMemberDigest: not the patch that was signed. kPatch: it is, and does not give the member that was signed.
  // kStoreCorrupt: because the base's blob is damaged.
  Result<void> take(archive::ArchiveReader& reader, const archive::Member& member, BlobOut& out, const std::function<void()>& progress);
  Result<void> missing() const;  // kMemberMissing: a patch that never came

  // Whether a patch makes the content of `entry`.
  bool makes(const manifests::BundleEntry& entry) const;
  std::size_t count() const { return patches_.size(); }
  // Of those that `wants` said yes to, once it was made; nullptr for others.
  const std::string* document(const Digest& sha256) const;

 private:
  class Maker;
  std::size_t index_of(const archive::Member& member) const;  // patches_.size(): none
  Error blame(const manifests::BundlePatch& patch, const Error& error) const;

  struct Target {
    std::uint64_t size = 0;   // of the member that comes out
    bool wanted = false, taken = false;
  };
  const std::vector<manifests::BundlePatch>& patches_;
  const DeltaBase* base_;
  const Limits& limits_;
  std::vector<Target> targets_;                   // beside patches_
  std::map<Digest, std::string> documents_;
  std::uint64_t document_bytes_ = 0;
  archive::BufferPool pool_;
};

}  // namespace airlock::bundle
