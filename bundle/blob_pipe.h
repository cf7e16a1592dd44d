// bundle/blob_pipe: blobs on their way into a StoreBatch, written by threads of their own, so that writing does not wait
// for hashing nor hashing for it, and the disk has several blobs to write at once.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <thread>

#include "archive/queue.h"
#include "archive/stream.h"
#include "bundle/blob_stream.h"
#include "bundle/store_batch.h"

namespace airlock::bundle {

class BlobPipe {
 public:
  explicit BlobPipe(StoreBatch& batch);  // which nobody else may touch before finish() or the destructor
  ~BlobPipe();

  // A piece of a blob: the first one carries the digest it must have, the last one the digest that it has.
  struct Piece {
    std::optional<Digest> begin;
    std::uint64_t size = 0;  // of the whole blob, with `begin`
    archive::Chunk chunk;
    std::optional<Digest> end;
  };
  Result<void> put(Piece piece);  // those of one blob without another's between; an error may come from any piece before
  Result<void> finish();          // all pieces have gone through

 private:
  // A blob goes through one lane, and always through the same: so a content that comes twice finds the first whole.
  class Lane;
  static constexpr std::size_t kLanes = 4;
  std::array<std::unique_ptr<Lane>, kLanes> lanes_;
  Lane* current_ = nullptr;       // of the blob whose pieces come
};

// Where proven bytes go: through a pipe to the store, or nowhere.
class BlobOut {
 public:
  explicit BlobOut(StoreBatch* batch) {  // null: nowhere
    if (batch != nullptr) pipe_.emplace(*batch);
  }
  Result<void> put(BlobPipe::Piece piece) { return pipe_ ? pipe_->put(std::move(piece)) : Result<void>{}; }
  Result<void> finish() { return pipe_ ? pipe_->finish() : Result<void>{}; }

 private:
  std::optional<BlobPipe> pipe_;
};

}  // namespace airlock::bundle
