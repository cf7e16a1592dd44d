// bundle/blob_stream: one blob after the other into a StoreBatch, from one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "bundle/blob_writer.h"

namespace airlock::bundle {

class StoreBatch;

class BlobStream {
 public:
  explicit BlobStream(StoreBatch& batch);  // which must outlive it

  // A blob whose digest the caller proves while it streams: begin (`size`: as expected), append..., then end with the
  // digest of exactly those bytes (kStoreCorrupt if it is not `expected`). If the store has that blob already it is
  // compared byte by byte instead of written; one that is damaged on disk is replaced, and counted as repaired.
  Result<void> begin(const Digest& expected, std::uint64_t size);
  Result<void> append(std::string_view bytes);
  Result<void> end(const Digest& actual);
  bool inside() const { return current_.has_value(); }  // a blob has begun and not ended

 private:
  struct Current {
    Digest expected;
    std::uint64_t size = 0;
    UniqueFd file;                        // being written, or being compared
    std::string temp;                     // empty while comparing
    std::uint64_t offset = 0;
    bool repairing = false;
  };
  Result<void> to_writing();              // the blob on disk differs: write it anew, from the part that was equal

  StoreBatch& batch_;
  BlobWriter writer_;
  std::optional<Current> current_;
};

}  // namespace airlock::bundle
