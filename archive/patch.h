// archive/patch: a large file written as what changed since another one that the reader has. Written and read in memory
// that does not grow with either of them: about 35 MiB to read; to write, as much and at most 48 MiB for the index of a
// large base, and at high levels what zstd itself takes for a window of 32 MiB.
//
// A patch is one pair of zstd frames (RFC 8878) for each piece of the result, in order, and nothing else:
//
//   skippable frame   magic 0x184D2A5A, size 16; then, little-endian: u64 offset and u32 length of a region of the base,
//                     u32 bytes of the frame that follows
//   zstd frame        the piece, 1 byte to 8 MiB, with its content size; compressed with that region as prefix, as
//                     `zstd --patch-from` does; no dictionary id
//
// Why pieces: `--patch-from` over a whole file needs base and window in memory, 16 GiB of them for the largest member.
// Why a region for each, at most 16 MiB: it is chosen by content (patch_index.h), so that bytes which have moved are
// found again wherever they are, and a reader never holds more than one piece and one region.
// Rejected: copy and insert instructions as of bsdiff or VCDIFF. They are a second decoder of hostile bytes, and gain
// nothing that zstd's long matches do not.
//
// Nothing here says that the result is right: whoever reads a patch compares the result's digest.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::archive {

inline constexpr std::uint64_t kPatchPieceBytes = 8 * kMiB, kPatchRegionBytes = 16 * kMiB;
inline constexpr std::uint64_t kPatchFrameBytes = kPatchPieceBytes + 64 * kKiB;  // a piece that does not compress, and room

// Bytes that can be read at any place.
struct RandomBytes {
  std::uint64_t size = 0;
  std::function<Result<void>(std::uint64_t offset, std::span<char> into)> read;  // all of `into`; offset + its size <= size
};
// `file` and `what`, its name in errors, are copied by reference: they must outlive the result. kIo when it got shorter.
RandomBytes bytes_of_file(const UniqueFd& file, std::uint64_t size, const std::string& what);

using PatchSink = std::function<Result<void>(std::string_view)>;

// Deterministic. `result` is read once, from its first byte to its last. Gives the bytes of the patch. Errors: those of
// `read` and `sink`; kUsage for a level that zstd does not have.
Result<std::uint64_t> write_patch(const RandomBytes& base, const RandomBytes& result, int level, const PatchSink& sink);

// Takes a patch in, piece by piece of any size, and gives the result out, at most 8 MiB at once, valid during the call.
class PatchReader {
 public:
  // Never gives more than `result_bytes`. `base` is read where the patch says, within its size.
  PatchReader(RandomBytes base, std::uint64_t result_bytes, PatchSink sink);
  ~PatchReader();
  PatchReader(PatchReader&&) noexcept;

  // kPatch with the offset in the patch: no such pair, a region outside the base or over its limit, a piece without size,
  // over its limit or beyond the result, a frame that does not decode. Else the error of `base` or `sink`.
  Result<void> write(std::string_view bytes);
  // kPatch: the patch ends inside a pair, or before the result does.
  Result<void> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace airlock::archive
