// bundle/store_batch: many blobs into the store, with one durability barrier for all of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "bundle/blob_writer.h"
#include "bundle/early_sync.h"
#include "bundle/store.h"

namespace airlock::bundle {

// Nothing is visible before commit(); a batch that is dropped leaves nothing. Not thread-safe; a batch may be made on one thread and used on another.
class StoreBatch {
 public:
  explicit StoreBatch(Store& store) : store_(store), writer_(store.fs_) {}
  ~StoreBatch();
  StoreBatch(const StoreBatch&) = delete;

  Result<Stored> put(std::string_view bytes);
  Result<Stored> put_file(const UniqueFd& source, std::string_view what);

  // A blob whose digest the caller proves while it streams: begin (`size`: as expected), append..., then end with the
  // digest of exactly those bytes (kStoreCorrupt if it is not `expected`). If the store has that blob already it is
  // compared byte by byte instead of written; one that is damaged on disk is replaced, and counted in repaired().
  Result<void> begin(const Digest& expected, std::uint64_t size);
  Result<void> append(std::string_view bytes);
  Result<void> end(const Digest& actual);

  Result<void> commit();                  // all of them durable under their names; the batch is then empty
  std::uint64_t written() const { return written_; }    // blobs that were new
  std::uint64_t repaired() const { return repaired_; }  // blobs that were there, damaged

 private:
  Result<std::optional<UniqueFd>> locked_folder(const std::string& folder);
  Result<void> open_folder();
  Result<void> to_writing();              // the blob on disk differs: write it anew, from the part that was equal
  Result<std::string> next_name();
  Result<void> publish(const Digest& digest, const std::string& temp);
  Result<void> set_mode(int fd, const std::string& path);

  Store& store_;
  std::string folder_;                    // cas/tmp/<random>
  UniqueFd folder_lock_, barrier_;
  std::uint64_t counter_ = 0, written_ = 0, repaired_ = 0;
  std::map<Digest, std::string> pending_; // digest -> temporary name
  std::set<std::string> folders_;         // of blobs, known to be there
  BlobWriter writer_;
  EarlySync early_;
  struct Current {
    Digest expected;
    std::uint64_t size = 0;
    UniqueFd file;                        // being written, or being compared
    std::string temp;                     // empty while comparing
    std::uint64_t offset = 0;
    bool repairing = false;
  };
  std::optional<Current> current_;
};

}  // namespace airlock::bundle
