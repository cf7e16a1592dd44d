#include "base/io.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace airlock {
namespace {

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Error os_error(std::string_view call, std::string_view path, int error_number) {
  Code code = Code::kIo;
  if (error_number == ENOSPC || error_number == EDQUOT) code = Code::kDiskFull;
  else if (error_number == EACCES || error_number == EPERM) code = Code::kPermission;
  else if (error_number == ENOENT) code = Code::kNotFound;
  else if (error_number == EROFS) code = Code::kStateReadOnly;
  return Error{code, std::string(call) + " " + std::string(path) + ": " + std::strerror(error_number)};
}

std::unexpected<Error> os_fail(std::string_view call, std::string_view path) {
  return fail(os_error(call, path, errno));
}

Result<UniqueFd> open_read(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));  // O_NONBLOCK: a FIFO must not hang us
  if (!fd) return os_fail("open", path);
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return os_fail("fstat", path);
  if (!S_ISREG(st.st_mode)) return fail(Code::kIo, "open " + path + ": not a regular file");
  return fd;
}

Result<UniqueFd> open_dir(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return os_fail("open", path);
  return fd;
}

Result<void> make_dirs(const std::string& path, unsigned mode) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return os_fail("mkdir", part);
  }
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return os_fail("stat", path);
  if (!S_ISDIR(st.st_mode)) return fail(Code::kIo, "mkdir " + path + ": exists and is not a folder");
  return {};
}

bool path_exists(const std::string& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0;
}

Result<std::string> read_fd(int fd, std::uint64_t limit, std::string_view what) {
  std::string out;
  for (;;) {
    const std::size_t had = out.size();
    out.resize(had + std::max<std::size_t>(64 * 1024, had / 2));
    const ssize_t n = ::read(fd, out.data() + had, out.size() - had);
    if (n < 0 && errno == EINTR) {
      out.resize(had);
      continue;
    }
    if (n < 0) return os_fail("read", what);
    out.resize(had + static_cast<std::size_t>(n));
    if (out.size() > limit) return fail(Code::kTooLarge, std::string(what) + " is over " + std::to_string(limit) + " bytes");
    if (n == 0) return out;
  }
}

Result<std::string> read_file(const std::string& path, std::uint64_t limit) {
  const UniqueFd fd = TRY(open_read(path));
  return read_fd(fd.get(), limit, path);
}

Result<void> write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("write", what);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

namespace {

// Writes a temporary file beside `path`, syncs it, gives it its name by `publish` and syncs the folder.
Result<void> write_and_publish(const std::string& path, std::string_view bytes, unsigned mode,
                               Result<void> (*publish)(const std::string& temp, const std::string& path)) {
  const std::string folder = folder_of(path);
  std::string temp = folder + "/.airlock-XXXXXX";
  const UniqueFd file(::mkostemp(temp.data(), O_CLOEXEC));
  if (!file) return os_fail("create", temp);
  const auto written = [&]() -> Result<void> {
    TRY(write_all(file.get(), bytes, path));
    if (::fchmod(file.get(), mode) != 0) return os_fail("fchmod", temp);
    if (::fsync(file.get()) != 0) return os_fail("fsync", temp);  // contents before name
    return publish(temp, path);
  }();
  if (!written) {
    ::unlink(temp.c_str());
    return written;
  }
  return sync_dir(folder);  // else the new name itself can be lost
}

}  // namespace

Result<void> write_file_durably(const std::string& path, std::string_view bytes, unsigned mode) {
  return write_and_publish(path, bytes, mode, [](const std::string& temp, const std::string& to) -> Result<void> {
    if (::rename(temp.c_str(), to.c_str()) != 0) return os_fail("rename", to);
    return {};
  });
}

Result<void> create_file_durably(const std::string& path, std::string_view bytes, unsigned mode) {
  return write_and_publish(path, bytes, mode, [](const std::string& temp, const std::string& to) -> Result<void> {
    if (::link(temp.c_str(), to.c_str()) != 0)
      return errno == EEXIST ? fail(Code::kAlreadyExists, to) : os_fail("link", to);
    ::unlink(temp.c_str());  // ignoring: a second name for the same file does no harm
    return {};
  });
}

Result<void> sync_dir(const std::string& path) {
  const UniqueFd dir = TRY(open_dir(path));
  if (::fsync(dir.get()) != 0) return os_fail("fsync", path);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code ec;
  std::filesystem::remove_all(path, ec);  // does not follow symbolic links
  if (ec) return fail(os_error("remove", path, ec.value()));
  return {};
}

}  // namespace airlock
