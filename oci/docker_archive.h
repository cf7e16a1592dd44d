// oci/docker_archive: the archive that `docker save` writes: a tar with manifest.json, configurations and layers.
//
// The archive is indexed in one pass and then read at places: nothing of it is unpacked. Layers may be packed or be links to
// other members, as older writers had it. Every layer's tar is checked against the configuration's diff_id; the
// configuration itself is covered by no digest but, if its name is one, by that name. Members are looked up by name, and a
// name that is there twice is refused.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "oci/descriptor.h"
#include "oci/unpack.h"

namespace airlock::oci {

class DockerArchive {
 public:
  // kOciMalformed: no manifest.json or not one; kArchive*: the outer tar.
  static Result<DockerArchive> open(const std::string& path, const Limits& limits = {});

  const std::vector<DockerImage>& images() const { return images_; }
  // Lowest first; the archive must outlive them. kOciMalformed, kOciMissing; later kOciDigest.
  Result<std::vector<OpenLayer>> image(const DockerImage& image) const;

 private:
  struct Member {
    std::uint64_t offset = 0, size = 0;
    std::optional<std::string> link;  // of a link: the member it leads to; empty when it leads out of the archive
  };
  explicit DockerArchive(UniqueFd file) : file_(std::move(file)) {}
  Result<void> index(std::uint64_t file_bytes, const Limits& limits);
  Result<Member> find(const std::string& name) const;
  Result<std::string> document(const std::string& name) const;

  UniqueFd file_;
  std::map<std::string, Member> members_;
  std::vector<DockerImage> images_;
};

}  // namespace airlock::oci
