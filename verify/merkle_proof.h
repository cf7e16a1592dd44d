// verify/merkle_proof: RFC 6962 proofs, made from leaf hashes and checked as RFC 9162 section 2.1.3, 2.1.4 say.
//
// Everything here is pure. Leaf hashes come through a callback, so that a log of any size can stay on disk: a proof asks
// for a leaf at most once, in a few ascending runs, and holds O(log n) digests.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/digest.h"
#include "base/merkle.h"
#include "base/result.h"

namespace airlock::verify {

using Proof = std::vector<Digest>;
using LeafHashAt = std::function<Result<Digest>(std::uint64_t index)>;

// Proof that leaf `index` is in the tree of the first `size` leaves. kField: index is not below size.
Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, const LeafHashAt& leaf);

// Proof that the tree of `old_size` leaves is a prefix of that of `new_size`. Empty when the sizes are equal or
// old_size is 0. kField: old_size is above new_size.
Result<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const LeafHashAt& leaf);

// kAuditMerkle when the leaf at `index` of a tree of `size` leaves with head `root` does not follow from the proof.
Result<void> check_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf_hash, const Proof& proof,
                             const Digest& root);

// kAuditConsistency when the tree (new_size, new_root) does not extend (old_size, old_root). From the empty tree every
// tree extends, with an empty proof; equal sizes need equal roots and an empty proof.
Result<void> check_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t new_size,
                               const Digest& new_root, const Proof& proof);

// The edge of the first `size` leaves: what a window that begins at `size` needs to be hashed on from there.
Result<CompactRange> left_edge(std::uint64_t size, const LeafHashAt& leaf);

// A window [range.size(), range.size() + leaf_hashes.size()) of the log: extends the edge and compares with the head.
// kAuditMerkle when the head does not follow. For streams, append to a CompactRange and compare root() instead.
Result<void> check_window(CompactRange range, const std::vector<Digest>& leaf_hashes, std::uint64_t size,
                          const Digest& root);

}  // namespace airlock::verify
