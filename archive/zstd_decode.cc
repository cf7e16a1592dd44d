#include <unistd.h>
#include <zstd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "archive/zstd_stream.h"
#include "base/io.h"

namespace airlock::archive {
namespace {

constexpr std::uint32_t kMagic = 0xFD2FB528;
constexpr std::uint32_t kSkippableMask = 0xFFFFFFF0, kSkippableMagic = 0x184D2A50;
constexpr std::size_t kInBytes = 256 * kKiB, kOutBytes = 512 * kKiB;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string at(std::uint64_t offset) { return "offset " + std::to_string(offset) + " of the file"; }

}  // namespace

// RFC 8878 section 3.1.1.1: magic (4), descriptor (1), window (0-1), dictionary id (0-4), content size (0-8).
Result<FrameHeader> read_frame_header(std::string_view bytes, std::uint64_t window_limit) {
  static constexpr std::string_view kMagicBytes = "\x28\xB5\x2F\xFD";
  if (bytes.size() < 4) {
    if (kMagicBytes.starts_with(bytes)) return fail(Code::kArchiveTruncated, "the file ends inside a frame header");
    return fail(Code::kArchiveZstd, "not a zstd frame");
  }
  const auto magic = static_cast<std::uint32_t>(little_endian(bytes.substr(0, 4)));
  if ((magic & kSkippableMask) == kSkippableMagic) return fail(Code::kArchiveZstd, "a skippable frame");
  if (magic != kMagic) return fail(Code::kArchiveZstd, "not a zstd frame");
  if (bytes.size() < 5) return fail(Code::kArchiveTruncated, "the file ends inside a frame header");
  const auto descriptor = static_cast<unsigned char>(bytes[4]);
  const bool single_segment = (descriptor & 0x20) != 0;
  if ((descriptor & 0x08) != 0) return fail(Code::kArchiveZstd, "a frame with the reserved bit set");
  if ((descriptor & 0x03) != 0) return fail(Code::kArchiveZstd, "a frame that needs a dictionary");
  const std::size_t size_flag = descriptor >> 6;
  const std::size_t size_bytes = size_flag == 0 ? (single_segment ? 1 : 0) : std::size_t{1} << size_flag;
  const std::size_t total = 5 + (single_segment ? 0 : 1) + size_bytes;
  if (bytes.size() < total) return fail(Code::kArchiveTruncated, "the file ends inside a frame header");
  FrameHeader header;
  if (single_segment) {  // the window is the content
    header.window_bytes = little_endian(bytes.substr(5, size_bytes)) + (size_flag == 1 ? 256 : 0);
  } else {
    const auto window = static_cast<unsigned char>(bytes[5]);
    const std::uint64_t base = std::uint64_t{1} << (10 + (window >> 3));
    header.window_bytes = base + (base / 8) * (window & 7);
  }
  if (header.window_bytes > window_limit)
    return fail(Code::kArchiveLimit, "a zstd window of " + std::to_string(header.window_bytes) + " bytes, limit zstdWindowBytes " +
                                         std::to_string(window_limit));
  return header;
}

struct BufferPool::Shelf {
  std::mutex mutex;
  std::vector<std::unique_ptr<std::string>> free;
};

BufferPool::BufferPool(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes), shelf_(std::make_shared<Shelf>()) {}

std::shared_ptr<std::string> BufferPool::take() {
  std::unique_ptr<std::string> buffer;
  {
    const std::lock_guard lock(shelf_->mutex);
    if (!shelf_->free.empty()) {
      buffer = std::move(shelf_->free.back());
      shelf_->free.pop_back();
    }
  }
  if (!buffer) buffer = std::make_unique<std::string>(buffer_bytes_, '\0');
  return {buffer.release(), [shelf = shelf_](std::string* used) {
            const std::lock_guard lock(shelf->mutex);
            shelf->free.emplace_back(used);
          }};
}

struct ZstdDecoder::Impl {
  int fd = -1;
  std::uint64_t file_bytes = 0, read_bytes = 0;
  std::uint64_t window_limit = 0;
  ZSTD_DStream* stream = nullptr;
  BufferPool pool{kOutBytes};
  std::string input = std::string(kInBytes, '\0');
  std::size_t in_begin = 0, in_end = 0;
  bool in_frame = false, at_start = false, ended = false;
  std::uint64_t frame_offset = 0;

  ~Impl() { ZSTD_freeDStream(stream); }
  std::uint64_t position() const { return read_bytes - (in_end - in_begin); }

  Result<void> fill() {  // more input behind what is left; nothing new at the end of the file
    std::memmove(input.data(), input.data() + in_begin, in_end - in_begin);
    in_end -= in_begin;
    in_begin = 0;
    for (;;) {
      const ssize_t n = ::pread(fd, input.data() + in_end, input.size() - in_end, static_cast<off_t>(read_bytes));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_fail("read", "the bundle file");
      in_end += static_cast<std::size_t>(n);
      read_bytes += static_cast<std::uint64_t>(n);
      if (read_bytes > file_bytes) return fail(Code::kArchiveTrailing, "the file grew while it was read");
      if (n == 0 && read_bytes < file_bytes) return fail(Code::kArchiveTruncated, "the file shrank while it was read");
      return {};
    }
  }

  // False at the proper end of the file.
  Result<bool> open_frame() {
    while (in_end - in_begin < kFrameHeaderMax && read_bytes < file_bytes) TRY(fill());
    if (in_begin == in_end) return false;
    frame_offset = position();
    const auto header = read_frame_header(std::string_view(input).substr(in_begin, in_end - in_begin), window_limit);
    if (!header) {
      // After a whole frame, bytes that are no frame are an appendix, whatever they look like.
      const bool appended = frame_offset != 0 && header.error().code == Code::kArchiveZstd;
      return fail(appended ? Code::kArchiveTrailing : header.error().code, at(frame_offset) + ": " + header.error().context);
    }
    ZSTD_DCtx_reset(stream, ZSTD_reset_session_only);
    in_frame = at_start = true;
    return true;
  }

  Result<Chunk> next() {
    if (ended) return Chunk{};
    if (!in_frame && !TRY(open_frame())) {
      ended = true;
      if (file_bytes == 0) return fail(Code::kArchiveTruncated, "the file is empty");
      return Chunk{};
    }
    auto buffer = pool.take();
    ZSTD_outBuffer out{buffer->data(), buffer->size(), 0};
    while (in_frame && out.pos < out.size) {
      if (in_begin == in_end) {
        if (read_bytes == file_bytes) return fail(Code::kArchiveTruncated, "the file ends inside the frame at " + at(frame_offset));
        TRY(fill());
      }
      ZSTD_inBuffer in{input.data() + in_begin, in_end - in_begin, 0};
      const std::size_t left = ZSTD_decompressStream(stream, &out, &in);
      if (ZSTD_isError(left))
        return fail(Code::kArchiveZstd, at(frame_offset) + ": " + ZSTD_getErrorName(left));
      in_begin += in.pos;
      if (left == 0) in_frame = false;
    }
    if (out.pos == 0 && at_start) return fail(Code::kArchiveZstd, at(frame_offset) + ": an empty frame");
    if (out.pos == 0) return next();  // only the checksum was left of a frame whose content filled the last buffer
    Chunk chunk{std::string_view(*buffer).substr(0, out.pos), std::move(buffer), frame_offset, at_start};
    at_start = false;
    return chunk;
  }
};

ZstdDecoder::ZstdDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZstdDecoder::~ZstdDecoder() = default;

Result<std::unique_ptr<ZstdDecoder>> ZstdDecoder::open(int fd, std::uint64_t file_bytes, const Limits& limits) {
  auto impl = std::make_unique<Impl>();
  impl->fd = fd;
  impl->file_bytes = file_bytes;
  impl->window_limit = limits.zstd_window_bytes;
  impl->stream = ZSTD_createDStream();
  if (impl->stream == nullptr) return fail(Code::kInternal, "zstd: no memory for a decoder");
  // The decoder gets the same limit as read_frame_header: rounded up to a power of two.
  const int window_log = std::countr_zero(std::bit_ceil(std::max<std::uint64_t>(impl->window_limit, 1024)));
  const std::size_t set = ZSTD_DCtx_setParameter(impl->stream, ZSTD_d_windowLogMax, window_log);
  if (ZSTD_isError(set)) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(set));
  return std::unique_ptr<ZstdDecoder>(new ZstdDecoder(std::move(impl)));
}

Result<Chunk> ZstdDecoder::next() {
  auto chunk = impl_->next();
  if (!chunk) impl_->ended = true;  // an error is reported once; there is nothing after it
  return chunk;
}

}  // namespace airlock::archive
