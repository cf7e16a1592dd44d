#include "bundle/blob_writer.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/io.h"

namespace airlock::bundle {
namespace {

constexpr std::size_t kBufferBytes = 512 << 10;
constexpr std::size_t kBlockBytes = 4096;  // of memory, offset and length: at least the logical block of any disk in use

// False where the file system does not write past its cache.
bool set_direct(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

}  // namespace

void BlobWriter::Free::operator()(char* p) const { std::free(p); }  // NOLINT: from aligned_alloc

Result<void> BlobWriter::begin(int fd, std::uint64_t size, const std::string& path) {
  fd_ = fd;
  path_ = path;
  filled_ = 0;
  direct_ = size >= kDirectBytes && set_direct(fd, true);
  if (direct_ && !buffer_) {
    buffer_.reset(static_cast<char*>(std::aligned_alloc(kBlockBytes, kBufferBytes)));
    if (!buffer_) throw std::bad_alloc();
  }
  return {};
}

Result<void> BlobWriter::append(std::string_view bytes) {
  if (!direct_) return fs_.write(fd_, bytes, path_);
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kBufferBytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), n);
    filled_ += n;
    bytes.remove_prefix(n);
    if (filled_ == kBufferBytes) TRY(flush_blocks());
  }
  return {};
}

// Writes the whole blocks of the buffer; fewer bytes than a block stay in it.
Result<void> BlobWriter::flush_blocks() {
  const std::size_t whole = filled_ / kBlockBytes * kBlockBytes;
  if (whole == 0) return {};
  TRY(fs_.write(fd_, std::string_view(buffer_.get(), whole), path_));
  std::memmove(buffer_.get(), buffer_.get() + whole, filled_ - whole);
  filled_ -= whole;
  return {};
}

Result<void> BlobWriter::end() {
  if (!direct_) return {};
  TRY(flush_blocks());
  direct_ = false;
  if (!set_direct(fd_, false)) return os_fail("fcntl", path_);
  if (filled_ == 0) return {};
  return fs_.write(fd_, std::string_view(buffer_.get(), filled_), path_);
}

}  // namespace airlock::bundle
