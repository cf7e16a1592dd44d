// Version 1: a tree for each controller. The slot's thread sits in one group a tree and starts the steps from there.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "sandbox/cgroup.h"
#include "sandbox/cgroup_files.h"

namespace airlock::sandbox {
namespace {

constexpr std::uint64_t kCpuPeriodMicros = 100'000;
constexpr std::uint64_t kLeftover = 4 * kMiB;

class V1Group final : public SlotGroup {
 public:
  ~V1Group() override {
    for (const std::string& dir : dirs_) (void)remove_group(dir);  // ignoring: the next runner sweeps what is left
  }

  Result<void> create(const CgroupLayout& layout, const std::string& name) {
    for (const char* controller : {"memory", "pids", "cpu", "cpuacct"}) {
      const auto found = layout.v1.find(controller);
      if (found == layout.v1.end()) continue;  // cpuacct only: the others were seen by prepare_cgroups()
      sweep_groups(found->second.own);
      const std::string dir = found->second.own + "/" + name;
      if (::mkdir(dir.c_str(), 0755) == 0) dirs_.push_back(dir);
      else if (errno != EEXIST || dirs_.empty()) return os_fail("mkdir", dir);  // cpu and cpuacct often share a tree
      place(controller) = dir;
    }
    files_ = {ControlFile::open(memory_, "memory.usage_in_bytes", O_RDONLY), ControlFile::open(memory_, "memory.max_usage_in_bytes", O_RDWR),
              ControlFile::open(memory_, "memory.oom_control", O_RDONLY), ControlFile::open(pids_, "pids.events", O_RDONLY),
              ControlFile::open(pids_, "pids.current", O_RDONLY), ControlFile::open(cpu_, "cpu.stat", O_RDONLY),
              cpuacct_.empty() ? ControlFile() : ControlFile::open(cpuacct_, "cpuacct.usage", O_RDONLY)};
    return watch_memory();
  }

  Result<void> adopt_current_thread() override {
    const std::string tid = std::to_string(::syscall(SYS_gettid));
    for (const std::string& dir : dirs_) TRY(write_control(dir, "tasks", tid));
    return {};
  }

  Result<void> begin(const GroupLimits& limits) override {
    // Cache that an earlier step left would count against this one. Emptying a group takes a millisecond, however little
    // is in it, so a little stays.
    if (files_.usage.number().value_or(0) > kLeftover)
      (void)write_control(memory_, "memory.force_empty", "0");       // ignoring: it is reclaimed under pressure anyway
    if (limits_ != limits) TRY(set(limits));
    (void)files_.max_usage.write("0");                               // ignoring: then the peak is an upper bound
    std::uint64_t drained = 0;
    (void)!::read(oom_.get(), &drained, sizeof drained);             // ignoring: empty is what it should be
    before_ = counters();
    return {};
  }

  const UniqueFd& clone_into() const override { return none_; }
  const UniqueFd& oom_event() const override { return oom_; }
  std::uint64_t oom_kills() const override { return files_.oom.keyed("oom_kill") - before_.oom_kills; }

  Result<GroupUsage> end() override {
    // Every process of the pid namespace is dead by now. Should the kernel ever let one out, it does not live on.
    // Looking into the list costs more than the number; it is one, for the slot's thread.
    if (files_.processes.number() != 1)
      while (kill_strays(pids_)) {
      }
    const Counters now = counters();
    GroupUsage usage;
    usage.memory_peak = files_.max_usage.number();
    if (!cpuacct_.empty()) usage.cpu_micros = (now.cpu_nanos - before_.cpu_nanos) / 1000;
    usage.oom_kills = now.oom_kills - before_.oom_kills;
    usage.pids_limit_hits = now.pids_hits - before_.pids_hits;
    usage.cpu_throttled_micros = (now.throttled_nanos - before_.throttled_nanos) / 1000;
    return usage;
  }

 private:
  struct Counters {
    std::uint64_t oom_kills = 0, pids_hits = 0, cpu_nanos = 0, throttled_nanos = 0;
  };

  Result<void> set(const GroupLimits& limits) {
    limits_.reset();
    const std::string bytes = std::to_string(limits.memory);
    // Memory plus swap may never be below memory, so it goes out of the way first. Where the kernel keeps no account
    // of swap the file is missing: then the group is told not to swap.
    const bool swap = ::access((memory_ + "/memory.memsw.limit_in_bytes").c_str(), W_OK) == 0;
    if (swap) TRY(write_control(memory_, "memory.memsw.limit_in_bytes", "-1"));
    TRY(write_control(memory_, "memory.limit_in_bytes", bytes));
    TRY(write_control(memory_, swap ? "memory.memsw.limit_in_bytes" : "memory.swappiness", swap ? bytes : "0"));
    TRY(write_control(pids_, "pids.max", std::to_string(limits.pids + 1)));  // and the slot's thread
    const std::uint64_t quota = std::max<std::uint64_t>(1000, limits.cpu_millis * kCpuPeriodMicros / 1000);
    TRY(write_control(cpu_, "cpu.cfs_period_us", std::to_string(kCpuPeriodMicros)));
    TRY(write_control(cpu_, "cpu.cfs_quota_us", std::to_string(quota)));
    limits_ = limits;
    return {};
  }

  std::string& place(std::string_view controller) {
    if (controller == "memory") return memory_;
    if (controller == "pids") return pids_;
    return controller == "cpu" ? cpu_ : cpuacct_;
  }

  Counters counters() const {
    return {files_.oom.keyed("oom_kill"), files_.pids_events.keyed("max"), files_.cpuacct.number().value_or(0),
            files_.cpu_stat.keyed("throttled_time")};
  }

  // Version 1 kills one process of the group, not all of it: the supervisor is told and kills the rest.
  Result<void> watch_memory() {
    oom_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!oom_) return os_fail("eventfd", "for memory events");
    const UniqueFd control(::open((memory_ + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
    if (!control) return os_fail("open", memory_ + "/memory.oom_control");
    return write_control(memory_, "cgroup.event_control", std::to_string(oom_.get()) + " " + std::to_string(control.get()));
  }

  std::vector<std::string> dirs_;
  std::string memory_, pids_, cpu_, cpuacct_;
  struct {
    ControlFile usage, max_usage, oom, pids_events, processes, cpu_stat, cpuacct;
  } files_;
  UniqueFd none_, oom_;
  std::optional<GroupLimits> limits_;  // as the groups have them now
  Counters before_;
};

}  // namespace

Result<std::unique_ptr<SlotGroup>> make_v1_group(const CgroupHost& host, const std::string& name) {
  auto group = std::make_unique<V1Group>();
  TRY(group->create(host.layout, name));
  return group;
}

}  // namespace airlock::sandbox
