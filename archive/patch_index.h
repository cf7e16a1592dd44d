// archive/patch_index: where in a base the bytes of a piece are likely to be. Pure but for reading the base once.
//
// An anchor is a place whose 64 bytes before it have a rolling hash (gear hash, one shift and one addition a byte) that
// begins with zeros: one in about 4096 bytes. Anchors depend on content alone, so that they move along with it. The
// index of a base is a list of its anchors; a piece is looked up by its own, and the region that most of them fall into
// is taken. A base of more than 4 GiB keeps only anchors with more zeros: the index has at most 1,048,576 of them, 16 MiB.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "archive/patch.h"
#include "base/result.h"

namespace airlock::archive {

struct Region {
  std::uint64_t offset = 0, length = 0;  // within the base; length <= kPatchRegionBytes
};

class PatchIndex {
 public:
  static Result<PatchIndex> of(const RandomBytes& base);

  struct Choice {
    Region region;
    bool good = true;  // it holds most of what the base has of the piece; else a shorter piece would find more
  };
  // The region for `piece`, which stands at `offset` in its file. The whole base where that is small enough; where no
  // anchor is known, what stands at the same place.
  Choice region_for(std::string_view piece, std::uint64_t offset) const;

 private:
  struct Anchor {
    std::uint64_t hash, offset;
    friend auto operator<=>(const Anchor&, const Anchor&) = default;
  };
  explicit PatchIndex(std::uint64_t base_size) : base_size_(base_size) {}
  void add(std::uint64_t hash, std::uint64_t offset);
  std::vector<std::uint64_t> places_of(std::string_view piece) const;
  Region around(std::uint64_t from, std::uint64_t to) const;

  std::uint64_t base_size_;
  int zeros_ = 0;                 // of the hash of every anchor that is kept
  std::vector<Anchor> anchors_;   // sorted
};

}  // namespace airlock::archive
