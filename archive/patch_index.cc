#include "archive/patch_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace airlock::archive {
namespace {

constexpr int kZeros = 12;                       // leading zeros of an anchor's hash: one in 4096 places
constexpr std::size_t kMaxAnchors = std::size_t{1} << 20;
constexpr std::size_t kHashWindow = 64;          // bytes that a hash depends on: one bit is shifted out with each
constexpr std::size_t kApart = 256;              // two anchors stand at least so far from each other
constexpr std::size_t kCommon = 8;               // an anchor that the base has more often says nothing
constexpr std::uint64_t kSlack = kMiB;           // around what anchors show: matches begin before the first of them
constexpr std::pair<std::size_t, std::size_t> kMost = {15, 16};  // of the places of a piece, for its region to be good
constexpr std::size_t kReadBytes = kMiB;

// splitmix64 of 1 to 256: any fixed table of well mixed numbers does.
constexpr std::array<std::uint64_t, 256> gear_table() {
  std::array<std::uint64_t, 256> out{};
  std::uint64_t state = 0;
  for (std::uint64_t& value : out) {
    state += 0x9E3779B97F4A7C15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    value = z ^ (z >> 31);
  }
  return out;
}
constexpr std::array<std::uint64_t, 256> kGear = gear_table();

// Finds anchors in bytes that come in pieces.
class Roller {
 public:
  // `found(hash, place)`: the place is that of the byte behind the hashed ones, counted over all pieces.
  template <class Found>
  void roll(std::string_view bytes, const Found& found) {
    for (const char c : bytes) {
      hash_ = (hash_ << 1) + kGear[static_cast<unsigned char>(c)];
      ++place_;
      if ((hash_ >> (64 - kZeros)) != 0 || place_ < next_) continue;
      found(hash_, place_);
      next_ = place_ + kApart;
    }
  }

 private:
  std::uint64_t hash_ = 0, place_ = 0, next_ = kHashWindow;
};

}  // namespace

void PatchIndex::add(std::uint64_t hash, std::uint64_t offset) {
  if (std::countl_zero(hash) < zeros_) return;
  anchors_.push_back({hash, offset});
  while (anchors_.size() > kMaxAnchors) {
    ++zeros_;
    std::erase_if(anchors_, [this](const Anchor& anchor) { return std::countl_zero(anchor.hash) < zeros_; });
    if (zeros_ == 64) anchors_.clear();  // one hash again and again: nothing to go by
  }
}

Result<PatchIndex> PatchIndex::of(const RandomBytes& base) {
  PatchIndex index(base.size);
  index.zeros_ = kZeros;
  if (base.size <= kPatchRegionBytes) return index;  // it is its own region
  std::string buffer(kReadBytes, '\0');
  Roller roller;
  for (std::uint64_t at = 0; at < base.size;) {
    const std::span<char> part(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), base.size - at)));
    TRY(base.read(at, part));
    roller.roll({part.data(), part.size()}, [&](std::uint64_t hash, std::uint64_t place) { index.add(hash, place); });
    at += part.size();
  }
  std::ranges::sort(index.anchors_);
  return index;
}

std::vector<std::uint64_t> PatchIndex::places_of(std::string_view piece) const {
  std::vector<std::uint64_t> places;
  Roller().roll(piece, [&](std::uint64_t hash, std::uint64_t) {
    const auto [first, last] = std::ranges::equal_range(anchors_, hash, {}, &Anchor::hash);
    if (static_cast<std::size_t>(last - first) > kCommon) return;
    for (auto it = first; it != last; ++it) places.push_back(it->offset);
  });
  std::ranges::sort(places);
  return places;
}

Region PatchIndex::around(std::uint64_t from, std::uint64_t to) const {
  const std::uint64_t spare = (kPatchRegionBytes - std::min(kPatchRegionBytes, to - from)) / 2, slack = std::min(spare, kSlack);
  const std::uint64_t begin = from - std::min(from, slack), end = std::min(base_size_, to + slack);
  return {begin, std::min(kPatchRegionBytes, end - begin)};
}

PatchIndex::Choice PatchIndex::region_for(std::string_view piece, std::uint64_t offset) const {
  if (base_size_ <= kPatchRegionBytes) return {{0, base_size_}};
  const std::vector<std::uint64_t> places = places_of(piece);
  if (places.empty()) {
    const std::uint64_t from = std::min(offset, base_size_ - piece.size());
    return {around(from, from + piece.size())};
  }
  // The widest choice of places that fit into one region; of several the first.
  std::size_t best = 0, best_count = 0;
  for (std::size_t first = 0, last = 0; first < places.size(); ++first) {
    while (last < places.size() && places[last] - places[first] <= kPatchRegionBytes - 2 * kHashWindow) ++last;
    if (last - first <= best_count) continue;
    best = first;
    best_count = last - first;
  }
  const Region region = around(places[best] - kHashWindow, places[best + best_count - 1]);
  return {region, best_count * kMost.second >= places.size() * kMost.first};
}

}  // namespace airlock::archive
