// Version 2: one tree. Each step gets a new group below the slot's, and is born in it (CLONE_INTO_CGROUP).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "sandbox/cgroup.h"
#include "sandbox/cgroup_files.h"

namespace airlock::sandbox {
namespace {

class V2Group final : public SlotGroup {
 public:
  explicit V2Group(std::string base) : dir_(std::move(base)) {}
  ~V2Group() override {
    if (fd_) (void)remove_group(dir_);  // ignoring: the next runner sweeps what is left
  }

  Result<void> adopt_current_thread() override { return {}; }

  Result<void> begin(const GroupLimits& limits) override {
    // A group of its own for each step: counters start at zero, and nothing an earlier step left is charged to it.
    fd_.reset();
    TRY(remove_group(dir_));
    if (::mkdir(dir_.c_str(), 0755) != 0) return os_fail("mkdir", dir_);
    fd_ = UniqueFd(::open(dir_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd_) return os_fail("open", dir_);
    TRY(write_control(dir_, "memory.max", std::to_string(limits.memory)));
    if (::access((dir_ + "/memory.swap.max").c_str(), F_OK) == 0) TRY(write_control(dir_, "memory.swap.max", "0"));
    TRY(write_control(dir_, "memory.oom.group", "1"));
    TRY(write_control(dir_, "pids.max", std::to_string(limits.pids)));
    return write_control(dir_, "cpu.max", std::to_string(std::max<std::uint64_t>(1000, limits.cpu_millis * 100)) + " 100000");
  }

  const UniqueFd& clone_into() const override { return fd_; }
  const UniqueFd& oom_event() const override { return none_; }
  std::uint64_t oom_kills() const override { return read_keyed(dir_, "memory.events", "oom_kill"); }

  Result<GroupUsage> end() override {
    // Every process of the pid namespace is dead by now. Should the kernel ever let one out, it does not live on.
    if (!write_control(dir_, "cgroup.kill", "1"))  // before Linux 5.14: one by one
      while (kill_strays(dir_)) {
      }
    GroupUsage usage;
    usage.memory_peak = read_number(dir_, "memory.peak");
    usage.cpu_micros = read_keyed(dir_, "cpu.stat", "usage_usec");
    usage.pids_peak = read_number(dir_, "pids.peak");
    usage.oom_kills = oom_kills();
    usage.pids_limit_hits = read_keyed(dir_, "pids.events", "max");
    usage.cpu_throttled_micros = read_keyed(dir_, "cpu.stat", "throttled_usec");
    return usage;
  }

 private:
  std::string dir_;
  UniqueFd fd_, none_;
};

class NoGroup final : public SlotGroup {
 public:
  Result<void> adopt_current_thread() override { return {}; }
  Result<void> begin(const GroupLimits&) override { return {}; }
  const UniqueFd& clone_into() const override { return none_; }
  const UniqueFd& oom_event() const override { return none_; }
  std::uint64_t oom_kills() const override { return 0; }
  Result<GroupUsage> end() override { return GroupUsage{}; }

 private:
  UniqueFd none_;
};

}  // namespace

Result<std::unique_ptr<SlotGroup>> make_v2_group(const CgroupHost& host, const std::string& name) {
  sweep_groups(host.v2_base);
  return std::make_unique<V2Group>(host.v2_base + "/" + name);
}

std::unique_ptr<SlotGroup> make_no_group() { return std::make_unique<NoGroup>(); }

}  // namespace airlock::sandbox
