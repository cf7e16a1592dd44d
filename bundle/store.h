// bundle/store: the content-addressed store of a site (bundle format page, "Store"), shared by importer and runner.
//
//   cas/sha256/ab/cdef...   one blob a file, 0444, named by its SHA-256; never changed, only added or pruned
//   cas/tmp/<random>/       what a living process is still writing; left-overs of dead ones are swept
//   trees/<tree digest>/    a Tree (base/tree.h) as a folder, read-only, built once and published by one rename
//   images/<tree digest>/   a root file system, unpacked once from the OCI image layout of that digest: bundle/image_store.h
//
// A blob gets its name only after its bytes are on disk: StoreBatch::commit() is write, one barrier, rename, one
// barrier. Several processes may add at once; two of them adding the same blob is harmless. Blobs are removed only
// under the exclusive lock (prune).
//
// Nothing read for use is trusted because of its name: open() and materialize() hash what they hand out. A file
// that was hashed by this process, and whose inode has not changed since, is not hashed again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/fs.h"
#include "base/lock_file.h"
#include "base/result.h"
#include "base/tree.h"
#include "base/unique_fd.h"

namespace airlock::bundle {

struct StoreLayout {
  std::string cas;    // $AIRLOCK_HOME/cas
  std::string trees;  // $AIRLOCK_HOME/trees; on the same file system
  std::string images = {};  // $AIRLOCK_HOME/images, likewise; empty: no image is ever unpacked here
};

struct Stored {
  Digest sha256;
  std::uint64_t size = 0;
};

class StoreLock {  // held until destroyed
 public:
  explicit StoreLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;
};

class ImageStore;

struct SweepReport {
  std::uint64_t folders = 0, files = 0;
};

// A folder that a batch was written in, or a tree built, with the lock inside it. The lock goes last: whoever is killed on
// the way leaves a folder that the next sweep() still knows for an orphan.
Result<void> remove_work_folder(const std::string& path);

class Store {
 public:
  // Makes the folders if they are missing. kHomeUnusable when one of them is a symbolic link, belongs to another
  // user, or can be written by group or others; kStateReadOnly, kPermission, kDiskFull.
  static Result<std::unique_ptr<Store>> open(StoreLayout layout, Fs& fs = system_fs());
  ~Store();

  bool has(const Digest& digest) const;  // a blob of that name exists; says nothing about its bytes
  // Positioned at 0. kNotFound; kStoreCorrupt when the bytes are not what the name says.
  Result<UniqueFd> open(const Digest& digest) const;
  Result<std::string> read(const Digest& digest, std::uint64_t limit) const;  // kTooLarge

  // One blob, durable on return. For many, StoreBatch costs one barrier instead of one each.
  Result<Stored> put(std::string_view bytes);
  Result<Stored> put_file(const UniqueFd& source, std::string_view what);  // from its current position to its end

  // The path of a folder that holds exactly `tree`, every byte of it just proven. Executables are copies (0555: a
  // blob's own mode is 0444, and mode belongs to the inode), all else are hard links to the blobs; where links are
  // impossible, copies. kNotFound, kStoreCorrupt name the blob.
  Result<std::string> materialize(const Tree& tree);
  ImageStore& images() const { return *images_; }

  // The lock of whoever changes what blobs exist for: imports and prune, one at a time, across processes.
  Result<StoreLock> lock(Wait wait) const;  // kBusy
  // Removes what dead processes left in cas/tmp, trees/ and images/. Safe at any time.
  Result<SweepReport> sweep();
  // Removes one blob; only under lock(), only what nothing refers to.
  Result<void> remove(const Digest& digest);

  std::string blob_path(const Digest& digest) const;
  const StoreLayout& layout() const { return layout_; }

 private:
  friend class StoreBatch;
  friend class ImageStore;
  struct Seen {  // identity of an inode at the time it was hashed
    std::uint64_t device, inode, size;
    std::int64_t changed_ns;
    friend auto operator<=>(const Seen&, const Seen&) = default;
  };
  Store(StoreLayout layout, Fs& fs);
  Result<void> prove(const UniqueFd& fd, const Digest& digest, const std::string& path) const;
  Result<void> prove_tree(const Tree& tree, const std::string& folder) const;
  Result<void> build_tree(const Tree& tree, const std::string& folder);

  StoreLayout layout_;
  Fs& fs_;
  mutable std::mutex mutex_;
  mutable std::map<Seen, Digest> proven_;
  std::unique_ptr<ImageStore> images_;
};

}  // namespace airlock::bundle
