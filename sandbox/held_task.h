// sandbox/held_task: a thread of a step that is held in a system call, as its supervisor sees it. All of it is read for
// as long as the thread is held: who uses what was read asks afterwards whether it still was (seccomp_unotify(2)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "base/unique_fd.h"

namespace airlock::sandbox {

class HeldTask {
 public:
  explicit HeldTask(int tid) : tid_(tid) {}

  bool read(std::uint64_t address, void* to, std::size_t size) const;  // all of it, or false: no such memory
  std::expected<UniqueFd, int> descriptor(int fd) const;               // a second one of the same open file; else errno
  bool closes_on_exec(int fd) const;

 private:
  int tid_;
};

}  // namespace airlock::sandbox
