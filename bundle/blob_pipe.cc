#include "bundle/blob_pipe.h"

namespace airlock::bundle {
namespace {
constexpr std::size_t kPieces = 32;  // of at most 512 KiB, on all lanes together
}

class BlobPipe::Lane {
 public:
  explicit Lane(StoreBatch& batch) : stream_(batch), queue_(kPieces / kLanes), thread_([this] { run(); }) {}

  bool push(Piece piece) { return queue_.push(std::move(piece)); }
  void close() { queue_.close(); }
  const Result<void>& join() {
    if (thread_.joinable()) thread_.join();
    return outcome_;
  }

 private:
  Result<void> handle(const Piece& piece) {
    if (piece.begin) TRY(stream_.begin(*piece.begin, piece.size));
    TRY(stream_.append(piece.chunk.bytes));
    if (piece.end) TRY(stream_.end(*piece.end));
    return {};
  }

  void run() {
    while (auto piece = queue_.pop()) {
      outcome_ = handle(*piece);
      if (outcome_) continue;
      queue_.close();  // put() sees it
      return;
    }
  }

  BlobStream stream_;
  archive::Queue<Piece> queue_;
  Result<void> outcome_;  // written by the thread, read after it has ended
  std::thread thread_;
};

BlobPipe::BlobPipe(StoreBatch& batch) {
  for (auto& lane : lanes_) lane = std::make_unique<Lane>(batch);
}

BlobPipe::~BlobPipe() { (void)finish(); }  // ignoring: who did not ask gave up

Result<void> BlobPipe::put(Piece piece) {
  if (piece.begin) current_ = lanes_[static_cast<unsigned char>(piece.begin->raw()[0]) % kLanes].get();
  if (current_->push(std::move(piece))) return {};
  return finish();
}

Result<void> BlobPipe::finish() {
  for (const auto& lane : lanes_) lane->close();
  Result<void> outcome;
  for (const auto& lane : lanes_)
    if (const auto& ended = lane->join(); outcome && !ended) outcome = ended;
  return outcome;
}

}  // namespace airlock::bundle
