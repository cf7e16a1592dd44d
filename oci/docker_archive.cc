#include "oci/docker_archive.h"

#include <sys/stat.h>

#include "archive/decode.h"
#include "archive/foreign_tar.h"
#include "base/io.h"
#include "oci/layout.h"

namespace airlock::oci {
namespace {

using archive::EntryType;

// "a/b/../c" as a name inside the archive; empty when it leads out of it.
std::string resolve(const std::string& from, const std::string& link) {
  std::vector<std::string> parts;
  const std::string folder = from.contains('/') ? from.substr(0, from.rfind('/') + 1) : "";
  const std::string path = link.starts_with('/') ? link : folder + link;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (part == "..") {
      if (parts.empty()) return "";
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

}  // namespace

Result<void> DockerArchive::index(std::uint64_t file_bytes, const Limits& limits) {
  archive::ForeignTarReader reader(archive::file_source(file_.get(), 0, file_bytes), limits);
  while (const auto entry = TRY(reader.next())) {
    const bool link = entry->type == EntryType::kSymlink || entry->type == EntryType::kHardLink;
    if (entry->type != EntryType::kFile && !link) continue;
    std::string name = entry->name;
    while (name.starts_with("./")) name = name.substr(2);
    Member member{entry->data_offset, entry->size, {}};
    // The target of a hard link is a name from the root of the archive, that of a symbolic one is seen from its place.
    if (link) member.link = resolve(entry->type == EntryType::kHardLink ? "" : name, entry->link);
    if (!members_.try_emplace(name, std::move(member)).second)
      return fail(Code::kOciMalformed, "\"" + printable(name) + "\" is in the archive twice");
  }
  return {};
}

Result<DockerArchive> DockerArchive::open(const std::string& path, const Limits& limits) {
  DockerArchive opened(TRY(open_read(path)));
  struct stat st{};
  if (::fstat(opened.file_.get(), &st) != 0) return os_fail("fstat", path);
  TRY(opened.index(static_cast<std::uint64_t>(st.st_size), limits));
  opened.images_ = TRY(parse_docker_manifest(TRY(opened.document("manifest.json"))));
  return opened;
}

Result<DockerArchive::Member> DockerArchive::find(const std::string& name) const {
  auto it = members_.find(name);
  // One step: a link to a link is not what any writer makes, and could be a circle.
  if (it != members_.end() && it->second.link) it = members_.find(*it->second.link);
  if (it == members_.end() || it->second.link) return fail(Code::kOciMissing, "\"" + printable(name) + "\" in the archive");
  return it->second;
}

Result<std::string> DockerArchive::document(const std::string& name) const {
  const Member member = TRY(find(name));
  if (member.size > kMaxDocument) return fail(Code::kOciMalformed, printable(name) + " is over " + std::to_string(kMaxDocument) + " bytes");
  const auto source = archive::file_source(file_.get(), member.offset, member.size);
  return archive::read_all(*source, kMaxDocument);
}

Result<std::vector<OpenLayer>> DockerArchive::image(const DockerImage& image) const {
  const std::string text = TRY(document(image.config));
  const std::string_view name = std::string_view(image.config).substr(image.config.rfind('/') == std::string::npos ? 0 : image.config.rfind('/') + 1);
  if (const auto named = Digest::parse(name.substr(0, name.find('.'))); named && *named != Digest::of(text))
    return fail(Code::kOciDigest, "the configuration is not the one its name states: " + printable(name));
  const Config config = TRY(parse_config(text, "the configuration"));
  if (config.diff_ids.size() != image.layers.size())
    return fail(Code::kOciMalformed, "manifest.json has " + std::to_string(image.layers.size()) + " layers, the configuration " +
                                         std::to_string(config.diff_ids.size()));
  std::vector<OpenLayer> layers;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const Member member = TRY(find(image.layers[i]));
    layers.emplace_back([this, member, name = image.layers[i], diff_id = config.diff_ids[i]]() -> Result<std::unique_ptr<archive::ByteSource>> {
      auto tar = TRY(unpacked(archive::file_source(file_.get(), member.offset, member.size)));
      return checked_source(std::move(tar), diff_id, std::nullopt, "the tar of layer " + printable(name));
    });
  }
  return layers;
}

}  // namespace airlock::oci
