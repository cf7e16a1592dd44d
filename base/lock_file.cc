#include "base/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/io.h"

namespace airlock {

Result<UniqueFd> lock_file(const std::string& path, Wait wait) {
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return os_fail("open", path);
  while (::flock(lock.get(), wait == Wait::kYes ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return fail(Code::kBusy, path);
    return os_fail("flock", path);
  }
  return lock;
}

}  // namespace airlock
