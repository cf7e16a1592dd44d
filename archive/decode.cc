#include "archive/decode.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/io.h"

namespace airlock::archive {
namespace {

constexpr std::size_t kBuffer = 256 * kKiB;

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : left_(bytes) {}
  Result<Chunk> next() override {
    Chunk chunk;
    chunk.bytes = left_.substr(0, kBuffer);
    left_.remove_prefix(chunk.bytes.size());
    return chunk;
  }

 private:
  std::string_view left_;
};

class FileSource : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t offset, std::uint64_t size) : fd_(fd), at_(offset), left_(size) {}
  Result<Chunk> next() override {
    if (left_ == 0) return Chunk{};
    auto buffer = std::make_shared<std::string>(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kBuffer)), '\0');
    ssize_t n = 0;
    do n = ::pread(fd_, buffer->data(), buffer->size(), static_cast<off_t>(at_));
    while (n < 0 && errno == EINTR);
    if (n < 0) return os_fail("pread", "an archive");
    if (n == 0) return fail(Code::kArchiveTruncated, "the file ends " + std::to_string(left_) + " bytes too early");
    at_ += static_cast<std::uint64_t>(n);
    left_ -= static_cast<std::uint64_t>(n);
    Chunk chunk;
    chunk.bytes = std::string_view(*buffer).substr(0, static_cast<std::size_t>(n));
    chunk.owner = std::move(buffer);
    return chunk;
  }

 private:
  int fd_;
  std::uint64_t at_, left_;
};

// What both decoders share: input at hand, output counted, one buffer a chunk.
class Decoder : public ByteSource {
 public:
  Decoder(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits) : packed_(std::move(packed)), limits_(limits) {}

  Result<Chunk> next() override {
    if (ended_) return Chunk{};
    auto buffer = std::make_shared<std::string>(kBuffer, '\0');
    std::size_t filled = 0;
    while (filled == 0) {
      if (in_.bytes.empty()) in_ = TRY(packed_->next());
      if (in_.bytes.empty()) {
        ended_ = true;
        TRY(check_end());
        return Chunk{};
      }
      filled = TRY(decode(in_.bytes, *buffer));
    }
    produced_ += filled;
    if (produced_ > limits_.max_output)
      return fail(Code::kArchiveLimit, "a stream of more than " + std::to_string(limits_.max_output) + " bytes");
    Chunk chunk;
    chunk.bytes = std::string_view(*buffer).substr(0, filled);
    chunk.owner = std::move(buffer);
    return chunk;
  }

 protected:
  // Takes bytes off `in`, which is not empty, and says how many it wrote to `out`.
  virtual Result<std::size_t> decode(std::string_view& in, std::string& out) = 0;
  virtual Result<void> check_end() const = 0;
  const DecodeLimits& limits() const { return limits_; }

 private:
  std::unique_ptr<ByteSource> packed_;
  DecodeLimits limits_;
  Chunk in_;
  std::uint64_t produced_ = 0;
  bool ended_ = false;
};

class ZstdSource : public Decoder {
 public:
  using Decoder::Decoder;
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  Result<void> init() {
    stream_ = ZSTD_createDStream();
    if (stream_ == nullptr) return fail(Code::kInternal, "zstd: no memory for a decoder");
    const auto window_log = static_cast<int>(std::bit_width(std::max<std::uint64_t>(limits().window_bytes, 1024))) - 1;
    const std::size_t set = ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, window_log);
    if (ZSTD_isError(set)) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(set));
    return {};
  }

 protected:
  Result<std::size_t> decode(std::string_view& in, std::string& out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const bool between_frames = frame_done_;
    const std::size_t left = ZSTD_decompressStream(stream_, &to, &from);
    if (ZSTD_isError(left)) {
      const auto code = between_frames && any_frame_ ? Code::kArchiveTrailing : Code::kArchiveZstd;
      return fail(code, std::string("zstd: ") + ZSTD_getErrorName(left));
    }
    in.remove_prefix(from.pos);
    frame_done_ = left == 0;
    any_frame_ = any_frame_ || frame_done_;
    return to.pos;
  }
  Result<void> check_end() const override {
    if (!frame_done_ || !any_frame_) return fail(Code::kArchiveTruncated, "the zstd stream ends inside a frame");
    return {};
  }

 private:
  ZSTD_DStream* stream_ = nullptr;
  bool frame_done_ = false, any_frame_ = false;
};

class GzipSource : public Decoder {
 public:
  using Decoder::Decoder;
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<void> init() {
    static constexpr int kGzipOnly = 16 + 15;  // zlib: gzip wrapper, window of 32 KiB
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) return fail(Code::kInternal, "zlib: no memory for a decoder");
    return {};
  }

 protected:
  Result<std::size_t> decode(std::string_view& in, std::string& out) override {
    if (member_done_) {  // another member may follow the last
      inflateReset(&stream_);
      member_done_ = false;
    }
    // zlib's interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), kBuffer));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const uInt offered = stream_.avail_in;
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(offered - stream_.avail_in);
    if (answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR)
      return fail(any_member_ && stream_.total_out == 0 ? Code::kArchiveTrailing : Code::kArchiveZstd,
                  std::string("gzip: ") + (stream_.msg != nullptr ? stream_.msg : "damaged"));
    member_done_ = answer == Z_STREAM_END;
    any_member_ = any_member_ || member_done_;
    return out.size() - stream_.avail_out;
  }
  Result<void> check_end() const override {
    if (!member_done_) return fail(Code::kArchiveTruncated, "the gzip stream ends inside a member");
    return {};
  }

 private:
  z_stream stream_{};
  bool member_done_ = false, any_member_ = false;
};

template <class Source>
Result<std::unique_ptr<ByteSource>> make(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits) {
  auto source = std::make_unique<Source>(std::move(packed), limits);
  TRY(source->init());
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace

std::unique_ptr<ByteSource> memory_source(std::string_view bytes) { return std::make_unique<MemorySource>(bytes); }

std::unique_ptr<ByteSource> file_source(int fd, std::uint64_t offset, std::uint64_t size) {
  return std::make_unique<FileSource>(fd, offset, size);
}

Result<std::unique_ptr<ByteSource>> zstd_source(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits) {
  return make<ZstdSource>(std::move(packed), limits);
}

Result<std::unique_ptr<ByteSource>> gzip_source(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits) {
  return make<GzipSource>(std::move(packed), limits);
}

Result<std::string> read_all(ByteSource& source, std::uint64_t limit) {
  std::string out;
  for (;;) {
    const Chunk chunk = TRY(source.next());
    if (chunk.bytes.empty()) return out;
    if (out.size() + chunk.bytes.size() > limit)
      return fail(Code::kArchiveLimit, "more than " + std::to_string(limit) + " bytes");
    out += chunk.bytes;
  }
}

Result<std::string> unzstd(std::string_view packed, const DecodeLimits& limits) {
  const auto source = TRY(zstd_source(memory_source(packed), limits));
  return read_all(*source, limits.max_output);
}

}  // namespace airlock::archive
