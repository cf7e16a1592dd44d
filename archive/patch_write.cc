#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "archive/patch_format.h"

namespace airlock::archive {
namespace {

constexpr std::size_t kLeastPiece = 256 * kKiB;  // that a piece is cut to
static_assert(kPatchPieceBytes + kPatchPieceBytes / 256 <= kPatchFrameBytes, "a frame holds what ZSTD_compressBound allows for a piece");

class Encoder {
 public:
  explicit Encoder(int level) : level_(level), context_(ZSTD_createCCtx()) {}
  ~Encoder() { ZSTD_freeCCtx(context_); }
  Encoder(const Encoder&) = delete;

  // The frame of a piece, in a buffer that the next call uses again.
  Result<std::string_view> encode(std::string_view piece, std::string_view prefix) {
    if (context_ == nullptr) return fail(Code::kInternal, "zstd: no memory for an encoder");
    if (level_ < 1 || level_ > ZSTD_maxCLevel()) return fail(Code::kUsage, "zstd level " + std::to_string(level_));
    ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters);
    const int window = std::clamp(static_cast<int>(std::bit_width(prefix.size() + piece.size())), 17, kPatchWindowLog);
    TRY(set(ZSTD_c_compressionLevel, level_));
    TRY(set(ZSTD_c_windowLog, window));
    TRY(set(ZSTD_c_enableLongDistanceMatching, 1));  // the level's own tables forget all but the end of a long prefix
    TRY(good(ZSTD_CCtx_refPrefix(context_, prefix.data(), prefix.size())));
    out_.resize(std::max(out_.size(), ZSTD_compressBound(piece.size())));
    const std::size_t size = TRY(good(ZSTD_compress2(context_, out_.data(), out_.size(), piece.data(), piece.size())));
    return std::string_view(out_).substr(0, size);
  }

 private:
  static Result<std::size_t> good(std::size_t result) {
    if (ZSTD_isError(result)) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(result));
    return result;
  }
  Result<void> set(ZSTD_cParameter parameter, int value) {
    TRY(good(ZSTD_CCtx_setParameter(context_, parameter, value)));
    return {};
  }
  int level_;
  ZSTD_CCtx* context_;
  std::string out_;
};

std::span<char> room(std::string& buffer, std::uint64_t size) {
  const auto wanted = static_cast<std::size_t>(size);
  if (buffer.size() < wanted) buffer.resize(wanted);
  return {buffer.data(), wanted};
}

// What is ahead in the result: as much as one piece can take, until the end.
class PieceSource {
 public:
  explicit PieceSource(const RandomBytes& bytes) : bytes_(bytes) {}
  Result<std::string_view> ahead() {
    const auto size = static_cast<std::size_t>(std::min(kPatchPieceBytes, bytes_.size - offset_));
    const std::span<char> whole = room(buffer_, size);
    TRY(bytes_.read(offset_ + held_, whole.subspan(held_)));
    held_ = size;
    return std::string_view(whole.data(), size);
  }
  void skip(std::size_t size) {
    std::memmove(buffer_.data(), buffer_.data() + size, held_ - size);
    held_ -= size;
    offset_ += size;
  }
  std::uint64_t offset() const { return offset_; }

 private:
  const RandomBytes& bytes_;
  std::string buffer_;
  std::size_t held_ = 0;
  std::uint64_t offset_ = 0;
};

struct Chosen {
  std::string_view piece;
  Region region;
};

// A piece is cut short where its first half comes from elsewhere than its second.
Chosen choose(const PatchIndex& index, std::string_view ahead, std::uint64_t offset) {
  for (std::string_view piece = ahead;; piece = piece.substr(0, piece.size() / 2)) {
    const auto [region, good] = index.region_for(piece, offset);
    if (good || piece.size() <= kLeastPiece) return {piece, region};
  }
}

}  // namespace

Result<std::uint64_t> write_patch(const RandomBytes& base, const RandomBytes& result, int level, const PatchSink& sink) {
  const PatchIndex index = TRY(PatchIndex::of(base));
  Encoder encoder(level);
  PieceSource source(result);
  std::string region_buffer;
  std::uint64_t written = 0;
  for (;;) {
    const std::string_view ahead = TRY(source.ahead());
    if (ahead.empty()) return written;
    const auto [piece, region] = choose(index, ahead, source.offset());
    const std::span<char> prefix = room(region_buffer, region.length);
    TRY(base.read(region.offset, prefix));
    const std::string_view frame = TRY(encoder.encode(piece, {prefix.data(), prefix.size()}));
    TRY(sink(encode_pair_header({region, frame.size()})));
    TRY(sink(frame));
    written += kPairHeaderBytes + frame.size();
    source.skip(piece.size());
  }
}

}  // namespace airlock::archive
