#include "archive/patch.h"

#include <zstd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "archive/patch_format.h"
#include "archive/patch_index.h"

using namespace airlock;
using namespace airlock::archive;

namespace {

class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return state_ >> 24;
  }
  std::uint64_t below(std::uint64_t most) { return next() % most; }
  std::string bytes(std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(next() >> 8);
    return out;
  }

 private:
  std::uint64_t state_;
};

RandomBytes memory(const std::string& bytes) {
  return {bytes.size(), [&bytes](std::uint64_t offset, std::span<char> into) -> Result<void> {
            REQUIRE(offset <= bytes.size());
            REQUIRE(into.size() <= bytes.size() - offset);
            std::memcpy(into.data(), bytes.data() + offset, into.size());
            return {};
          }};
}

PatchSink append_to(std::string& out) {
  return [&out](std::string_view bytes) -> Result<void> {
    out += bytes;
    return {};
  };
}

std::string patch_of(const std::string& base, const std::string& result, int level = 3) {
  std::string out;
  const std::uint64_t bytes = write_patch(memory(base), memory(result), level, append_to(out)).value();
  CHECK(bytes == out.size());
  return out;
}

Result<std::string> apply(const std::string& base, std::string_view patch, std::uint64_t size, std::size_t step = 100'000) {
  std::string out;
  PatchReader reader(memory(base), size, append_to(out));
  for (; !patch.empty(); patch.remove_prefix(std::min(step, patch.size()))) TRY(reader.write(patch.substr(0, step)));
  TRY(reader.finish());
  return out;
}

std::string outcome(const std::string& base, std::string_view patch, std::uint64_t size) {
  const auto got = apply(base, patch, size);
  return got ? "accepted" : std::string(code_info(got.error().code).text) + ": " + got.error().context;
}

std::string edited(std::string bytes, Noise& noise) {
  for (std::uint64_t edits = 1 + noise.below(6); edits > 0; --edits) {
    const std::size_t at = noise.below(bytes.size()), size = 1 + noise.below(noise.below(20) == 0 ? 3'000'000 : 3'000);
    switch (noise.below(4)) {
      case 0: bytes.insert(at, noise.bytes(size)); break;
      case 1: bytes.erase(at, size); break;
      case 2: bytes.replace(at, size, noise.bytes(size)); break;
      default: {  // a block moves
        const std::string block = bytes.substr(at, size);
        bytes.erase(at, size);
        bytes.insert(noise.below(bytes.size() + 1), block);
      }
    }
    if (bytes.empty()) bytes = "x";
  }
  return bytes;
}

std::string frame_of(std::string_view piece, bool with_size = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
  std::string out(ZSTD_compressBound(piece.size()), '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), piece.data(), piece.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string pair_of(Region region, std::string_view frame) { return encode_pair_header({region, frame.size()}) + std::string(frame); }

}  // namespace

TEST_CASE("what was edited, moved, inserted and cut comes out of its patch, which is small") {
  Noise noise(GENERATE(1, 2, 3, 4, 5, 6));
  const std::string base = noise.bytes(100'000 + noise.below(40'000'000));
  const std::string result = edited(base, noise);
  const std::string patch = patch_of(base, result);
  INFO("base " << base.size() << ", result " << result.size() << ", patch " << patch.size());
  const auto got = apply(base, patch, result.size(), 1 + noise.below(1'000'000));
  REQUIRE(got);
  CHECK((*got == result));
  CHECK(patch.size() < base.size() / 4 + 7'000'000);  // six new blocks of 3 MB are the most that is not in the base
}

TEST_CASE("an insertion at the front of a base of many regions costs what was inserted") {
  Noise noise(7);
  const std::string base = noise.bytes(60'000'000);
  const std::string result = noise.bytes(20'000) + base.substr(30'000'000) + base.substr(0, 30'000'000);
  const std::string patch = patch_of(base, result);
  CHECK(patch.size() < 300'000);  // and at the seam less than one short piece
  CHECK((apply(base, patch, result.size()).value() == result));
  CHECK((patch_of(base, result) == patch));
}

TEST_CASE("bases and results of every odd size make a patch") {
  Noise noise(8);
  const std::string small = noise.bytes(10), zeros(40'000'000, '\0'), piece = noise.bytes(kPatchPieceBytes);
  const std::string two = piece + piece, text = "0123456789";
  for (const std::string* base : {&small, &zeros, &piece, &two, &text})
    for (const std::string* result : {&small, &zeros, &piece, &two, &text})
      CHECK((apply(*base, patch_of(*base, *result), result->size()).value() == *result));
  CHECK(patch_of(small, "").empty());
  CHECK(apply(small, "", 0).value().empty());
  CHECK((apply("", patch_of("", two), two.size()).value() == two));
  CHECK(patch_of(piece, two).size() < 3000);
}

TEST_CASE("a level that zstd does not have is refused") {
  std::string out;
  const auto refused = write_patch(memory("a"), memory("b"), 0, append_to(out));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kUsage);
}

TEST_CASE("hostile patches are refused by name, before they cost anything") {
  const std::string base(100, 'b'), ten = frame_of("0123456789");
  const auto header = [](std::uint64_t offset, std::uint64_t length, std::uint64_t frame) { return encode_pair_header({{offset, length}, frame}); };
  std::string other_magic = pair_of({0, 100}, ten), other_size = other_magic, dictionary = ten, reserved = ten;
  other_magic[0] ^= 1;
  other_size[4] = 17;
  dictionary[4] = static_cast<char>(dictionary[4] | 1);
  reserved[4] = static_cast<char>(reserved[4] | 8);
  struct Case {
    const char* name;
    std::string patch;
    std::uint64_t size;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"good", pair_of({0, 100}, ten), 10, "accepted"},
      {"a region of nothing", pair_of({100, 0}, ten), 10, "accepted"},
      {"nothing for something", "", 1, "bundle:patch: offset 0 of the patch: ends 1 bytes before the result"},
      {"another magic", other_magic, 10, "bundle:patch: offset 0 of the patch: not the header of a piece"},
      {"another skippable size", other_size, 10, "bundle:patch: offset 0 of the patch: not the header of a piece"},
      {"a plain frame", ten + ten, 10, "bundle:patch: offset 0 of the patch: not the header of a piece"},
      {"a region one byte too long", pair_of({0, 101}, ten), 10, "bundle:patch: offset 0 of the patch: a region of 101 bytes at 0"},
      {"a region past the end", pair_of({101, 0}, ten), 10, "bundle:patch: offset 0 of the patch: a region of 0 bytes at 101"},
      {"a region whose end overflows", header(~0ULL, 2, 10), 10, "bundle:patch: offset 0 of the patch: a region of 2 bytes"},
      {"a region over its limit", header(0, 0xFFFFFFFF, 10), 10, "bundle:patch: offset 0 of the patch: a region of 4294967295"},
      {"a frame of 4 GiB", header(0, 100, 0xFFFFFFFF), 10, "bundle:patch: offset 0 of the patch: a frame of 4294967295 bytes"},
      {"a frame of nothing", header(0, 100, 0), 10, "bundle:patch: offset 0 of the patch: a frame of 0 bytes"},
      {"no frame at all", pair_of({0, 100}, "hello, world"), 10, "bundle:patch: offset 24 of the patch: not a zstd frame"},
      {"a skippable frame as the frame", pair_of({0, 100}, header(0, 0, 0)), 10, "bundle:patch: offset 24 of the patch: a skippable frame"},
      {"a frame with a dictionary", pair_of({0, 100}, dictionary), 10, "bundle:patch: offset 24 of the patch: a frame that needs a dictionary"},
      {"a frame with the reserved bit", pair_of({0, 100}, reserved), 10, "bundle:patch: offset 24 of the patch: a frame with the reserved bit set"},
      {"a frame without content size", pair_of({0, 100}, frame_of("0123456789", false)), 10, "bundle:patch: offset 24 of the patch: a piece that does not say its size"},
      {"an empty piece", pair_of({0, 100}, frame_of("")), 10, "bundle:patch: offset 24 of the patch: a piece of 0 bytes"},
      {"a piece over its limit", pair_of({0, 0}, frame_of(std::string(kPatchPieceBytes + 1, 'x'))), kGiB, "bundle:patch: offset 24 of the patch: a piece of 8388609 bytes"},
      {"more than the result", pair_of({0, 100}, ten), 9, "bundle:patch: offset 24 of the patch: a piece of 10 bytes, the result lacks 9"},
      {"a piece too many", pair_of({0, 100}, ten) + pair_of({0, 100}, ten), 10, "bundle:patch: offset " + std::to_string(24 + ten.size()) + " of the patch: a piece behind the end"},
      {"a byte too many", pair_of({0, 100}, ten) + "x", 10, "bundle:patch: offset " + std::to_string(24 + ten.size()) + " of the patch: ends inside a piece"},
      {"two frames in one", pair_of({0, 100}, ten + ten), 20, "bundle:patch: offset 24 of the patch: bytes behind a frame"},
      {"a frame that is cut", pair_of({0, 100}, ten.substr(0, ten.size() - 1)), 10, "bundle:patch: offset 24 of the patch: "},
      {"less than the result", pair_of({0, 100}, ten), 11, "bundle:patch: offset " + std::to_string(24 + ten.size()) + " of the patch: ends 1 bytes before the result"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK_THAT(outcome(base, c.patch, c.size), Catch::StartsWith(c.want));
  }
}

TEST_CASE("a patch that is cut anywhere is refused, and no bit of it reads outside") {
  Noise noise(9);
  const std::string base = noise.bytes(30'000), result = edited(base, noise), patch = patch_of(base, result);
  for (std::size_t size = 0; size < patch.size(); size += 1 + size / 50) {
    INFO("cut to " << size);
    const auto got = apply(base, std::string_view(patch).substr(0, size), result.size());
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kPatch);
  }
  for (std::size_t at = 0; at < patch.size(); at += 1 + at / 200) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = patch;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const auto got = apply(base, flipped, result.size());  // memory() checks the region
      if (got) CHECK(got->size() == result.size());
      else CHECK(got.error().code == Code::kPatch);
    }
  }
}

TEST_CASE("an error of the base or of the sink is given as it is") {
  const std::string base(100, 'b'), patch = patch_of(base, std::string(100, 'b') + "c");
  const auto broken = [](auto&&...) -> Result<void> { return fail(Code::kIo, "broken"); };
  std::string out;
  CHECK(PatchReader({100, broken}, 101, append_to(out)).write(patch).error().code == Code::kIo);
  CHECK(PatchReader(memory(base), 101, broken).write(patch).error().code == Code::kIo);
  CHECK(write_patch({100, broken}, memory(base), 3, append_to(out)).error().code == Code::kIo);
  CHECK(write_patch(memory(base), memory(base), 3, broken).error().code == Code::kIo);
}

TEST_CASE("a region beyond 4 GiB of its base is read there") {
  const std::string piece(1000, 'p');
  std::uint64_t read_at = 0;
  const RandomBytes huge{8 * kGiB, [&](std::uint64_t offset, std::span<char> into) -> Result<void> {
                           read_at = offset;
                           std::memset(into.data(), 'p', into.size());
                           return {};
                         }};
  std::string out;
  PatchReader reader(huge, piece.size(), append_to(out));
  REQUIRE(reader.write(pair_of({8 * kGiB - 1000, 1000}, frame_of(piece))));
  REQUIRE(reader.finish());
  CHECK(read_at == 8 * kGiB - 1000);
  CHECK(out == piece);
  PatchReader past(huge, piece.size(), append_to(out));
  CHECK(past.write(pair_of({8 * kGiB - 999, 1000}, frame_of(piece))).error().code == Code::kPatch);
}

TEST_CASE("the index of a base that repeats itself stays small and still points somewhere") {
  std::string base;
  Noise noise(10);
  const std::string block = noise.bytes(100'000);
  while (base.size() < 40'000'000) base += block;
  const PatchIndex index = PatchIndex::of(memory(base)).value();
  const Region region = index.region_for(block, 20'000'000).region;
  CHECK(region.offset <= 20'000'000);
  CHECK(region.offset + region.length >= 20'100'000);
  CHECK(region.length <= kPatchRegionBytes);
}
