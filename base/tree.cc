#include "base/tree.h"

namespace airlock {

Digest tree_digest(const Tree& tree) {
  Sha256 hasher;
  for (const TreeEntry& e : tree) hasher.update((e.executable ? "755 " : "644 ") + e.sha256.hex() + "  " + e.path + "\n");
  return hasher.finish();
}

}  // namespace airlock
