#include "support.h"

#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/io.h"
#include "base/limits.h"
#include "oci/layout.h"

namespace airlock::oci::test {

std::string tar_of(const Layer& layer) {
  std::string out;
  for (const Entry& entry : layer) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { block.replace(at, text.size(), text); };
    char number[16];
    put(0, entry.name);
    std::snprintf(number, sizeof number, "%07o", entry.mode);
    put(100, number);
    std::snprintf(number, sizeof number, "%011o", static_cast<unsigned>(entry.content.size()));
    put(124, number);
    put(136, "00000000000");
    block[156] = entry.flag;
    put(157, entry.link);
    put(257, std::string("ustar\00000", 8));
    unsigned sum = 8 * ' ';
    for (const char c : block) sum += static_cast<unsigned char>(c);
    std::snprintf(number, sizeof number, "%06o", sum);
    put(148, std::string(number) + '\0' + ' ');
    out += block + entry.content;
    out.append((512 - entry.content.size() % 512) % 512, '\0');
  }
  return out.append(1024, '\0');
}

std::string gzip_of(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Json oci_descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", "application/vnd.oci.image." + type}, {"digest", Digest::of(bytes).prefixed()}, {"size", bytes.size()}};
}

std::map<std::string, std::string> layout_of(LayoutParts parts) {
  std::map<std::string, std::string> files = {{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
  const auto blob = [&](const std::string& type, std::string bytes) {
    Json descriptor = oci_descriptor(type, bytes);
    files["blobs/sha256/" + Digest::of(bytes).hex()] = std::move(bytes);
    return descriptor;
  };
  Json ids = Json::array(), layers = Json::array();
  for (std::string& layer : parts.layers) {  // which may be large
    Sha256 hash;
    const auto tar = unpacked(archive::memory_source(layer)).value();
    for (auto chunk = tar->next().value(); !chunk.bytes.empty(); chunk = tar->next().value()) hash.update(chunk.bytes);
    ids.push_back(hash.finish().prefixed());
    layers.push_back(blob("layer.v1.tar", std::move(layer)));
  }
  Json config = {{"rootfs", {{"type", "layers"}, {"diff_ids", ids}}}};
  if (!parts.os.empty()) config["os"] = parts.os, config["architecture"] = parts.architecture;
  const Json configured = blob("config.v1+json", config.dump());
  Json manifest = blob("manifest.v1+json", Json{{"schemaVersion", 2}, {"config", configured}, {"layers", layers}}.dump());
  if (!parts.platform.is_null()) manifest["platform"] = parts.platform;
  files["index.json"] = Json{{"schemaVersion", 2}, {"manifests", {manifest}}}.dump();
  return files;
}

std::map<std::string, std::string> layout_of(const std::vector<Layer>& layers) {
  LayoutParts parts;
  for (const Layer& layer : layers) parts.layers.push_back(tar_of(layer));
  return layout_of(std::move(parts));
}

TempDir::TempDir() : path_("/tmp/airlock-oci-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}
TempDir::~TempDir() { (void)remove_tree(path_); }

void TempDir::write(const std::string& name, std::string_view bytes) const {
  const std::filesystem::path path = path_ + "/" + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::map<std::string, std::string> list(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string& content = out[entry.path().lexically_relative(folder).string()];
    if (entry.is_symlink()) content = "-> " + std::filesystem::read_symlink(entry.path()).string();
    else if (entry.is_directory()) content = "/";
    else content = read_file(entry.path().string(), kMiB).value();
  }
  return out;
}

}  // namespace airlock::oci::test
