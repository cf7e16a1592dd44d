#include <thread>

#include "archive/queue.h"
#include "archive/zstd_stream.h"

namespace airlock::archive {
namespace {
constexpr std::size_t kChunksAhead = 8;  // of 512 KiB: 4 MiB
}

struct Prefetch::Impl {
  explicit Impl(std::unique_ptr<ByteSource> from) : source(std::move(from)), thread([this] { run(); }) {}
  ~Impl() {
    queue.close();
    thread.join();
  }
  void run() {
    for (;;) {
      auto chunk = source->next();
      const bool last = !chunk || chunk->bytes.empty();
      if (!queue.push(std::move(chunk)) || last) return;
    }
  }

  std::unique_ptr<ByteSource> source;
  Queue<Result<Chunk>> queue{kChunksAhead};
  bool ended = false;
  std::thread thread;  // last: starts when everything else is there
};

Prefetch::Prefetch(std::unique_ptr<ByteSource> source) : impl_(std::make_unique<Impl>(std::move(source))) {}
Prefetch::~Prefetch() = default;

Result<Chunk> Prefetch::next() {
  if (impl_->ended) return Chunk{};
  auto item = impl_->queue.pop();
  Result<Chunk> chunk = item ? std::move(*item) : Result<Chunk>(Chunk{});
  impl_->ended = !chunk || chunk->bytes.empty();
  return chunk;
}

}  // namespace airlock::archive
