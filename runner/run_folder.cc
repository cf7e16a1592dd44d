#include "runner/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/io.h"

namespace airlock::runner {

Result<RunFolder> RunFolder::acquire(const std::string& runs, const RunId& run) {
  std::string path = runs + "/" + run.str();
  TRY(make_dirs(path, 0700));
  const std::string file = path + "/lock";
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return os_fail("open", file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return RunFolder(std::move(path), std::move(lock));
  if (errno != EWOULDBLOCK) return os_fail("flock", file);
  return fail(Code::kBusy, "run " + run.str() + " is being executed by another process");
}

std::string RunFolder::log_stem(const StepId& step, std::uint32_t attempt) const {
  return path_ + "/" + step.str() + "." + std::to_string(attempt);
}

void RunFolder::abandon() const { (void)remove_tree(path_); }  // ignoring: an empty folder means nothing

}  // namespace airlock::runner
