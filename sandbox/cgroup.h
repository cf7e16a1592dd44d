// sandbox/cgroup: the control groups that limit and count a step. One SlotGroup a slot; v1, v2 or none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup_layout.h"
#include "sandbox/setup_plan.h"

namespace airlock::sandbox {

struct GroupLimits {
  std::uint64_t memory = 0;      // bytes, without swap
  std::uint64_t pids = 0;        // of the step and its init
  std::uint64_t cpu_millis = 0;  // thousandths of a core
  friend bool operator==(const GroupLimits&, const GroupLimits&) = default;
};

struct GroupUsage {
  std::optional<std::uint64_t> memory_peak, cpu_micros, pids_peak;
  std::uint64_t oom_kills = 0, pids_limit_hits = 0, cpu_throttled_micros = 0;
};

class SlotGroup {
 public:
  virtual ~SlotGroup() = default;  // removes the groups

  // Called once by the thread that will start the steps. v1: the thread moves into the slot's groups, because a child
  // inherits them for nothing while moving a child costs some 9 ms.
  virtual Result<void> adopt_current_thread() = 0;
  // Before each start: the groups are empty, limited, and their counters fresh.
  virtual Result<void> begin(const GroupLimits& limits) = 0;
  // A folder for CLONE_INTO_CGROUP; none when the child inherits.
  virtual const UniqueFd& clone_into() const = 0;
  // Readable when the group ran out of memory and the kernel does not kill the whole group by itself (v1).
  virtual const UniqueFd& oom_event() const = 0;
  virtual std::uint64_t oom_kills() const = 0;  // since begin()
  // After the step's init is gone: kills what should not be there, reads the counters.
  virtual Result<GroupUsage> end() = 0;
};

// The trees of this host, ready for slots. Immutable but for prepare_cgroups().
struct CgroupHost {
  enum class Mode { kNone, kV1, kV2 };
  Mode mode = Mode::kNone;
  std::string detail;       // what was found, or why not
  CgroupLayout layout;
  std::string v2_base;      // groups are made below it
  std::string v2_home;      // where this process was before it moved into v2_leaf to make room; empty: it did not
  std::string v2_leaf;
};

// Looks at the trees and, on a delegated v2 group, makes room: moves this process into a leaf and enables the
// controllers. Never an error: mode kNone and a detail.
CgroupHost prepare_cgroups();
void release_cgroups(const CgroupHost& host);  // moves back

// `name` is a single folder name, unique on this machine.
Result<std::unique_ptr<SlotGroup>> make_slot_group(const CgroupHost& host, const std::string& name);

// "airlock-PID-N". Groups of that form whose process is gone are removed by make_slot_group: a killed runner leaves some.
std::string slot_group_name(unsigned slot);

Result<std::unique_ptr<SlotGroup>> make_v1_group(const CgroupHost& host, const std::string& name);
Result<std::unique_ptr<SlotGroup>> make_v2_group(const CgroupHost& host, const std::string& name);
std::unique_ptr<SlotGroup> make_no_group();

}  // namespace airlock::sandbox
