// oci/layout: OCI image layouts in a folder (image-spec, image-layout.md), read with every digest checked.
//
// check() walks everything that index.json leads to; image() gives the layers of one image, ready for oci/unpack.h. A blob
// is opened by its digest alone, without following links, and believed only once size and SHA-256 have been seen.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "archive/stream.h"
#include "base/unique_fd.h"
#include "oci/descriptor.h"
#include "oci/unpack.h"

namespace airlock::oci {

// Hashes what passes and compares at the end: kOciDigest when size or SHA-256 is another. `what` names it in errors.
std::unique_ptr<archive::ByteSource> checked_source(std::unique_ptr<archive::ByteSource> source, Digest digest,
                                                    std::optional<std::uint64_t> size, std::string what);

struct LayoutReport {
  std::size_t blobs = 0;            // distinct blobs that were read and found right
  std::vector<Digest> missing;      // referred to, but not there; sorted
};

class Layout {
 public:
  // kOciMalformed: no oci-layout file of version 1, no index.json; kNotFound, kIo.
  static Result<Layout> open(const std::string& folder);

  // Every descriptor that index.json leads to: kOciDigest, kOciMalformed. Blobs that are not there are listed.
  Result<LayoutReport> check() const;
  const Index& index() const { return index_; }
  // The image for that platform, "linux/amd64": oci/platform.h says which, and how it fails; kOciDigest.
  Result<Descriptor> choose(std::string_view platform) const;
  // The layers of the image that a descriptor of an index or this manifest means. Each one's packed bytes are checked
  // against its digest and its tar against the configuration's diff_id. kOciMissing, kOciMalformed; later kOciDigest.
  // The layout must outlive them.
  Result<std::vector<OpenLayer>> image(const Descriptor& manifest) const;

 private:
  struct Walk;
  Layout(UniqueFd folder, Index index) : folder_(std::move(folder)), index_(std::move(index)) {}
  Result<UniqueFd> open_blob(const Digest& digest) const;    // kOciMissing
  Result<std::unique_ptr<archive::ByteSource>> blob(const Descriptor& descriptor) const;
  Result<std::string> document(const Descriptor& descriptor) const;
  Result<void> walk(const Descriptor& descriptor, std::size_t depth, Walk& state) const;

  UniqueFd folder_;
  Index index_;
};

// How a layer is packed is told by its first bytes, which no media type can contradict.
Result<std::unique_ptr<archive::ByteSource>> unpacked(std::unique_ptr<archive::ByteSource> packed);

}  // namespace airlock::oci
