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

}  // namespace

StoreBatch::~StoreBatch() {
  early_.wait();
  if (folder_.empty()) return;
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
  const std::scoped_lock lock(mutex_);
  TRY(open_folder());
  return folder_ + "/" + std::to_string(counter_++);
}

std::string StoreBatch::place_of(const Digest& digest) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto twice = pending_.find(digest); twice != pending_.end()) return twice->second;  // one content under two paths
  }
  return store_.blob_path(digest);
}

void StoreBatch::add(const Digest& digest, const std::string& temp, std::uint64_t cached, bool repaired) {
  const std::scoped_lock lock(mutex_);
  pending_.insert_or_assign(digest, temp);
  early_.wrote(cached, folder_);
  ++(repaired ? repaired_ : written_);
}

// 0444 whatever the umask is. Most are made with just that mode: asking costs less than changing.
Result<void> StoreBatch::set_mode(int fd, const std::string& path) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return os_fail("fstat", path);
  if ((st.st_mode & 07777) == 0444) return {};
  return store_.fs_.set_mode(fd, 0444, path);
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
  if (known || place_of(digest) != store_.blob_path(digest)) {
    TRY(store_.fs_.unlink(temp));
  } else {
    if (known.error().code != Code::kNotFound && known.error().code != Code::kStoreCorrupt) return fail(known.error());
    add(digest, temp, size, known.error().code == Code::kStoreCorrupt);
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
  if (own_.inside()) return fail(Code::kInternal, "store: commit inside a blob");
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
