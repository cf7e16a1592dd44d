#include "bundle/blob_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "base/limits.h"
#include "bundle/store_batch.h"

namespace airlock::bundle {
namespace {

constexpr std::size_t kCopyBytes = 256 * kKiB;

// Reads up to `buffer.size()` bytes at `offset`; fewer only at the end of the file.
Result<std::size_t> read_at(int fd, std::string& buffer, std::size_t most, std::uint64_t offset, const std::string& path) {
  std::size_t got = 0;
  while (got < most) {
    const ssize_t n = ::pread(fd, buffer.data() + got, most - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

}  // namespace

BlobStream::BlobStream(StoreBatch& batch) : batch_(batch), writer_(batch.fs()) {}

Result<void> BlobStream::begin(const Digest& expected, std::uint64_t size) {
  if (current_) return fail(Code::kInternal, "store: a blob begins inside another");
  Current current{expected, size, {}, {}, 0, false};
  const std::string path = batch_.place_of(expected);
  UniqueFd existing(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (existing) {
    current.file = std::move(existing);
  } else {
    current.temp = TRY(batch_.next_name());
    current.file = TRY(batch_.fs().create(current.temp, 0444));
    TRY(writer_.begin(current.file.get(), size, current.temp));
  }
  current_ = std::move(current);
  return {};
}

Result<void> BlobStream::append(std::string_view bytes) {
  if (!current_) return fail(Code::kInternal, "store: bytes without a blob");
  while (current_->temp.empty() && !bytes.empty()) {
    std::string buffer(std::min(kCopyBytes, bytes.size()), '\0');
    const std::size_t got = TRY(read_at(current_->file.get(), buffer, buffer.size(), current_->offset, batch_.store_.blob_path(current_->expected)));
    if (got < buffer.size() || buffer != bytes.substr(0, got)) {
      TRY(to_writing());
      break;
    }
    current_->offset += got;
    bytes.remove_prefix(got);
  }
  if (bytes.empty()) return {};
  TRY(writer_.append(bytes));
  current_->offset += bytes.size();
  return {};
}

Result<void> BlobStream::to_writing() {
  const std::string temp = TRY(batch_.next_name());
  UniqueFd file = TRY(batch_.fs().create(temp, 0444));
  TRY(writer_.begin(file.get(), current_->size, temp));
  std::string buffer(kCopyBytes, '\0');
  for (std::uint64_t at = 0; at < current_->offset;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), current_->offset - at));
    const std::size_t got = TRY(read_at(current_->file.get(), buffer, want, at, temp));
    if (got == 0) return fail(Code::kStoreCorrupt, batch_.store_.blob_path(current_->expected) + " shrank while it was compared");
    TRY(writer_.append(std::string_view(buffer).substr(0, got)));
    at += got;
  }
  current_->file = std::move(file);
  current_->temp = temp;
  current_->repairing = true;
  return {};
}

Result<void> BlobStream::end(const Digest& actual) {
  if (!current_) return fail(Code::kInternal, "store: the end of no blob");
  if (actual != current_->expected)
    return fail(Code::kStoreCorrupt, "bytes with digest " + actual.hex() + " were offered as " + current_->expected.hex());
  if (current_->temp.empty()) {
    struct stat st{};
    if (::fstat(current_->file.get(), &st) != 0) return os_fail("fstat", batch_.store_.blob_path(actual));
    if (static_cast<std::uint64_t>(st.st_size) != current_->offset) TRY(to_writing());  // longer than it may be
  }
  if (!current_->temp.empty()) {
    TRY(writer_.end());
    TRY(batch_.set_mode(current_->file.get(), current_->temp));
    batch_.add(actual, current_->temp, current_->size < kDirectBytes ? current_->size : 0, current_->repairing);
  }
  current_.reset();
  return {};
}

}  // namespace airlock::bundle
