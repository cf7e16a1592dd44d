#include "oci/tree.h"

#include <utility>

#include "base/path.h"

namespace airlock::oci {
namespace {

using archive::EntryType;
using archive::ForeignEntry;

// image-spec, layer.md, "Whiteouts".
constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq", kReserved = ".wh..wh.";
constexpr std::size_t kMaxTarget = 4096;  // PATH_MAX

std::unexpected<Error> unsafe(std::string_view name, std::string_view why) {
  return fail(Code::kOciUnsafe, "\"" + printable(name.substr(0, 200)) + "\": " + std::string(why));
}

std::string_view base_of(std::string_view path) { return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1); }
std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(EntryType type) {
  switch (type) {
    case EntryType::kFile: return "a file";
    case EntryType::kHardLink: return "a hard link";
    case EntryType::kSymlink: return "a symbolic link";
    case EntryType::kCharDevice: return "a character device";
    case EntryType::kBlockDevice: return "a block device";
    case EntryType::kFolder: return "a folder";
    case EntryType::kFifo: return "a FIFO";
    case EntryType::kSparse: return "a sparse file";
    case EntryType::kOther: return "an entry of unknown type";
  }
  std::unreachable();
}

// Names in images may hold what base/path refuses (a colon is common); they live on Linux only.
Result<void> check_components(std::string_view path, const Limits& limits) {
  if (path.size() > limits.path_bytes) return unsafe(path, "a path over " + std::to_string(limits.path_bytes) + " bytes");
  std::size_t depth = 0;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return unsafe(path, "not a path below the root");
    if (part.contains('\0')) return unsafe(path, "a NUL byte");
    if (part.size() > limits.path_component_bytes) return unsafe(path, "a name over " + std::to_string(limits.path_component_bytes) + " bytes");
    if (++depth > limits.path_depth) return unsafe(path, "deeper than " + std::to_string(limits.path_depth) + " folders");
    begin = end + 1;
  }
  return {};
}

}  // namespace

Result<std::string> Tree::path_of(std::string_view name, EntryType type) const {
  if (name.empty()) return unsafe(name, "an empty name");
  // "tar -C dir ." writes "./" in front of everything and "." for the folder itself.
  while (name.starts_with("./")) name.remove_prefix(2);
  if (name == "." || name.empty()) {
    if (type != EntryType::kFolder) return unsafe(name, "a name that only a folder can have");
    return std::string();
  }
  if (type != EntryType::kFolder && name.ends_with('/')) return unsafe(name, "the name of a folder for something else");
  if (rules_ == Rules::kFilesOnly) TRY(safe_path(name, limits_));
  else TRY(check_components(name, limits_));
  return std::string(name);
}

Result<void> Tree::check_entry(const ForeignEntry& entry) const {
  static constexpr std::uint32_t kSetId = 07000;
  switch (entry.type) {
    case EntryType::kFile: case EntryType::kFolder: break;
    case EntryType::kHardLink: case EntryType::kSymlink:
      if (rules_ == Rules::kImage) break;
      [[fallthrough]];
    case EntryType::kCharDevice: case EntryType::kBlockDevice: case EntryType::kFifo: case EntryType::kSparse: case EntryType::kOther:
      return fail(Code::kArchiveType, "\"" + printable(entry.name.substr(0, 200)) + "\" is " + std::string(name_of(entry.type)));
  }
  if (rules_ == Rules::kImage) return {};
  if (!entry.attributes.empty()) return unsafe(entry.name, "carries " + entry.attributes);
  if ((entry.mode & kSetId) != 0) return unsafe(entry.name, "has a set-id or sticky bit");
  if (!entry.doubt.empty()) return unsafe(entry.name, entry.doubt);
  // Where readers call it by another name, that one must be harmless, too.
  if (entry.other_name && !entry.other_name->empty()) TRY(path_of(*entry.other_name, entry.type));
  return {};
}

void Tree::remove_below(const std::string& path) {
  const std::string prefix = path.empty() ? "" : path + "/";
  for (auto it = nodes_.lower_bound(prefix); it != nodes_.end() && it->first.starts_with(prefix);) it = nodes_.erase(it);
}

Result<void> Tree::make_parents(const std::string& path) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    const auto it = nodes_.find(folder);
    if (it == nodes_.end()) TRY(put(folder, {.layer = current()}));
    else if (it->second.type != NodeType::kFolder)
      return unsafe(path, "its way leads through \"" + printable(folder) + "\", which is no folder");
    else it->second.layer = current();  // a whiteout in this layer, before or after, must not take it away
  }
  return {};
}

Result<void> Tree::put(const std::string& path, Node node) {
  if (rules_ == Rules::kFilesOnly) {
    const auto [it, added] = spellings_.try_emplace(collision_key(path), path);
    if (!added && it->second != path)
      return fail(Code::kArchiveDuplicate, "\"" + path + "\" differs from \"" + it->second + "\" only by case or Unicode form");
  }
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) {
    if (nodes_.size() >= limits_.members) return fail(Code::kArchiveLimit, "more than " + std::to_string(limits_.members) + " files and folders");
    nodes_.emplace(path, std::move(node));
    return {};
  }
  const bool both_folders = it->second.type == NodeType::kFolder && node.type == NodeType::kFolder;
  if (both_folders) {
    it->second.layer = node.layer;
    return {};
  }
  if (it->second.layer == node.layer) return fail(Code::kArchiveDuplicate, "\"" + printable(path) + "\" is there twice");
  remove_below(path);
  it->second = std::move(node);
  return {};
}

// True when the entry is a mark and no file: then what it marks in lower layers is gone.
Result<bool> Tree::whiteout(const std::string& path, const ForeignEntry& entry) {
  const std::string_view name = base_of(path);
  if (rules_ != Rules::kImage || !name.starts_with(kWhiteout)) return false;
  const std::string folder(parent_of(path));
  std::string gone;
  if (name != kOpaque) {
    if (name.starts_with(kReserved)) return true;  // what AUFS kept for itself
    if (name.size() == kWhiteout.size() || entry.type == EntryType::kFolder) return unsafe(path, "a whiteout of nothing");
    const std::string_view marked = name.substr(kWhiteout.size());
    if (marked == "." || marked == "..") return unsafe(path, "a whiteout of a folder above");
    gone = folder.empty() ? std::string(marked) : folder + "/" + std::string(marked);
  }
  // Only what lower layers made: what this layer has put there stays, whatever the order of its entries.
  const std::string prefix = name == kOpaque ? (folder.empty() ? "" : folder + "/") : gone + "/";
  const auto lower = [&](const Node& node) { return node.layer < current(); };
  for (auto it = nodes_.lower_bound(prefix); it != nodes_.end() && it->first.starts_with(prefix);)
    it = lower(it->second) ? nodes_.erase(it) : std::next(it);
  if (const auto it = nodes_.find(gone); !gone.empty() && it != nodes_.end() && lower(it->second)) nodes_.erase(it);
  return true;
}

Result<void> Tree::add(const ForeignEntry& entry, std::uint64_t entry_index) {
  TRY(check_entry(entry));
  const std::string path = TRY(path_of(entry.name, entry.type));
  if (path.empty()) return {};  // the root itself
  if (TRY(whiteout(path, entry))) return {};
  TRY(make_parents(path));
  static constexpr std::uint32_t kAnyExecute = 0111;
  Node node{.executable = (entry.mode & kAnyExecute) != 0, .size = entry.size, .place = {current(), entry_index}, .layer = current()};
  if (entry.type == EntryType::kFile) node.type = NodeType::kFile;
  if (entry.type == EntryType::kSymlink) {
    if (entry.link.empty() || entry.link.size() > kMaxTarget || entry.link.contains('\0')) return unsafe(path, "a link to no path");
    node.type = NodeType::kSymlink;
    node.target = entry.link;
  }
  if (entry.type == EntryType::kHardLink) {
    std::string_view link = entry.link;
    if (link.starts_with('/')) link.remove_prefix(1);  // from the root of the image, as some writers have it
    const auto target = nodes_.find(TRY(path_of(link, EntryType::kFile)));
    if (target == nodes_.end() || target->second.type != NodeType::kFile) return unsafe(path, "a hard link to no file before it");
    if (target->first == path) return unsafe(path, "a hard link to itself");
    node = target->second;
    node.layer = current();
  }
  return put(path, std::move(node));
}

}  // namespace airlock::oci
