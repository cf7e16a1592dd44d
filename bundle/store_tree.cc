#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/path.h"
#include "bundle/store.h"

namespace airlock::bundle {
namespace {

// A reflink where the file system can share blocks, else a copy. `from` has been proven.
Result<void> copy_file(Fs& fs, const UniqueFd& from, const UniqueFd& to, const std::string& path) {
  if (::ioctl(to.get(), FICLONE, from.get()) == 0) return {};
  std::string buffer(256 * kKiB, '\0');
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(from.get(), buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) return {};
    TRY(fs.write(to.get(), std::string_view(buffer).substr(0, static_cast<std::size_t>(n)), path));
    at += n;
  }
}

Result<void> make_folders(Fs& fs, const std::string& root, const std::string& path, std::set<std::string>& made) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
    if (made.insert(path.substr(0, at)).second) TRY(fs.make_dir(root + "/" + path.substr(0, at), 0755));
  return {};
}

}  // namespace

Result<void> Store::prove_tree(const Tree& tree, const std::string& folder) const {
  std::set<std::string> expected;
  for (const TreeEntry& entry : tree) {
    const std::string path = folder + "/" + entry.path;
    const auto fd = open_read(path);
    if (!fd) return fail(Code::kStoreCorrupt, fd.error().context);
    struct stat st{};
    if (::fstat(fd->get(), &st) != 0) return os_fail("fstat", path);
    if ((st.st_mode & 07777) != (entry.executable ? 0555U : 0444U)) return fail(Code::kStoreCorrupt, path + " has another mode");
    TRY(prove(*fd, entry.sha256, path));
    expected.insert(entry.path);
  }
  std::error_code ec;
  for (const auto& found : std::filesystem::recursive_directory_iterator(folder, ec)) {
    if (found.is_directory() && !found.is_symlink()) continue;
    if (!expected.contains(found.path().lexically_relative(folder).string()))
      return fail(Code::kStoreCorrupt, found.path().string() + " does not belong there");
  }
  if (ec) return fail(os_error("list", folder, ec.value()));
  return {};
}

Result<void> Store::build_tree(const Tree& tree, const std::string& folder) {
  std::set<std::string> made;
  for (const TreeEntry& entry : tree) {
    TRY(safe_path(entry.path));
    TRY(make_folders(fs_, folder, entry.path, made));
    const UniqueFd blob = TRY(open(entry.sha256));
    const std::string path = folder + "/" + entry.path;
    if (!entry.executable) {
      const auto linked = fs_.link(blob_path(entry.sha256), path);
      if (linked) continue;
      // Too many links to one inode, or a file system without them: a copy does as well.
      if (linked.error().code != Code::kIo && linked.error().code != Code::kPermission) return linked;
    }
    const UniqueFd file = TRY(fs_.create(path, 0600));
    TRY(copy_file(fs_, blob, file, path));
    TRY(fs_.set_mode(file.get(), entry.executable ? 0555 : 0444, path));
  }
  return {};
}

Result<std::string> Store::materialize(const Tree& tree) {
  const std::string name = tree_digest(tree).hex(), path = layout_.trees + "/" + name;
  if (path_exists(path)) {
    const auto proven = prove_tree(tree, path);
    if (proven) return path;
    if (proven.error().code != Code::kStoreCorrupt) return fail(proven.error());
    // Damaged: built anew from the blobs, which are proven in turn. Moved aside first, so that no reader that starts
    // now can see it.
    TRY(fs_.rename(path, layout_.trees + "/.damaged-" + name + "-" + to_hex(SystemEntropy().bytes(6))));
  }
  const std::string temp = layout_.trees + "/.building-" + to_hex(SystemEntropy().bytes(12));
  TRY(fs_.make_dir(temp, 0700));
  const UniqueFd lock = TRY(fs_.create(temp + "/lock", 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return os_fail("flock", temp);
  const std::string folder = temp + "/tree";
  auto built = fs_.make_dir(folder, 0755);
  if (built) built = build_tree(tree, folder);
  // COMMIT POINT: before, a folder that sweep() removes; after, the whole tree under its name. It is not synced: what
  // a power cut takes is found missing or damaged by prove_tree, and built again; test: "a damaged tree is built again"
  if (built) built = fs_.rename(folder, path);
  (void)remove_work_folder(temp);  // ignoring: sweep() takes what is left
  if (!built && !path_exists(path)) return fail(built.error());  // else another process was faster with the same tree
  if (!built) TRY(prove_tree(tree, path));
  return path;
}

}  // namespace airlock::bundle
