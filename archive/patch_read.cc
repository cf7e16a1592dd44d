#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "archive/patch_format.h"
#include "archive/zstd_stream.h"
#include "base/io.h"

namespace airlock::archive {

RandomBytes bytes_of_file(const UniqueFd& file, std::uint64_t size, const std::string& what) {
  return {size, [&file, &what](std::uint64_t offset, std::span<char> into) -> Result<void> {
            for (std::size_t got = 0; got < into.size();) {
              const ssize_t n = ::pread(file.get(), into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
              if (n < 0 && errno == EINTR) continue;
              if (n < 0) return os_fail("read", what);
              if (n == 0) return fail(Code::kIo, what + " ends at " + std::to_string(offset + got));
              got += static_cast<std::size_t>(n);
            }
            return {};
          }};
}

struct PatchReader::Impl {
  RandomBytes base;
  std::uint64_t left;                // bytes of the result still to come
  PatchSink sink;
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::optional<PairHeader> header;  // of the frame that is being collected
  std::string pending;               // what is there of the header or of the frame
  std::uint64_t taken = 0;           // bytes of the patch
  std::string region, piece;

  Impl(RandomBytes from, std::uint64_t result_bytes, PatchSink to) : base(std::move(from)), left(result_bytes), sink(std::move(to)) {}
  ~Impl() { ZSTD_freeDCtx(context); }
  Impl(const Impl&) = delete;

  std::unexpected<Error> wrong(const std::string& why) const {
    return fail(Code::kPatch, "offset " + std::to_string(taken - pending.size()) + " of the patch: " + why);
  }

  // Before anything is read or reserved by it.
  Result<void> open_pair() {
    const auto read = decode_pair_header(pending);
    if (!read) return wrong("not the header of a piece");
    if (left == 0) return wrong("a piece behind the end of the result");
    if (read->region.length > kPatchRegionBytes || read->region.offset > base.size || read->region.length > base.size - read->region.offset)
      return wrong("a region of " + std::to_string(read->region.length) + " bytes at " + std::to_string(read->region.offset) + " of a base of " +
                   std::to_string(base.size));
    if (read->frame_bytes == 0 || read->frame_bytes > kPatchFrameBytes) return wrong("a frame of " + std::to_string(read->frame_bytes) + " bytes");
    header = *read;
    pending.clear();
    return {};
  }

  // The size of the piece, once it is known that this is one whole frame of a form that is accepted.
  Result<std::size_t> check_frame() const {
    const auto form = read_frame_header(pending, std::uint64_t{1} << kPatchWindowLog);
    if (!form) return wrong(form.error().context);
    const unsigned long long size = ZSTD_getFrameContentSize(pending.data(), pending.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return wrong("a piece that does not say its size");
    if (size == 0 || size > kPatchPieceBytes || size > left)
      return wrong("a piece of " + std::to_string(size) + " bytes, the result lacks " + std::to_string(left));
    const std::size_t whole = ZSTD_findFrameCompressedSize(pending.data(), pending.size());
    if (ZSTD_isError(whole)) return wrong(ZSTD_getErrorName(whole));
    if (whole != pending.size()) return wrong("bytes behind a frame");
    return static_cast<std::size_t>(size);
  }

  Result<void> decode_piece() {
    if (context == nullptr) return fail(Code::kInternal, "zstd: no memory for a decoder");
    const std::size_t size = TRY(check_frame());
    const auto length = static_cast<std::size_t>(header->region.length);
    if (region.size() < length) region.resize(length);
    if (piece.size() < size) piece.resize(size);
    TRY(base.read(header->region.offset, {region.data(), length}));
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    const std::size_t set = ZSTD_DCtx_refPrefix(context, region.data(), length);
    if (ZSTD_isError(set)) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(set));
    const std::size_t got = ZSTD_decompressDCtx(context, piece.data(), size, pending.data(), pending.size());
    if (ZSTD_isError(got)) return wrong(ZSTD_getErrorName(got));
    if (got != size) return wrong("a piece of " + std::to_string(got) + " bytes that says " + std::to_string(size));
    left -= size;
    header.reset();
    pending.clear();
    return sink(std::string_view(piece).substr(0, size));
  }

  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto whole = static_cast<std::size_t>(header ? header->frame_bytes : kPairHeaderBytes);
      const std::string_view part = bytes.substr(0, whole - pending.size());
      pending += part;
      taken += part.size();
      bytes.remove_prefix(part.size());
      if (pending.size() == whole) TRY(header ? decode_piece() : open_pair());
    }
    return {};
  }

  Result<void> finish() const {
    if (header || !pending.empty()) return wrong("ends inside a piece");
    if (left != 0) return wrong("ends " + std::to_string(left) + " bytes before the result");
    return {};
  }
};

PatchReader::PatchReader(RandomBytes base, std::uint64_t result_bytes, PatchSink sink)
    : impl_(std::make_unique<Impl>(std::move(base), result_bytes, std::move(sink))) {}
PatchReader::~PatchReader() = default;
PatchReader::PatchReader(PatchReader&&) noexcept = default;

Result<void> PatchReader::write(std::string_view bytes) { return impl_->write(bytes); }
Result<void> PatchReader::finish() { return impl_->finish(); }

}  // namespace airlock::archive
