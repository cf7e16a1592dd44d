#include "sandbox/held_task.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>

#include "sandbox/cgroup_files.h"

namespace airlock::sandbox {
namespace {

constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD of Linux 6.9

// The number behind `field` in the text of a file of /proc.
std::optional<unsigned long> field_of(const std::string& text, const std::string& field, int base) {
  const std::size_t at = text.find("\n" + field + ":\t");
  if (at == std::string::npos) return std::nullopt;
  unsigned long value = 0;
  const char* const begin = text.data() + at + field.size() + 3;
  if (std::from_chars(begin, text.data() + text.size(), value, base).ec != std::errc()) return std::nullopt;
  return value;
}

UniqueFd open_task(int tid) {
  UniqueFd thread(static_cast<int>(::syscall(SYS_pidfd_open, tid, kPidfdThread)));
  if (thread || errno != EINVAL) return thread;
  // Before 6.9 only a whole process can be held; its threads share their descriptors, or the step has but itself to blame.
  const auto status = read_control("/proc/" + std::to_string(tid), "status");
  const auto process = status ? field_of(*status, "Tgid", 10) : std::nullopt;
  return UniqueFd(process ? static_cast<int>(::syscall(SYS_pidfd_open, static_cast<int>(*process), 0)) : -1);
}

}  // namespace

bool HeldTask::read(std::uint64_t address, void* to, std::size_t size) const {
  const iovec local{to, size};
  const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT: an address of another process
  return ::process_vm_readv(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::expected<UniqueFd, int> HeldTask::descriptor(int fd) const {
  const UniqueFd task = open_task(tid_);
  if (!task) return std::unexpected(errno);
  UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, task.get(), fd, 0)));
  if (!copy) return std::unexpected(errno);
  return copy;
}

bool HeldTask::closes_on_exec(int fd) const {
  const auto info = read_control("/proc/" + std::to_string(tid_) + "/fdinfo", std::to_string(fd));
  const auto flags = info ? field_of("\n" + *info, "flags", 8) : std::nullopt;
  return flags && (*flags & O_CLOEXEC) != 0;
}

}  // namespace airlock::sandbox
