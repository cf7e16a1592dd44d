// sandbox/host: what Host holds, for the files of this module.
#pragma once

#include "base/unique_fd.h"
#include "sandbox/cgroup.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp_profile.h"
#include "sandbox/setup_plan.h"

namespace airlock::sandbox {

struct Host::Impl {
  ~Impl() { release_cgroups(cgroups); }

  HostFacts facts;  // layers: those that were tried
  std::vector<LayerStatus> layers;
  CgroupHost cgroups;
  SeccompProfile seccomp, brokered;
  UniqueFd init_file;
};

// Who a step of slot `slot` is outside: a number that nobody else has when the runner is root, else the runner itself.
// Nothing when the runner's own user namespace has no unprivileged number to give.
struct OutsideIds {
  std::uint32_t uid, gid;
};
std::optional<OutsideIds> outside_ids(bool root, unsigned slot);

}  // namespace airlock::sandbox
