#include "oci/descriptor.h"

#include <utility>

#include "base/json.h"

namespace airlock::oci {
namespace {

constexpr std::size_t kMaxEntries = 10'000;  // manifests of an index, layers of a manifest

std::unexpected<Error> malformed(std::string_view what, std::string why) {
  return fail(Code::kOciMalformed, std::string(what) + ": " + std::move(why));
}

MediaType type_of(std::string_view text) {
  static constexpr std::pair<std::string_view, MediaType> kTypes[] = {
      {"application/vnd.oci.image.index.v1+json", MediaType::kIndex},
      {"application/vnd.docker.distribution.manifest.list.v2+json", MediaType::kIndex},
      {"application/vnd.oci.image.manifest.v1+json", MediaType::kManifest},
      {"application/vnd.docker.distribution.manifest.v2+json", MediaType::kManifest},
      {"application/vnd.oci.image.config.v1+json", MediaType::kConfig},
      {"application/vnd.docker.container.image.v1+json", MediaType::kConfig},
      {"application/vnd.oci.image.layer.v1.tar", MediaType::kLayer},
      {"application/vnd.docker.image.rootfs.diff.tar", MediaType::kLayer},
      {"application/vnd.oci.image.layer.v1.tar+gzip", MediaType::kLayerGzip},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", MediaType::kLayerGzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", MediaType::kLayerZstd},
  };
  for (const auto& [name, type] : kTypes)
    if (name == text) return type;
  return MediaType::kOther;
}

bool stands_elsewhere(std::string_view media_type) {
  return media_type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.foreign.");
}

Result<Json> object_of(std::string_view text, std::string_view what) {
  if (text.size() > kMaxDocument) return malformed(what, "over " + std::to_string(kMaxDocument) + " bytes");
  auto json = parse_json(text, what);
  if (!json) return fail(Code::kOciMalformed, json.error().context);
  if (!json->is_object()) return malformed(what, "not an object");
  return json;
}

Result<Digest> parse_digest(const Json& value, std::string_view what) {
  static constexpr std::string_view kPrefix = "sha256:";
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with(kPrefix))
    return malformed(what, "a digest that is not sha256: " + value.dump().substr(0, 100));
  const auto digest = Digest::parse(value.get_ref<const std::string&>());
  if (!digest) return malformed(what, "a digest that is not 64 lower-case hex digits: " + value.dump().substr(0, 100));
  return *digest;
}

const Json& field(const Json& object, const char* name) {
  static const Json kAbsent;
  const auto it = object.find(name);
  return it == object.end() ? kAbsent : *it;
}

std::string platform_of(const Json& value) {
  const Json &os = field(value, "os"), &architecture = field(value, "architecture");
  if (!os.is_string() || !architecture.is_string()) return "";
  return os.get<std::string>() + "/" + architecture.get<std::string>();
}

Result<Descriptor> parse_descriptor(const Json& value, std::string_view what) {
  if (!value.is_object()) return malformed(what, "a descriptor that is not an object");
  Descriptor d;
  const Json& type = field(value, "mediaType");
  if (!type.is_null() && !type.is_string()) return malformed(what, "a mediaType that is not a string");
  if (type.is_string()) d.media_type = type.get<std::string>();
  d.type = type_of(d.media_type);
  d.elsewhere = stands_elsewhere(d.media_type) || (field(value, "urls").is_array() && !field(value, "urls").empty());
  if (!field(value, "size").is_number_unsigned()) return malformed(what, "a descriptor without a size, zero or more");
  d.size = field(value, "size").get<std::uint64_t>();
  d.digest = TRY(parse_digest(field(value, "digest"), what));
  if (const Json& platform = field(value, "platform"); platform.is_object()) d.platform = platform_of(platform);
  return d;
}

Result<std::vector<Descriptor>> parse_list(const Json& list, std::string_view what) {
  std::vector<Descriptor> out;
  if (list.is_null()) return out;
  if (!list.is_array() || list.size() > kMaxEntries) return malformed(what, "expected a list of at most " + std::to_string(kMaxEntries));
  for (const Json& item : list) out.push_back(TRY(parse_descriptor(item, what)));
  return out;
}

Result<void> check_schema(const Json& json, std::string_view what) {
  if (field(json, "schemaVersion") != 2u) return malformed(what, "schemaVersion is not 2");
  return {};
}

}  // namespace

Result<void> check_layout_file(std::string_view text) {
  const Json json = TRY(object_of(text, "oci-layout"));
  const Json& version = field(json, "imageLayoutVersion");
  if (!version.is_string() || !version.get_ref<const std::string&>().starts_with("1."))
    return malformed("oci-layout", "imageLayoutVersion is not 1.x");
  return {};
}

Result<Index> parse_index(std::string_view text, std::string_view what) {
  const Json json = TRY(object_of(text, what));
  TRY(check_schema(json, what));
  return Index{TRY(parse_list(field(json, "manifests"), what))};
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view what) {
  const Json json = TRY(object_of(text, what));
  TRY(check_schema(json, what));
  Manifest manifest;
  manifest.config = TRY(parse_descriptor(field(json, "config"), what));
  if (!field(json, "layers").is_array()) return malformed(what, "no list of layers");
  manifest.layers = TRY(parse_list(field(json, "layers"), what));
  return manifest;
}

Result<Config> parse_config(std::string_view text, std::string_view what) {
  const Json json = TRY(object_of(text, what));
  const Json& ids = field(field(json, "rootfs"), "diff_ids");
  if (!ids.is_array() || ids.size() > kMaxEntries) return malformed(what, "no rootfs.diff_ids");
  Config config;
  for (const Json& id : ids) config.diff_ids.push_back(TRY(parse_digest(id, what)));
  config.platform = platform_of(json);
  return config;
}

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text) {
  static constexpr std::string_view what = "manifest.json";
  if (text.size() > kMaxDocument) return malformed(what, "over " + std::to_string(kMaxDocument) + " bytes");
  const auto json = parse_json(text, what);
  if (!json) return fail(Code::kOciMalformed, json.error().context);
  if (!json->is_array() || json->empty() || json->size() > kMaxEntries) return malformed(what, "expected a list of images");
  std::vector<DockerImage> images;
  for (const Json& item : *json) {
    if (!item.is_object() || !field(item, "Config").is_string() || !field(item, "Layers").is_array())
      return malformed(what, "an image needs Config and Layers");
    DockerImage image{item["Config"].get<std::string>(), {}};
    for (const Json& layer : item["Layers"]) {
      if (!layer.is_string()) return malformed(what, "a layer that is not a name");
      image.layers.push_back(layer.get<std::string>());
    }
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace airlock::oci
