#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/encoding.h"
#include "base/entropy.h"
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

StoreBatch::~StoreBatch() {
  early_.wait();
  if (folder_.empty()) return;
  current_.reset();
  (void)remove_work_folder(folder_);  // ignoring: sweep() takes what is left
}

// A folder of our own with its lock held. Nothing when a sweep() of another process took it for an orphan before we
// held the lock: it may remove the folder until then.
Result<std::optional<UniqueFd>> StoreBatch::locked_folder(const std::string& folder) {
  TRY(store_.fs_.make_dir(folder, 0700));
  auto lock = store_.fs_.create(folder + "/lock", 0600);
  if (!lock && lock.error().code == Code::kNotFound) return std::optional<UniqueFd>();
  if (!lock) return fail(lock.error());
  struct stat st{};
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(lock->get(), &st) != 0 || st.st_nlink == 0)
    return std::optional<UniqueFd>();
  return std::optional<UniqueFd>(std::move(*lock));
}

Result<void> StoreBatch::open_folder() {
  if (!folder_.empty()) return {};
  SystemEntropy entropy;  // a name only: nothing that is recorded depends on it
  for (int tries = 0; tries < 10; ++tries) {
    const std::string folder = store_.layout_.cas + "/tmp/" + to_hex(entropy.bytes(12));
    auto lock = TRY(locked_folder(folder));
    if (!lock) continue;
    folder_ = folder;
    folder_lock_ = std::move(*lock);
    // Opened before anything is written: syncfs reports write errors since then.
    barrier_ = TRY(open_dir(folder));
    return {};
  }
  return fail(Code::kBusy, store_.layout_.cas + "/tmp: every folder made there was removed at once");
}

Result<std::string> StoreBatch::next_name() {
  TRY(open_folder());
  return folder_ + "/" + std::to_string(counter_++);
}

Result<void> StoreBatch::begin(const Digest& expected, std::uint64_t size) {
  if (current_) return fail(Code::kInternal, "store: a blob begins inside another");
  Current current{expected, size, {}, {}, 0, false};
  TRY(open_folder());
  const auto twice = pending_.find(expected);  // one content under two paths
  const std::string path = twice != pending_.end() ? twice->second : store_.blob_path(expected);
  UniqueFd existing(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (existing) {
    current.file = std::move(existing);
  } else {
    current.temp = TRY(next_name());
    current.file = TRY(store_.fs_.create(current.temp, 0444));
    TRY(writer_.begin(current.file.get(), size, current.temp));
  }
  current_ = std::move(current);
  return {};
}

// 0444 whatever the umask is. Most are made with just that mode: asking costs less than changing.
Result<void> StoreBatch::set_mode(int fd, const std::string& path) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return os_fail("fstat", path);
  if ((st.st_mode & 07777) == 0444) return {};
  return store_.fs_.set_mode(fd, 0444, path);
}

Result<void> StoreBatch::append(std::string_view bytes) {
  if (!current_) return fail(Code::kInternal, "store: bytes without a blob");
  while (current_->temp.empty() && !bytes.empty()) {
    std::string buffer(std::min(kCopyBytes, bytes.size()), '\0');
    const std::size_t got = TRY(read_at(current_->file.get(), buffer, buffer.size(), current_->offset, store_.blob_path(current_->expected)));
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

Result<void> StoreBatch::to_writing() {
  const std::string temp = TRY(next_name());
  UniqueFd file = TRY(store_.fs_.create(temp, 0444));
  TRY(writer_.begin(file.get(), current_->size, temp));
  std::string buffer(kCopyBytes, '\0');
  for (std::uint64_t at = 0; at < current_->offset;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), current_->offset - at));
    const std::size_t got = TRY(read_at(current_->file.get(), buffer, want, at, temp));
    if (got == 0) return fail(Code::kStoreCorrupt, store_.blob_path(current_->expected) + " shrank while it was compared");
    TRY(writer_.append(std::string_view(buffer).substr(0, got)));
    at += got;
  }
  current_->file = std::move(file);
  current_->temp = temp;
  current_->repairing = true;
  return {};
}

Result<void> StoreBatch::end(const Digest& actual) {
  if (!current_) return fail(Code::kInternal, "store: the end of no blob");
  if (actual != current_->expected)
    return fail(Code::kStoreCorrupt, "bytes with digest " + actual.hex() + " were offered as " + current_->expected.hex());
  if (current_->temp.empty()) {
    struct stat st{};
    if (::fstat(current_->file.get(), &st) != 0) return os_fail("fstat", store_.blob_path(actual));
    if (static_cast<std::uint64_t>(st.st_size) != current_->offset) TRY(to_writing());  // longer than it may be
  }
  if (!current_->temp.empty()) {
    TRY(writer_.end());
    TRY(set_mode(current_->file.get(), current_->temp));
    pending_.insert_or_assign(actual, current_->temp);
    if (current_->size < kDirectBytes) early_.wrote(current_->size, folder_);
    ++(current_->repairing ? repaired_ : written_);
  }
  current_.reset();
  return {};
}

Result<Stored> StoreBatch::put(std::string_view bytes) {
  const Digest digest = Digest::of(bytes);
  TRY(begin(digest, bytes.size()));
  TRY(append(bytes));
  TRY(end(digest));
  return Stored{digest, bytes.size()};
}

Result<Stored> StoreBatch::put_file(const UniqueFd& source, std::string_view what) {
  // The digest is not known before the end, so the copy is written first and dropped if the store has it already.
  const std::string temp = TRY(next_name());
  UniqueFd file = TRY(store_.fs_.create(temp, 0444));
  Sha256 hasher;
  std::uint64_t size = 0;
  std::string buffer(kCopyBytes, '\0');
  for (;;) {
    const ssize_t n = ::read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", what);
    if (n == 0) break;
    const std::string_view bytes = std::string_view(buffer).substr(0, static_cast<std::size_t>(n));
    hasher.update(bytes);
    TRY(store_.fs_.write(file.get(), bytes, temp));
    size += bytes.size();
  }
  const Digest digest = hasher.finish();
  TRY(set_mode(file.get(), temp));
  const auto known = store_.open(digest);  // proves it, so that a damaged blob is replaced
  if (known || pending_.contains(digest)) {
    TRY(store_.fs_.unlink(temp));
  } else {
    if (known.error().code != Code::kNotFound && known.error().code != Code::kStoreCorrupt) return fail(known.error());
    pending_.insert_or_assign(digest, temp);
    ++(known.error().code == Code::kStoreCorrupt ? repaired_ : written_);
  }
  return Stored{digest, size};
}

Result<void> StoreBatch::publish(const Digest& digest, const std::string& temp) {
  const std::string path = store_.blob_path(digest);
  const std::string folder = path.substr(0, path.rfind('/'));
  if (folders_.insert(folder).second) TRY(store_.fs_.make_dir(folder, 0755));
  return store_.fs_.rename(temp, path);
}

Result<void> StoreBatch::commit() {
  if (current_) return fail(Code::kInternal, "store: commit inside a blob");
  if (folder_.empty()) return {};
  // Contents before names. One barrier for all files: a sync for each costs seven times as much for a large import.
  TRY(store_.fs_.sync_all(barrier_.get(), folder_));
  // COMMIT POINT: each rename publishes one whole blob. Before: temporary files, which sweep() removes. After: the
  // blob, which nothing refers to yet; test: "a fault at any write, sync or rename of an import leaves the site as it was"
  for (const auto& [digest, temp] : pending_) TRY(publish(digest, temp));
  TRY(store_.fs_.sync_all(barrier_.get(), folder_));  // else the names can be lost after someone refers to them
  pending_.clear();
  return {};
}

}  // namespace airlock::bundle
