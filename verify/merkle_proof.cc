#include "verify/merkle_proof.h"

#include <bit>
#include <string>

namespace airlock::verify {
namespace {

// The leaves [begin, end).
struct Range {
  std::uint64_t begin, end;
};

Result<Digest> head_of(Range range, const LeafHashAt& leaf) {
  CompactRange tree;
  for (std::uint64_t i = range.begin; i < range.end; ++i) tree.append(TRY(leaf(i)));
  return tree.root();
}

// Where RFC 6962 splits a tree of n > 1 leaves: the largest power of two below n.
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

Result<Proof> heads_of(const std::vector<Range>& ranges, const LeafHashAt& leaf) {
  Proof proof;
  for (const Range& range : ranges) proof.push_back(TRY(head_of(range, leaf)));
  return proof;
}

std::unexpected<Error> no_inclusion(std::uint64_t index, std::uint64_t size, const std::string& why) {
  return fail(Code::kAuditMerkle,
              "leaf " + std::to_string(index) + " of " + std::to_string(size) + ": " + why);
}

std::unexpected<Error> no_consistency(std::uint64_t old_size, std::uint64_t new_size,
                                      const std::string& why) {
  return fail(Code::kAuditConsistency,
              "from size " + std::to_string(old_size) + " to " + std::to_string(new_size) + ": " + why);
}

}  // namespace

Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, const LeafHashAt& leaf) {
  if (index >= size)
    return fail(Code::kField, "no leaf " + std::to_string(index) + " in a tree of " + std::to_string(size));
  // PATH(m, D[n]) from the root down; the proof lists siblings from the leaf up.
  std::vector<Range> siblings;
  std::uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + split(end - begin);
    if (index < middle) {
      siblings.push_back({middle, end});
      end = middle;
    } else {
      siblings.push_back({begin, middle});
      begin = middle;
    }
  }
  return heads_of({siblings.rbegin(), siblings.rend()}, leaf);
}

Result<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const LeafHashAt& leaf) {
  if (old_size > new_size)
    return fail(Code::kField,
                "no proof from size " + std::to_string(old_size) + " down to " + std::to_string(new_size));
  if (old_size == 0 || old_size == new_size) return Proof{};
  // SUBPROOF(m, D[n], b) from the root down: follow the old tree's edge until a node holds only old leaves.
  std::vector<Range> nodes;
  std::uint64_t begin = 0, end = new_size;
  while (end != old_size) {
    const std::uint64_t middle = begin + split(end - begin);
    if (old_size <= middle) {
      nodes.push_back({middle, end});
      end = middle;
    } else {
      nodes.push_back({begin, middle});
      begin = middle;
    }
  }
  if (begin != 0) nodes.push_back({begin, end});  // else it is the old head itself, which the checker has
  return heads_of({nodes.rbegin(), nodes.rend()}, leaf);
}

// RFC 9162 section 2.1.3.2.
Result<void> check_inclusion(std::uint64_t index, std::uint64_t size, const Digest& leaf_hash,
                             const Proof& proof, const Digest& root) {
  if (index >= size) return no_inclusion(index, size, "no such leaf");
  std::uint64_t fn = index, sn = size - 1;
  Digest r = leaf_hash;
  for (const Digest& p : proof) {
    if (sn == 0) return no_inclusion(index, size, "the proof is too long");
    if ((fn & 1) == 1 || fn == sn) {
      r = merkle_node(p, r);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = merkle_node(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return no_inclusion(index, size, "the proof is too short");
  if (r != root) return no_inclusion(index, size, "the tree head is " + r.hex() + ", expected " + root.hex());
  return {};
}

// RFC 9162 section 2.1.4.2.
Result<void> check_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t new_size,
                               const Digest& new_root, const Proof& proof) {
  const auto refuse = [&](const std::string& why) { return no_consistency(old_size, new_size, why); };
  if (old_size > new_size) return refuse("the log became shorter");
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return refuse("a proof where none is needed");
    if (old_size == 0 && old_root != Digest::of_empty())
      return refuse("the head of the empty tree is another");
    if (old_size == new_size && old_root != new_root) return refuse("two heads for one size");
    return {};
  }
  // A power of two is a node of the new tree: its head begins the path but does not stand in the proof.
  Proof path;
  if (std::has_single_bit(old_size)) path.push_back(old_root);
  path.insert(path.end(), proof.begin(), proof.end());
  if (proof.empty()) return refuse("the proof is empty");
  std::uint64_t fn = old_size - 1, sn = new_size - 1;
  while ((fn & 1) == 1) {
    fn >>= 1;
    sn >>= 1;
  }
  Digest fr = path[0], sr = path[0];
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (sn == 0) return refuse("the proof is too long");
    if ((fn & 1) == 1 || fn == sn) {
      fr = merkle_node(path[i], fr);
      sr = merkle_node(path[i], sr);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = merkle_node(sr, path[i]);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return refuse("the proof is too short");
  if (fr != old_root) return refuse("the old tree head is " + fr.hex() + ", expected " + old_root.hex());
  if (sr != new_root) return refuse("the new tree head is " + sr.hex() + ", expected " + new_root.hex());
  return {};
}

Result<CompactRange> left_edge(std::uint64_t size, const LeafHashAt& leaf) {
  CompactRange range;
  for (std::uint64_t i = 0; i < size; ++i) range.append(TRY(leaf(i)));
  return range;
}

Result<void> check_window(CompactRange range, const std::vector<Digest>& leaf_hashes, std::uint64_t size,
                          const Digest& root) {
  const std::uint64_t begin = range.size();
  for (const Digest& leaf : leaf_hashes) range.append(leaf);
  const std::string window = "window [" + std::to_string(begin) + ", " + std::to_string(range.size()) + ")";
  if (range.size() != size)
    return fail(Code::kAuditMerkle, window + " does not end at size " + std::to_string(size));
  if (range.root() != root)
    return fail(Code::kAuditMerkle,
                window + ": the tree head is " + range.root().hex() + ", expected " + root.hex());
  return {};
}

}  // namespace airlock::verify
