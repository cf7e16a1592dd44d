#include "bundle/blob_pipe.h"

namespace airlock::bundle {
namespace {
constexpr std::size_t kPieces = 32;  // of at most 512 KiB
}

BlobPipe::BlobPipe(StoreBatch& batch) : batch_(batch), queue_(kPieces), thread_([this] { run(); }) {}

BlobPipe::~BlobPipe() {
  if (!thread_.joinable()) return;
  queue_.close();
  thread_.join();
}

Result<void> BlobPipe::handle(const Piece& piece) {
  if (piece.begin) TRY(batch_.begin(*piece.begin, piece.size));
  TRY(batch_.append(piece.chunk.bytes));
  if (piece.end) TRY(batch_.end(*piece.end));
  return {};
}

void BlobPipe::run() {
  while (auto piece = queue_.pop()) {
    outcome_ = handle(*piece);
    if (outcome_) continue;
    queue_.close();  // put() sees it
    return;
  }
}

Result<void> BlobPipe::put(Piece piece) {
  if (queue_.push(std::move(piece))) return {};
  return finish();
}

Result<void> BlobPipe::finish() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

}  // namespace airlock::bundle
