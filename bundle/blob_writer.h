// bundle/blob_writer: appends a blob to a file, all but small ones past the page cache.
//
// What an import writes is not read again soon, and pages that nobody had before are expensive on a virtual machine: a
// GiB of them costs as much as hashing it, or more. So a blob from kDirectBytes on is written with O_DIRECT, from one
// aligned buffer that is used again and again; its last bytes, which fill no block, go through the cache. That waits for
// the disk at each write: it pays where several blobs are written at once (bundle/blob_pipe.h). Where the file system has
// no direct writing, everything goes through the cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace airlock::bundle {

inline constexpr std::uint64_t kDirectBytes = 32ULL << 10;

class BlobWriter {
 public:
  explicit BlobWriter(Fs& fs) : fs_(fs) {}

  // The next bytes go to this file, which is empty. `size` is what is expected: it decides how to write, no more.
  Result<void> begin(int fd, std::uint64_t size, const std::string& path);
  Result<void> append(std::string_view bytes);
  Result<void> end();  // what is still in the buffer; the file has all bytes then, durable after a sync of its file system

 private:
  struct Free {
    void operator()(char* p) const;
  };
  Result<void> flush_blocks();

  Fs& fs_;
  int fd_ = -1;
  bool direct_ = false;
  std::string path_;
  std::unique_ptr<char, Free> buffer_;  // made when it is first needed
  std::size_t filled_ = 0;
};

}  // namespace airlock::bundle
