// base/merkle: RFC 6962 section 2.1 tree hashing (SHA-256), as a compact range that grows by appending.
//
// Leaf hash = SHA-256(0x00 || leaf), inner node = SHA-256(0x01 || left || right); the head of the empty tree is
// SHA-256(""). Proofs are made and checked in verify/ (merkle proofs) from the same two functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace airlock {

Digest merkle_leaf(std::string_view leaf);
Digest merkle_node(const Digest& left, const Digest& right);

// The left edge of a tree of `size` leaves: the roots of its perfect subtrees, largest first. O(log n) memory.
class CompactRange {
 public:
  CompactRange() = default;
  // Restores an edge that was stored: `nodes` must have as many entries as `size` has bits set.
  static Result<CompactRange> restore(std::uint64_t size, std::vector<Digest> nodes);

  void append(const Digest& leaf_hash);
  Digest root() const;
  std::uint64_t size() const { return size_; }
  const std::vector<Digest>& nodes() const { return nodes_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

}  // namespace airlock
