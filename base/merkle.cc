#include "base/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace airlock {

Digest merkle_leaf(std::string_view leaf) {
  thread_local Sha256 hasher;
  hasher.update(std::string_view("\0", 1));
  hasher.update(leaf);
  return hasher.finish();
}

Digest merkle_node(const Digest& left, const Digest& right) {
  std::array<char, 1 + 2 * Digest::kSize> input{'\x01'};
  std::ranges::copy(left.raw(), input.begin() + 1);
  std::ranges::copy(right.raw(), input.begin() + 1 + Digest::kSize);
  return Digest::of({input.data(), input.size()});
}

Result<CompactRange> CompactRange::restore(std::uint64_t size, std::vector<Digest> nodes) {
  if (static_cast<std::size_t>(std::popcount(size)) != nodes.size())
    return fail(Code::kField, "compact range of size " + std::to_string(size) + " with " + std::to_string(nodes.size()) + " nodes");
  CompactRange range;
  range.size_ = size;
  range.nodes_ = std::move(nodes);
  return range;
}

void CompactRange::append(const Digest& leaf_hash) {
  nodes_.push_back(leaf_hash);
  // Each trailing one bit of the old size is a perfect subtree that the new leaf completes to twice its size.
  for (std::uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    const Digest right = nodes_.back();
    nodes_.pop_back();
    nodes_.back() = merkle_node(nodes_.back(), right);
  }
  ++size_;
}

Digest CompactRange::root() const {
  if (nodes_.empty()) return Digest::of_empty();
  Digest root = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) root = merkle_node(nodes_[i], root);
  return root;
}

}  // namespace airlock
