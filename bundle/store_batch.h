// bundle/store_batch: many blobs into the store, with one durability barrier for all of them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "bundle/blob_stream.h"
#include "bundle/early_sync.h"
#include "bundle/store.h"

namespace airlock::bundle {

// Nothing is visible before commit(); a batch that is dropped leaves nothing. Several threads may write blobs into it at
// once, each through a BlobStream of its own; all else is for one thread at a time.
class StoreBatch {
 public:
  explicit StoreBatch(Store& store) : store_(store), own_(*this) {}
  ~StoreBatch();
  StoreBatch(const StoreBatch&) = delete;

  Result<Stored> put(std::string_view bytes);
  Result<Stored> put_file(const UniqueFd& source, std::string_view what);

  // As those of BlobStream.
  Result<void> begin(const Digest& expected, std::uint64_t size) { return own_.begin(expected, size); }
  Result<void> append(std::string_view bytes) { return own_.append(bytes); }
  Result<void> end(const Digest& actual) { return own_.end(actual); }

  Result<void> commit();                  // all of them durable under their names; the batch is then empty
  std::uint64_t written() const { return written_; }    // blobs that were new
  std::uint64_t repaired() const { return repaired_; }  // blobs that were there, damaged

 private:
  friend class BlobStream;
  // For streams, on any thread.
  Fs& fs() const { return store_.fs_; }
  Result<std::string> next_name();        // of a temporary file
  std::string place_of(const Digest& digest);  // where a blob lies, if it does: in the store or, already written, in this batch
  void add(const Digest& digest, const std::string& temp, std::uint64_t cached, bool repaired);
  Result<void> set_mode(int fd, const std::string& path);

  Result<std::optional<UniqueFd>> locked_folder(const std::string& folder);
  Result<void> open_folder();
  Result<void> publish(const Digest& digest, const std::string& temp);

  Store& store_;
  std::mutex mutex_;                      // guards what follows, up to own_
  std::string folder_;                    // cas/tmp/<random>
  UniqueFd folder_lock_, barrier_;
  std::uint64_t counter_ = 0, written_ = 0, repaired_ = 0;
  std::map<Digest, std::string> pending_; // digest -> temporary name
  EarlySync early_;
  BlobStream own_;
  std::set<std::string> folders_;         // of blobs, known to be there
};

}  // namespace airlock::bundle
