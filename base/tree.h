// base/tree: a folder as a sorted list of files, and its digest.
//
// Tree digest = SHA-256 over "MODE SP HEX SP SP PATH LF" for each file, sorted by path bytes; MODE is 644 or 755.
// The same listing names a step's inputs, its outputs and a plugin. Empty folders do not exist in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.h"

namespace airlock {

struct TreeEntry {
  std::string path;   // relative, '/' separated, passes safe_path()
  Digest sha256;
  std::uint64_t size = 0;
  bool executable = false;
  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

using Tree = std::vector<TreeEntry>;  // sorted by path bytes

Digest tree_digest(const Tree& tree);

}  // namespace airlock
