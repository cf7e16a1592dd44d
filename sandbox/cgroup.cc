#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/io.h"
#include "sandbox/cgroup_files.h"

namespace airlock::sandbox {
namespace {

constexpr std::string_view kEnable = "+cpu +memory +pids";

bool writable(const std::string& dir, const char* file) {
  // With the effective identity, as the write itself will be.
  return ::faccessat(AT_FDCWD, (dir + "/" + file).c_str(), W_OK, AT_EACCESS) == 0;
}

bool enabled_below(const std::string& dir) {
  const auto list = read_control(dir, "cgroup.subtree_control");
  return list && has_step_controllers(*list);
}

// Starting in its group, upwards, the first whose children get the controllers and which we may add a child to.
std::optional<std::string> ready_base(const CgroupPlace& place) {
  for (std::string dir = place.own; dir.size() >= place.mount.size(); dir.resize(dir.rfind('/'))) {
    if (enabled_below(dir) && writable(dir, "cgroup.procs") && writable(dir, ".")) return dir;
    if (dir == place.mount) break;
  }
  return std::nullopt;
}

// A group that holds processes cannot give controllers to children, so this process moves into a child of it.
std::optional<std::string> make_room(CgroupHost& host, const CgroupPlace& place) {
  const auto controllers = read_control(place.own, "cgroup.controllers");
  if (!controllers || !has_step_controllers(*controllers))
    return "the group " + place.own + " was not given the cpu, memory and pids controllers";
  if (!writable(place.own, "cgroup.subtree_control")) return "the group " + place.own + " is not delegated to this user";
  if (write_control(place.own, "cgroup.subtree_control", kEnable)) {  // the root of the tree, or no process in it
    host.v2_base = place.own;
    return std::nullopt;
  }
  const std::string leaf = place.own + "/airlock-" + std::to_string(::getpid()) + "-runner";
  if (::mkdir(leaf.c_str(), 0755) != 0) return os_error("mkdir", leaf, errno).context;
  auto moved = write_control(leaf, "cgroup.procs", std::to_string(::getpid()));
  if (moved) moved = write_control(place.own, "cgroup.subtree_control", kEnable);
  host.v2_home = place.own;
  host.v2_leaf = leaf;
  if (moved) {
    host.v2_base = place.own;
    return std::nullopt;
  }
  release_cgroups(host);
  host.v2_home.clear();
  return moved.error().context + " (other processes in that group?)";
}

std::optional<std::string> try_v2(CgroupHost& host) {
  if (!host.layout.v2) return "no cgroup v2 tree is mounted";
  if (const auto base = ready_base(*host.layout.v2)) host.v2_base = *base;
  else if (auto why = make_room(host, *host.layout.v2)) return why;
  host.mode = CgroupHost::Mode::kV2;
  host.detail = "v2, groups below " + host.v2_base;
  return std::nullopt;
}

std::optional<std::string> try_v1(CgroupHost& host) {
  for (const char* controller : {"memory", "pids", "cpu"}) {
    const auto found = host.layout.v1.find(controller);
    if (found == host.layout.v1.end()) return std::string("no v1 tree with the ") + controller + " controller";
    if (!writable(found->second.own, ".")) return "no permission to make groups in " + found->second.own;
  }
  host.mode = CgroupHost::Mode::kV1;
  host.detail = "v1, groups below " + host.layout.v1.find("memory")->second.own + " and alike";
  return std::nullopt;
}

}  // namespace

CgroupHost prepare_cgroups() {
  CgroupHost host;
  const auto mounts = read_control("/proc/self", "mountinfo"), groups = read_control("/proc/self", "cgroup");
  if (!mounts || !groups) {
    host.detail = "/proc/self/cgroup cannot be read";
    return host;
  }
  host.layout = parse_cgroup_layout(*mounts, *groups);
  const auto no_v2 = try_v2(host);
  if (!no_v2) return host;
  const auto no_v1 = try_v1(host);
  if (no_v1) host.detail = *no_v2 + "; " + *no_v1;
  return host;
}

void release_cgroups(const CgroupHost& host) {
  if (host.v2_home.empty()) return;
  // Ignoring failures: the leaf stays, and the next runner sweeps it.
  (void)write_control(host.v2_home, "cgroup.subtree_control", "-cpu -memory -pids");
  (void)write_control(host.v2_home, "cgroup.procs", std::to_string(::getpid()));
  (void)::rmdir(host.v2_leaf.c_str());
}

std::string slot_group_name(unsigned slot) { return "airlock-" + std::to_string(::getpid()) + "-" + std::to_string(slot); }

Result<std::unique_ptr<SlotGroup>> make_slot_group(const CgroupHost& host, const std::string& name) {
  switch (host.mode) {
    case CgroupHost::Mode::kV1: return make_v1_group(host, name);
    case CgroupHost::Mode::kV2: return make_v2_group(host, name);
    case CgroupHost::Mode::kNone: return make_no_group();
  }
  std::unreachable();
}

}  // namespace airlock::sandbox
