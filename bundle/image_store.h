// bundle/image_store: root file systems for steps, each unpacked once from an OCI image layout that a bundle brought
// (docs/formats.md, "Plugin").
//
//   images/<tree digest of the layout>/
//     root/     the files of its image, as all layers together make them
//     listing   what lies in root/, written when it was unpacked
//     blobs     digests of the layout's files: while the store has all of them, the image stays
//
// The layout's files are those of a verified bundle; each layer is checked against its digest and the configuration's
// diff_id while it is unpacked. The first use in a process proves root/ against the listing, every byte of it; what was
// damaged is unpacked again. Who uses an image holds a shared lock on its listing: prune() leaves it alone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "base/digest.h"
#include "base/fs.h"
#include "base/result.h"
#include "base/tree.h"
#include "base/unique_fd.h"

namespace airlock::bundle {

class Store;

// What a step runs on.
inline constexpr std::string_view kImagePlatform = "linux/amd64";

struct UsedImage {
  std::string root;  // absolute path of the root file system
  UniqueFd lock;     // keep it as long as the root is used
};

struct PrunedImages {
  std::vector<Digest> images;  // by tree digest of the layout
  std::uint64_t bytes = 0;     // of their files
};

// That the layout in `folder` is sound in every blob, lacks none, and has one image for kImagePlatform: before it is packed.
Result<void> check_image_folder(const std::string& folder);

// That `layout`, of whose files the store has every one, is an OCI image layout with one image for kImagePlatform that lacks
// no layer. Reads its documents only. kOciMalformed, kOciMissing, kOciDigest; kNotFound, kStoreCorrupt as Store::read().
Result<void> check_image_layout(const Tree& layout, const Store& store);

class ImageStore {
 public:
  // `folder` empty: there is none, and provide() refuses. The store must outlive this.
  ImageStore(std::string folder, Store& store, Fs& fs) : folder_(std::move(folder)), store_(store), fs_(fs) {}

  // The image of this layout for kImagePlatform, unpacked and proven. Threads and processes may ask at once. kOci*,
  // kArchive* when the layout is no good; kNotFound, kStoreCorrupt name a blob; kDiskFull leaves nothing behind.
  Result<UsedImage> provide(const Tree& layout);

  // Removes the images whose layouts the store no longer holds whole and that nobody uses. Only under Store::lock().
  Result<PrunedImages> prune();

 private:
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;  // of a listing: device, inode, change time
  Result<UsedImage> use(const Digest& name);
  Result<void> unpack(const Tree& layout, const Digest& name);
  Result<void> fill(const Tree& layout, const std::string& work, const std::string& image);
  bool doomed(const std::string& path, UniqueFd& lock) const;
  std::string path_of(const Digest& name) const { return folder_ + "/" + name.hex(); }
  std::string aside(std::string_view why, const Digest& name) const;

  const std::string folder_;
  Store& store_;
  Fs& fs_;
  std::mutex mutex_;  // one thread unpacks or proves, the others find it done
  std::map<Digest, Identity> proven_;
};

}  // namespace airlock::bundle
