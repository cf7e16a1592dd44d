// sandbox/cgroup_layout: where this process sits in the control group trees, from the text of /proc/self/mountinfo
// and /proc/self/cgroup. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::sandbox {

struct CgroupPlace {
  std::string mount;  // where the tree is mounted
  std::string own;    // folder of this process's group in it
};

struct CgroupLayout {
  std::map<std::string, CgroupPlace, std::less<>> v1;  // by controller: "memory" -> ...
  std::optional<CgroupPlace> v2;
};

CgroupLayout parse_cgroup_layout(std::string_view mountinfo, std::string_view self_cgroup);

// Whether a list as in cgroup.controllers ("cpu memory pids") names all of what limits a step.
bool has_step_controllers(std::string_view list);

}  // namespace airlock::sandbox
