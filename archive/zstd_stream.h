// archive/zstd_stream: the zstd frames of a bundle (RFC 8878), decoded and encoded as a stream.
//
// Accepted: one or more frames with content, a window within the limit, no dictionary. Refused: skippable and legacy
// frames, empty frames, a frame that is cut, anything that is not a frame after the last one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/stream.h"
#include "base/limits.h"
#include "base/result.h"

namespace airlock::archive {

struct FrameHeader {
  std::uint64_t window_bytes = 0;
};

// `bytes` are the first bytes of a frame, at least kFrameHeaderMax of them unless the file ends before.
// kArchiveZstd: not a frame that is accepted; kArchiveLimit: window over the limit; kArchiveTruncated.
inline constexpr std::size_t kFrameHeaderMax = 18;
Result<FrameHeader> read_frame_header(std::string_view bytes, std::uint64_t window_limit);

// Buffers of one size that are used again once nobody looks at them any more. Thread-safe, without a bound: whoever
// queues chunks bounds them.
class BufferPool {
 public:
  explicit BufferPool(std::size_t buffer_bytes);
  std::shared_ptr<std::string> take();

 private:
  struct Shelf;
  std::size_t buffer_bytes_;
  std::shared_ptr<Shelf> shelf_;
};

class ZstdDecoder : public ByteSource {
 public:
  // Reads `fd` from offset 0; `file_bytes` is its size: more bytes than that are refused, fewer are a cut.
  static Result<std::unique_ptr<ZstdDecoder>> open(int fd, std::uint64_t file_bytes, const Limits& limits);
  ~ZstdDecoder() override;
  Result<Chunk> next() override;

 private:
  struct Impl;
  explicit ZstdDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Runs another source on a thread of its own, a few chunks ahead.
class Prefetch : public ByteSource {
 public:
  explicit Prefetch(std::unique_ptr<ByteSource> source);
  ~Prefetch() override;
  Result<Chunk> next() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ZstdEncoder {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  static Result<ZstdEncoder> open(Sink sink, int level);
  ~ZstdEncoder();
  ZstdEncoder(ZstdEncoder&&) noexcept;
  ZstdEncoder& operator=(ZstdEncoder&&) noexcept;

  Result<void> write(std::string_view bytes);
  Result<void> end_frame();               // nothing happens when the frame has no content yet
  std::uint64_t frame_bytes() const;      // content bytes in the open frame
  std::uint64_t packed_bytes() const;

 private:
  struct Impl;
  explicit ZstdEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airlock::archive
