#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

std::vector<Digest> leaves(std::uint64_t n) {
  std::vector<Digest> out;
  for (std::uint64_t i = 0; i < n; ++i) out.push_back(merkle_leaf("leaf " + std::to_string(i)));
  return out;
}

Digest root_of(const std::vector<Digest>& all, std::uint64_t size) {
  CompactRange range;
  for (std::uint64_t i = 0; i < size; ++i) range.append(all[i]);
  return range.root();
}

LeafHashAt at(const std::vector<Digest>& all) {
  return [&all](std::uint64_t i) -> Result<Digest> { return all[i]; };
}

// nullopt when a hash is not 32 bytes: such a proof cannot even be written down as a Proof.
std::optional<Proof> proof_of(const Json& list) {
  Proof proof;
  if (list.is_null()) return proof;
  for (const Json& item : list) {
    const auto digest = Digest::from_raw(from_base64(item.get<std::string>()).value());
    if (!digest) return std::nullopt;
    proof.push_back(*digest);
  }
  return proof;
}

std::optional<Digest> digest_of(const Json& item) {
  const auto bytes = from_base64(item.is_null() ? std::string() : item.get<std::string>());
  const auto digest = Digest::from_raw(bytes ? *bytes : std::string());
  return digest ? std::optional<Digest>(*digest) : std::nullopt;
}

bool published_inclusion(const Json& v) {
  const auto proof = proof_of(v.at("proof"));
  const auto root = digest_of(v.at("root")), leaf = digest_of(v.at("leafHash"));
  return proof && root && leaf &&
         check_inclusion(v.at("leafIdx"), v.at("treeSize"), *leaf, *proof, *root).has_value();
}

// Some cases have words for heads. Where the answer hangs on whether they are equal, the digest of the word
// stands in.
std::optional<Digest> head_of(const Json& item, bool only_compared) {
  const auto digest = digest_of(item);
  return digest || !only_compared ? digest : Digest::of(item.get<std::string>());
}

bool published_consistency(const Json& v) {
  const auto proof = proof_of(v.at("proof"));
  const bool only_compared = v.at("size1") == 1 && v.at("size2") == 1;
  const auto old_root = head_of(v.at("root1"), only_compared),
             new_root = head_of(v.at("root2"), only_compared);
  return proof && old_root && new_root &&
         check_consistency(v.at("size1"), *old_root, v.at("size2"), *new_root, *proof).has_value();
}

bool production_inclusion(const Json& v) {
  const auto proof = proof_of(v.at("proof"));
  const auto root = digest_of(v.at("root"));
  const Digest leaf = merkle_leaf(from_base64(v.at("body").get<std::string>()).value());
  return proof && root &&
         check_inclusion(v.at("logIndex"), v.at("treeSize"), leaf, *proof, *root).has_value();
}

}  // namespace

TEST_CASE("Published vectors: proofs are accepted and refused as other implementations do") {
  const VectorSet set("merkle");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    INFO(item.at("id"));
    const std::string kind = item.at("kind");
    const Json& v = item.at("vector");
    const bool accepted = kind == "inclusion"     ? published_inclusion(v)
                          : kind == "consistency" ? published_consistency(v)
                                                  : production_inclusion(v);
    CHECK(accepted == (item.at("expect") == "accept"));
    ++checked;
  }
  CHECK(checked == 145);
}

TEST_CASE("Every leaf of every tree up to 65 leaves has a proof, and it proves nothing else") {
  const std::vector<Digest> all = leaves(65);
  for (std::uint64_t size = 1; size <= 65; ++size) {
    const Digest root = root_of(all, size);
    for (std::uint64_t i = 0; i < size; ++i) {
      const Proof proof = inclusion_proof(i, size, at(all)).value();
      REQUIRE(check_inclusion(i, size, all[i], proof, root));
      REQUIRE_FALSE(check_inclusion(i, size, merkle_leaf("other"), proof, root));
      if (i + 1 < size) REQUIRE_FALSE(check_inclusion(i + 1, size, all[i], proof, root));
      REQUIRE_FALSE(check_inclusion(i, size, all[i], proof, Digest::of("other")));
      if (!proof.empty())
        REQUIRE_FALSE(check_inclusion(i, size, all[i], Proof(proof.begin(), proof.end() - 1), root));
      Proof longer = proof;
      longer.push_back(root);
      REQUIRE_FALSE(check_inclusion(i, size, all[i], longer, root));
    }
  }
}

TEST_CASE("Every tree up to 65 leaves extends every smaller one, and no proof is good for another pair") {
  const std::vector<Digest> all = leaves(65);
  for (std::uint64_t n = 0; n <= 65; ++n) {
    const Digest new_root = root_of(all, n);
    for (std::uint64_t m = 0; m <= n; ++m) {
      const Digest old_root = root_of(all, m);
      const Proof proof = consistency_proof(m, n, at(all)).value();
      REQUIRE(check_consistency(m, old_root, n, new_root, proof));
      REQUIRE_FALSE(check_consistency(m, Digest::of("other"), n, new_root, proof));
      if (m > 0) REQUIRE_FALSE(check_consistency(m, old_root, n, Digest::of("other"), proof));
      Proof longer = proof;
      longer.push_back(new_root);
      REQUIRE_FALSE(check_consistency(m, old_root, n, new_root, longer));
      if (!proof.empty())
        REQUIRE_FALSE(check_consistency(m, old_root, n, new_root, Proof(proof.begin() + 1, proof.end())));
    }
  }
}

TEST_CASE("A history that was rewritten does not extend the old one, whichever leaf was touched") {
  const std::vector<Digest> all = leaves(20);
  const Digest old_root = root_of(all, 13);
  for (std::uint64_t touched = 0; touched < 13; ++touched) {
    std::vector<Digest> rewritten = all;
    rewritten[touched] = merkle_leaf("rewritten");
    const auto proof = consistency_proof(13, 20, at(rewritten)).value();
    CHECK(code_of(check_consistency(13, old_root, 20, root_of(rewritten, 20), proof)) ==
          Code::kAuditConsistency);
  }
}

TEST_CASE("C039 Sizes that cannot be are refused, not computed") {
  const std::vector<Digest> all = leaves(4);
  CHECK(code_of(inclusion_proof(4, 4, at(all))) == Code::kField);
  CHECK(code_of(inclusion_proof(0, 0, at(all))) == Code::kField);
  CHECK(code_of(consistency_proof(4, 3, at(all))) == Code::kField);
  CHECK(code_of(check_inclusion(0, 0, all[0], {}, all[0])) == Code::kAuditMerkle);
  CHECK(code_of(check_inclusion(UINT64_MAX, UINT64_MAX, all[0], {}, all[0])) == Code::kAuditMerkle);
  CHECK(code_of(check_inclusion(UINT64_MAX - 1, UINT64_MAX, all[0], Proof(64, all[1]), all[0])) ==
        Code::kAuditMerkle);
  CHECK(code_of(check_consistency(4, all[0], 3, all[1], {})) == Code::kAuditConsistency);
  CHECK(code_of(check_consistency(UINT64_MAX - 1, all[0], UINT64_MAX, all[1], Proof(64, all[1]))) ==
        Code::kAuditConsistency);
}

TEST_CASE("A leaf that cannot be read ends the proof with that error") {
  const LeafHashAt broken = [](std::uint64_t) -> Result<Digest> { return fail(Code::kIo, "disk"); };
  CHECK(code_of(inclusion_proof(1, 4, broken)) == Code::kIo);
  CHECK(code_of(consistency_proof(3, 4, broken)) == Code::kIo);
  CHECK(code_of(left_edge(3, broken)) == Code::kIo);
}

TEST_CASE("A window of history hashes on from its left edge to the head, and not when a line is touched") {
  const std::vector<Digest> all = leaves(33);
  for (std::uint64_t begin = 0; begin <= 33; ++begin) {
    const CompactRange edge = left_edge(begin, at(all)).value();
    const CompactRange stored = CompactRange::restore(edge.size(), edge.nodes()).value();
    std::vector<Digest> window(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end());
    REQUIRE(check_window(stored, window, 33, root_of(all, 33)));
    REQUIRE(code_of(check_window(stored, window, 34, root_of(all, 33))) == Code::kAuditMerkle);
    if (window.empty()) continue;
    window.back() = merkle_leaf("other");
    REQUIRE(code_of(check_window(stored, window, 33, root_of(all, 33))) == Code::kAuditMerkle);
  }
}

}  // namespace airlock::verify::test
