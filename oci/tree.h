// oci/tree: the files that archives would make, decided before any disk is touched. Pure.
//
// Entries of tar archives go in, layer by layer; what comes out is a map of paths to nodes that can be written to an
// empty folder in one sweep (oci/unpack.h). Nothing is followed: a link is a node like another, and an entry whose way
// leads through one is refused.
//
// Two sets of rules:
//  kFilesOnly  an archive to be unpacked for its files: regular files and folders with names that are safe on every
//              machine (base/path.h), each once, without set-id bits, attributes, or anything two readers read differently.
//              A leading "./" is taken off.
//  kImage      layers of an OCI image (image-spec, layer.md): links and whiteouts as well, set-id bits and attributes are
//              dropped, later layers replace what lower ones have. A hard link must lead to a file that is there.
// Never accepted: devices, FIFOs, sparse files, "..", a name that is no path below the root.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "archive/foreign_tar.h"
#include "base/limits.h"
#include "base/result.h"

namespace airlock::oci {

enum class Rules { kFilesOnly, kImage };

enum class NodeType { kFile, kFolder, kSymlink };

// Where the content of a file stands: the how-manieth entry of which layer, both from 0.
struct Place {
  std::size_t layer = 0;
  std::uint64_t entry = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Node {
  NodeType type = NodeType::kFolder;
  bool executable = false;    // files
  std::uint64_t size = 0;     // files
  std::string target = {};    // symbolic links
  Place place = {};           // files: of the content; else: of the entry
  std::size_t layer = 0;      // that put it there
};

class Tree {
 public:
  explicit Tree(Rules rules, const Limits& limits = {}) : rules_(rules), limits_(limits) {}

  void begin_layer() { ++layers_; }  // once before the entries of each layer, the first included
  // kOciUnsafe, kArchivePath, kArchiveDuplicate, kArchiveType; kArchiveLimit: more nodes than limits.members.
  Result<void> add(const archive::ForeignEntry& entry, std::uint64_t entry_index);

  // A folder stands before what is in it. Paths are relative, without "./" and final slashes.
  const std::map<std::string, Node>& nodes() const { return nodes_; }

 private:
  Result<std::string> path_of(std::string_view name, archive::EntryType type) const;
  Result<void> check_entry(const archive::ForeignEntry& entry) const;
  Result<void> make_parents(const std::string& path);
  Result<void> put(const std::string& path, Node node);
  Result<bool> whiteout(const std::string& path, const archive::ForeignEntry& entry);
  void remove_below(const std::string& path);
  std::size_t current() const { return layers_ - 1; }

  Rules rules_;
  Limits limits_;
  std::size_t layers_ = 0;
  std::map<std::string, Node> nodes_;
  std::map<std::string, std::string> spellings_;  // kFilesOnly: collision key -> the path that has it
};

}  // namespace airlock::oci
