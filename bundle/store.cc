#include "bundle/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"
#include "base/limits.h"
#include "bundle/image_store.h"
#include "bundle/store_batch.h"

namespace airlock::bundle {
namespace {

constexpr std::size_t kReadBytes = 256 * kKiB;
// A file system's clock ticks every few milliseconds; an inode changed in the tick in which it was hashed could change
// once more unseen. Only what has been still for this long is remembered.
constexpr std::int64_t kSettledNs = 1'000'000'000;

Result<void> check_folder(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return os_fail("lstat", path);
  if (!S_ISDIR(st.st_mode)) return fail(Code::kHomeUnusable, path + " is not a folder");
  if (st.st_uid != ::geteuid()) return fail(Code::kHomeUnusable, path + " belongs to another user");
  if ((st.st_mode & 0022) != 0) return fail(Code::kHomeUnusable, path + " can be written by others");
  return {};
}

Result<Digest> hash_from_start(const UniqueFd& fd, const std::string& path) {
  Sha256 hasher;
  std::string buffer(kReadBytes, '\0');
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(fd.get(), buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) return hasher.finish();
    hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    at += n;
  }
}

}  // namespace

Store::Store(StoreLayout layout, Fs& fs)
    : layout_(std::move(layout)), fs_(fs), images_(std::make_unique<ImageStore>(layout_.images, *this, fs)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(StoreLayout layout, Fs& fs) {
  std::unique_ptr<Store> store(new Store(std::move(layout), fs));
  const std::string& cas = store->layout_.cas;
  TRY(make_dirs(cas, 0755));
  TRY(make_dirs(store->layout_.trees, 0755));
  for (const std::string& folder : {cas + "/sha256", cas + "/tmp"}) TRY(fs.make_dir(folder, 0755));
  for (const std::string& folder : {cas, cas + "/sha256", cas + "/tmp", store->layout_.trees}) TRY(check_folder(folder));
  // Made with the first image, so that a site without any needs none.
  if (const std::string& images = store->layout_.images; path_exists(images)) TRY(check_folder(images));
  return store;
}

std::string Store::blob_path(const Digest& digest) const {
  const std::string hex = digest.hex();
  return layout_.cas + "/sha256/" + hex.substr(0, 2) + "/" + hex.substr(2);
}

bool Store::has(const Digest& digest) const { return path_exists(blob_path(digest)); }

Result<void> Store::prove(const UniqueFd& fd, const Digest& digest, const std::string& path) const {
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return os_fail("fstat", path);
  const auto changed = [](const timespec& t) { return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec; };
  const Seen seen{st.st_dev, st.st_ino, static_cast<std::uint64_t>(st.st_size), changed(st.st_ctim)};
  {
    const std::lock_guard lock(mutex_);
    const auto it = proven_.find(seen);
    if (it != proven_.end() && it->second == digest) return {};
  }
  const Digest actual = TRY(hash_from_start(fd, path));
  if (actual != digest) return fail(Code::kStoreCorrupt, path + " hashes to " + actual.hex());
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock that stamps inodes; not a decision of ours
  if (changed(now) - seen.changed_ns < kSettledNs) return {};
  const std::lock_guard lock(mutex_);
  proven_.insert_or_assign(seen, digest);
  return {};
}

Result<UniqueFd> Store::open(const Digest& digest) const {
  const std::string path = blob_path(digest);
  UniqueFd fd = TRY(open_read(path));
  TRY(prove(fd, digest, path));
  return fd;
}

Result<std::string> Store::read(const Digest& digest, std::uint64_t limit) const {
  // Read once, then hash what was read: what is handed out is what was proven.
  const std::string path = blob_path(digest);
  std::string bytes = TRY(read_file(path, limit));
  const Digest actual = Digest::of(bytes);
  if (actual != digest) return fail(Code::kStoreCorrupt, path + " hashes to " + actual.hex());
  return bytes;
}

Result<Stored> Store::put(std::string_view bytes) {
  StoreBatch batch(*this);
  const Stored stored = TRY(batch.put(bytes));
  TRY(batch.commit());
  return stored;
}

Result<Stored> Store::put_file(const UniqueFd& source, std::string_view what) {
  StoreBatch batch(*this);
  const Stored stored = TRY(batch.put_file(source, what));
  TRY(batch.commit());
  return stored;
}

Result<StoreLock> Store::lock(Wait wait) const {
  return StoreLock(TRY(lock_file(layout_.cas + "/lock", wait)));
}

Result<void> Store::remove(const Digest& digest) { return fs_.unlink(blob_path(digest)); }

Result<void> remove_work_folder(const std::string& path) {
  std::vector<std::string> inside;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(path, ec))
    if (entry.path().filename() != "lock") inside.push_back(entry.path().string());
  if (ec) return fail(os_error("list", path, ec.value()));
  for (const std::string& entry : inside) TRY(remove_tree(entry));
  return remove_tree(path);
}

Result<SweepReport> Store::sweep() {
  SweepReport report;
  std::error_code ec;
  std::vector<std::string> parents = {layout_.cas + "/tmp", layout_.trees};
  if (path_exists(layout_.images)) parents.push_back(layout_.images);
  for (const std::string& parent : parents) {
    const bool named = parent != parents.front();  // what is finished stands there under its name
    for (const auto& entry : std::filesystem::directory_iterator(parent, ec)) {
      const std::string path = entry.path().string();
      // Names being built start with a dot in trees/ and images/; a living writer holds the lock inside its folder.
      if (named && entry.path().filename().string().front() != '.') continue;
      UniqueFd lock(::open((path + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
      // An image that was put aside may still be the root of a step, which holds this one.
      if (!lock && parent == layout_.images) lock = UniqueFd(::open((path + "/listing").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
      if (!lock) {
        // Its owner may be between mkdir and lock. The writer of a batch then takes another folder; one that builds a tree or
        // an image does not, so that such a folder is an orphan only when it has stood for a while.
        if (!named && ::rmdir(path.c_str()) == 0) {
          ++report.folders;
          continue;
        }
        struct stat st{};
        if (::lstat(path.c_str(), &st) != 0 || std::time(nullptr) - st.st_ctime < 60) continue;
      }
      for (const auto& file : std::filesystem::recursive_directory_iterator(entry.path(), ec)) {
        std::error_code ignored;
        // An image holds links, to folders of the host among others.
        if (!file.is_symlink(ignored) && file.is_directory(ignored)) ::chmod(file.path().c_str(), 0700);  // tree folders may be read-only
        else ++report.files;
      }
      TRY(remove_work_folder(path));
      ++report.folders;
    }
    if (ec) return fail(os_error("list", parent, ec.value()));
  }
  return report;
}

}  // namespace airlock::bundle
