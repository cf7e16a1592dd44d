// sandbox/cgroup_files: reading and writing the small files of a control group.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::sandbox {

Result<void> write_control(const std::string& dir, std::string_view file, std::string_view value);
std::optional<std::string> read_control(const std::string& dir, std::string_view file);
std::optional<std::uint64_t> read_number(const std::string& dir, std::string_view file);  // nothing when absent or "max"
// The number behind `key` in a file of "key number" lines; 0 when absent.
std::uint64_t read_keyed(const std::string& dir, std::string_view file, std::string_view key);

// A file of a group that is kept open: reading it again costs a third of opening it again.
class ControlFile {
 public:
  ControlFile() = default;
  static ControlFile open(const std::string& dir, std::string_view file, int flags);  // absent: reads nothing, writes nowhere
  std::optional<std::uint64_t> number() const;
  std::uint64_t keyed(std::string_view key) const;  // as read_keyed()
  bool write(std::string_view value) const;

 private:
  std::string_view read(std::array<char, 512>& buffer) const;
  UniqueFd fd_;
};

// A group of processes that have just died goes within microseconds to milliseconds; waits up to two seconds.
Result<void> remove_group(const std::string& dir);
// Removes groups below `dir` named by slot_group_name() whose process no longer exists.
void sweep_groups(const std::string& dir);
// SIGKILL to everything listed in `dir`'s cgroup.procs but this process. True when there was something.
bool kill_strays(const std::string& dir);

}  // namespace airlock::sandbox
