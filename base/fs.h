// base/fs: the few calls by which a module changes what is on disk, as a port, so that a test can make the k-th of
// them fail or let the power go between two of them. Reading needs no port.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock {

// Errors are those of os_error() and name the path. Flags: close-on-exec always, symbolic links never followed in
// the last component.
class Fs {
 public:
  virtual ~Fs() = default;
  virtual Result<UniqueFd> create(const std::string& path, unsigned mode) = 0;   // for writing; must not exist
  virtual Result<void> write(int fd, std::string_view bytes, const std::string& path) = 0;  // all of them, appending
  virtual Result<void> set_mode(int fd, unsigned mode, const std::string& path) = 0;
  virtual Result<void> sync(int fd, const std::string& path) = 0;        // fsync: contents of one file, or of a folder
  virtual Result<void> sync_all(int fd, const std::string& path) = 0;    // syncfs: everything on that file system
  virtual Result<void> make_dir(const std::string& path, unsigned mode) = 0;  // exists already: fine
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  virtual Result<void> unlink(const std::string& path) = 0;
};

Fs& system_fs();

}  // namespace airlock
