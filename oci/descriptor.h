// oci/descriptor: the JSON documents of an OCI image (image-spec v1.1: descriptor.md, image-index.md, manifest.md,
// config.md) and the manifest.json of `docker save`, parsed strictly. Pure.
//
// A digest is sha256 and 64 lower-case hex digits, nothing else: it becomes a file name. Docker's older media types are
// read, too. Unknown fields and annotations are passed over, as the specification demands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace airlock::oci {

enum class MediaType {
  kIndex, kManifest, kConfig,
  kLayer, kLayerGzip, kLayerZstd,  // a tar and how it is packed
  kOther,                          // only its bytes are checked
};

struct Descriptor {
  MediaType type = MediaType::kOther;
  std::string media_type;   // as written; may be empty
  Digest digest = Digest::of_empty();
  std::uint64_t size = 0;
  bool elsewhere = false;   // a "foreign" layer, or one with urls: may be absent
  std::string platform;     // "linux/amd64"; empty when it is not stated
};

struct Index {
  std::vector<Descriptor> manifests;
};
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};
struct Config {
  std::vector<Digest> diff_ids;    // of the layers' tars, unpacked; lowest first
  std::string platform;            // "linux/amd64"; empty when it is not stated
};
struct DockerImage {
  std::string config;               // member names of the archive
  std::vector<std::string> layers;  // lowest first
};

inline constexpr std::size_t kMaxDocument = 4u << 20;  // bytes; what registries accept

// All of them: kOciMalformed, with `what` and the field.
Result<void> check_layout_file(std::string_view text);  // oci-layout: imageLayoutVersion 1.x
Result<Index> parse_index(std::string_view text, std::string_view what);
Result<Manifest> parse_manifest(std::string_view text, std::string_view what);
Result<Config> parse_config(std::string_view text, std::string_view what);
Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text);

}  // namespace airlock::oci
