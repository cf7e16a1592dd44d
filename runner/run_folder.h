// runner/run_folder: <runs>/<runId>/, where the logs of a run lie, and the lock of the process that executes it.
//
// The lock is the kernel's (flock): it ends with the process that holds it, however that dies. It says who may execute
// a run on this machine; the job's lease says so to everybody who reads the ledger.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::runner {

class RunFolder {
 public:
  // Makes the folder if it is missing. kBusy when another process executes the run.
  static Result<RunFolder> acquire(const std::string& runs, const RunId& run);

  const std::string& path() const { return path_; }
  std::string log_stem(const StepId& step, std::uint32_t attempt) const;
  // Removes the folder of a run that did not come into being.
  void abandon() const;

 private:
  RunFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace airlock::runner
