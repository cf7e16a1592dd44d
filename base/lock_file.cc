#include "base/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/io.h"

namespace airlock {

Result<UniqueFd> lock_file(const std::string& path, Wait wait) {
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return os_fail("open", path);
  TRY(lock_descriptor(lock, Sharing::kAlone, wait, path));
  return lock;
}

Result<void> lock_descriptor(const UniqueFd& file, Sharing sharing, Wait wait, const std::string& path) {
  const int how = (sharing == Sharing::kShared ? LOCK_SH : LOCK_EX) | (wait == Wait::kYes ? 0 : LOCK_NB);
  while (::flock(file.get(), how) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return fail(Code::kBusy, path);
    return os_fail("flock", path);
  }
  return {};
}

}  // namespace airlock
