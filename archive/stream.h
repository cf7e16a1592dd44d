// archive/stream: decoded bytes on their way through the archive layer, in buffers that are used again and again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::archive {

// A view into a shared buffer. The bytes stay valid as long as any copy of the chunk lives, also on another thread;
// the buffer goes back to its pool when the last copy is gone.
struct Chunk {
  std::string_view bytes;
  std::shared_ptr<const std::string> owner;
  std::uint64_t frame_offset = 0;   // where, in the compressed file, the zstd frame of these bytes begins
  bool starts_frame = false;        // the first of these bytes is the first byte of that frame
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes; an empty chunk means the end, and every later call gives it again.
  virtual Result<Chunk> next() = 0;
};

}  // namespace airlock::archive
