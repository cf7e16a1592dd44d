#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/io.h"

namespace airlock {
namespace {

class SystemFs final : public Fs {
 public:
  Result<UniqueFd> create(const std::string& path, unsigned mode) override {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return os_fail("create", path);
    return fd;
  }
  Result<void> write(int fd, std::string_view bytes, const std::string& path) override {
    return write_all(fd, bytes, path);
  }
  Result<void> set_mode(int fd, unsigned mode, const std::string& path) override {
    if (::fchmod(fd, mode) != 0) return os_fail("fchmod", path);
    return {};
  }
  Result<void> sync(int fd, const std::string& path) override {
    if (::fsync(fd) != 0) return os_fail("fsync", path);
    return {};
  }
  Result<void> sync_all(int fd, const std::string& path) override {
    if (::syncfs(fd) != 0) return os_fail("syncfs", path);
    return {};
  }
  Result<void> make_dir(const std::string& path, unsigned mode) override {
    if (::mkdir(path.c_str(), mode) != 0) {
      if (errno == EEXIST) return {};
      return os_fail("mkdir", path);
    }
    if (::chmod(path.c_str(), mode) != 0) return os_fail("chmod", path);  // whatever the umask is
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return os_fail("rename", to);
    return {};
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return os_fail("link", to);
    return {};
  }
  Result<void> unlink(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return os_fail("unlink", path);
    return {};
  }
};

}  // namespace

Fs& system_fs() {
  static SystemFs fs;  // has no state
  return fs;
}

}  // namespace airlock
