#include "sandbox/harvest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "base/io.h"
#include "base/path.h"
#include "sandbox/sys.h"

namespace airlock::sandbox {
namespace {

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Code::kStepOutputRefused, "\"" + printable(path) + "\": " + why);
}

UniqueFd open_beneath(const UniqueFd& dir, const std::string& name, std::uint64_t flags) {
  sys::OpenHow how;
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = sys::kResolveBeneath | sys::kResolveNoSymlinks | sys::kResolveNoMagiclinks | sys::kResolveNoXdev;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, dir.get(), name.c_str(), &how, sizeof how)));
}

std::string_view kind_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK: return "a symbolic link";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    case S_IFCHR: case S_IFBLK: return "a device";
    default: return "of an unknown kind";
  }
}

// Before anything is opened for reading: opening a FIFO or a device is already an act.
Result<void> check_kind(const std::string& path, const struct stat& st) {
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return refuse(path, "it is " + std::string(kind_name(st.st_mode)));
  if ((st.st_mode & (S_ISUID | S_ISGID | S_ISVTX)) != 0) return refuse(path, "it has a set-id or sticky bit");
  if (S_ISREG(st.st_mode) && st.st_nlink != 1) return refuse(path, "it has " + std::to_string(st.st_nlink) + " hard links");
  // Said alike to a runner that is root and could read it, and to one that is not and could not.
  const mode_t needed = S_ISDIR(st.st_mode) ? S_IRUSR | S_IXUSR : S_IRUSR;
  if ((st.st_mode & needed) != needed) return refuse(path, "its owner may not read it");
  return {};
}

Result<void> check_attributes(const std::string& path, const UniqueFd& fd) {
  char names[65536];
  const ssize_t n = ::flistxattr(fd.get(), names, sizeof names);
  if (n < 0) return errno == EOPNOTSUPP ? Result<void>{} : refuse(path, "its extended attributes cannot be listed");
  for (const char* name = names; name < names + n; name += std::strlen(name) + 1)
    if (std::strcmp(name, "security.selinux") != 0) return refuse(path, "it has the extended attribute " + printable(name));
  return {};
}

struct Entry {
  std::string name;
  bool is_dir;
  // A folder sorts as its content does, with the separator: "a.txt" < "a/b".
  std::string key() const { return is_dir ? name + "/" : name; }
};

class Harvester {
 public:
  Harvester(const HarvestLimits& limits, const HarvestSink& sink) : limits_(limits), sink_(sink) {}

  Result<void> folder(UniqueFd dir, const std::string& prefix) {
    for (const Entry& entry : TRY(list(std::move(dir), prefix))) TRY(one(entry, prefix));
    return {};
  }
  Result<HarvestTotals> run(const UniqueFd& out) {
    struct stat st{};
    if (::fstat(out.get(), &st) != 0) return os_fail("fstat", "/out");
    if ((st.st_mode & (S_IRUSR | S_IXUSR)) != (S_IRUSR | S_IXUSR)) return refuse("/out", "its owner may not read it");
    UniqueFd own = open_beneath(out, ".", O_RDONLY | O_DIRECTORY);
    if (!own) return os_fail("openat2", "/out");
    dirs_.push_back(UniqueFd(::fcntl(own.get(), F_DUPFD_CLOEXEC, 0)));
    if (!dirs_.back()) return os_fail("fcntl", "/out");
    TRY(folder(std::move(own), ""));
    return totals_;
  }

 private:
  // Names and kinds only; nothing is held open for them. The listing is bounded by the limit on files.
  Result<std::vector<Entry>> list(UniqueFd dir, const std::string& prefix) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(dir.get()), &::closedir);
    if (!stream) return os_fail("fdopendir", prefix);
    dir.release();
    std::vector<Entry> entries;
    std::set<std::string> collisions;
    for (;;) {
      errno = 0;
      const dirent* found = ::readdir(stream.get());
      if (found == nullptr && errno != 0) return os_fail("readdir", prefix);
      if (found == nullptr) break;
      std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      if (++seen_ > limits_.files) return fail(Code::kStepOutputRefused, "more than " + std::to_string(limits_.files) + " files and folders");
      const std::string path = prefix + name;
      if (const auto safe = safe_path(path, limits_.paths); !safe) return refuse(path, "the name is not safe: " + printable(safe.error().context));
      if (!collisions.insert(collision_key(name)).second) return refuse(path, "another name is the same without regard to case");
      struct stat st{};
      if (::fstatat(dirs_.back().get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return os_fail("fstatat", path);
      TRY(check_kind(path, st));
      entries.push_back({std::move(name), S_ISDIR(st.st_mode)});
    }
    std::ranges::sort(entries, {}, &Entry::key);
    return entries;
  }

  Result<void> one(const Entry& entry, const std::string& prefix) {
    const std::string path = prefix + entry.name;
    UniqueFd fd = open_beneath(dirs_.back(), entry.name, O_RDONLY | O_NONBLOCK | (entry.is_dir ? O_DIRECTORY : 0));
    if (!fd) return refuse(path, "it cannot be opened: " + os_error("openat2", path, errno).context);
    TRY(check_attributes(path, fd));
    if (!entry.is_dir) return file(std::move(fd), path);
    UniqueFd listing(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!listing) return os_fail("fcntl", path);
    dirs_.push_back(std::move(fd));
    auto done = folder(std::move(listing), path + "/");
    dirs_.pop_back();
    return done;
  }

  Result<void> file(UniqueFd fd, const std::string& path) {
    struct stat st{};
    if (::fstat(fd.get(), &st) != 0) return os_fail("fstat", path);
    const auto size = static_cast<std::uint64_t>(st.st_size);
    if (size > limits_.file_bytes) return refuse(path, "it is larger than " + std::to_string(limits_.file_bytes) + " bytes");
    totals_.files += 1;
    totals_.bytes += size;
    if (totals_.bytes > limits_.total_bytes) return refuse(path, "with it the outputs exceed " + std::to_string(limits_.total_bytes) + " bytes");
    return sink_({path, size, (st.st_mode & S_IXUSR) != 0, std::move(fd)});
  }

  const HarvestLimits& limits_;
  const HarvestSink& sink_;
  std::vector<UniqueFd> dirs_;  // from /out down to where we are; depth is bounded by safe_path()
  std::uint64_t seen_ = 0;
  HarvestTotals totals_;
};

}  // namespace

Result<HarvestTotals> harvest(const UniqueFd& out, const HarvestLimits& limits, const HarvestSink& sink) {
  return Harvester(limits, sink).run(out);
}

}  // namespace airlock::sandbox
