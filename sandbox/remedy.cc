#include "sandbox/remedy.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "sandbox/cgroup_files.h"
#include "sandbox/cgroup_layout.h"

namespace airlock::sandbox {
namespace {

std::optional<std::string> setting(const std::string& dir, std::string_view file) {
  auto text = read_control(dir, file);
  while (text && !text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return text;
}

std::string sysctl(const std::string& name, const std::string& value) {
  return "sysctl -w " + name + "=" + value + ", and the line " + name + "=" + value + " in /etc/sysctl.d/90-airlock.conf keeps it";
}

// "max_net_namespaces" is 0: then whatever is asked for, there is none.
std::optional<std::string> switched_off(const HostSettings& host, const std::string& kind) {
  const auto found = host.limits.find("max_" + kind + "_namespaces");
  if (found == host.limits.end() || found->second != "0") return std::nullopt;
  return "user." + found->first + " is 0: " + sysctl("user." + found->first, "10000") + ".";
}

std::string user_namespaces(const HostSettings& host) {
  if (const auto off = switched_off(host, "user")) return *off;
  if (host.userns_clone == "0") return "kernel.unprivileged_userns_clone is 0: " + sysctl("kernel.unprivileged_userns_clone", "1") + ". Or run airlock as root.";
  if (host.apparmor_userns == "1")
    return "AppArmor gives user namespaces only to programs with a profile: put \"abi <abi/4.0>, profile airlock " + host.program +
           " flags=(unconfined) { userns, }\" into /etc/apparmor.d/airlock and run apparmor_parser -r /etc/apparmor.d/airlock. Or run airlock as root.";
  return "The kernel must have CONFIG_USER_NS, and whatever contains airlock (a container, a service with RestrictNamespaces=) must allow user namespaces. "
         "Or run airlock as root.";
}

std::string other_namespace(const HostSettings& host, const std::string& kind) {
  if (const auto off = switched_off(host, kind)) return *off;
  return "The kernel must have this kind of namespace, and whatever contains airlock (a container, a service with RestrictNamespaces=) must allow it.";
}

std::string landlock(const HostSettings& host) {
  if (!host.lsm || host.lsm->contains("landlock")) return "The kernel must have CONFIG_SECURITY_LANDLOCK, of Linux 5.13 or newer.";
  return "The kernel did not start Landlock (it started " + *host.lsm + "): add lsm=landlock," + *host.lsm +
         " to its command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and boot again.";
}

std::string control_groups(const HostSettings& host) {
  const std::string scope = "systemd-run --user --scope -p Delegate=yes airlock ..., or Delegate=yes in its unit";
  if (host.uid == 0) return "Mount cgroup version 2 at /sys/fs/cgroup, or version 1 with the memory, pids and cpu controllers, writable for airlock.";
  if (host.delegated && !has_step_controllers(*host.delegated))
    return "The service manager of this user was given only \"" + *host.delegated + "\": put the lines [Service] and Delegate=cpu memory pids into "
           "/etc/systemd/system/user@.service.d/delegate.conf, run systemctl daemon-reload, log in again, and use " + scope + ".";
  if (!host.systemd && host.separate_trees)
    return "Run airlock as root, or have root give this user a group in each tree: for t in memory pids cpu: mkdir /sys/fs/cgroup/$t/airlock, chown -R " +
           std::to_string(host.uid) + " /sys/fs/cgroup/$t/airlock, and the shell's number into its tasks. Where there is systemd: " + scope + ".";
  if (!host.systemd)
    return "Run airlock as root, or have root give this user a group (version 2): mkdir /sys/fs/cgroup/airlock, chown -R " + std::to_string(host.uid) +
           " /sys/fs/cgroup/airlock, and start airlock in it. Where there is systemd: " + scope + ".";
  return "Run airlock as root, or give it a delegated cgroup: " + scope + ".";
}

}  // namespace

HostSettings read_host_settings() {
  HostSettings host;
  std::error_code ignored;
  host.program = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  host.uid = ::geteuid();
  for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    const std::string name = std::string("max_") + kind + "_namespaces";
    if (const auto value = setting("/proc/sys/user", name)) host.limits[name] = *value;
  }
  host.userns_clone = setting("/proc/sys/kernel", "unprivileged_userns_clone");
  host.apparmor_userns = setting("/proc/sys/kernel", "apparmor_restrict_unprivileged_userns");
  host.lsm = setting("/sys/kernel/security", "lsm");
  const std::string uid = std::to_string(host.uid);
  host.delegated = setting("/sys/fs/cgroup/user.slice/user-" + uid + ".slice/user@" + uid + ".service", "cgroup.controllers");
  host.systemd = std::filesystem::is_directory("/run/systemd/system", ignored);
  host.separate_trees = std::filesystem::is_directory("/sys/fs/cgroup/memory", ignored) && std::filesystem::is_directory("/sys/fs/cgroup/pids", ignored);
  return host;
}

std::string layer_remedy(Layer layer, const HostSettings& host) {
  switch (layer) {
    case Layer::kUserNs: return user_namespaces(host);
    case Layer::kMountNs: return other_namespace(host, "mnt");
    case Layer::kPidNs: return other_namespace(host, "pid");
    case Layer::kNetNs: return other_namespace(host, "net");
    case Layer::kIpcNs: return other_namespace(host, "ipc");
    case Layer::kUtsNs: return other_namespace(host, "uts");
    case Layer::kCgroupNs: return other_namespace(host, "cgroup");
    case Layer::kRoot: return "Inside a container, /proc and /dev must not be masked; the kernel must be Linux 5.12 or newer.";
    case Layer::kIdentity: return "Run airlock as root with an unprivileged uid mapped in its user namespace, or as an ordinary user.";
    case Layer::kSeccomp: return "The kernel must have CONFIG_SECCOMP_FILTER.";
    case Layer::kLandlock: return landlock(host);
    case Layer::kCgroup: return control_groups(host);
  }
  std::unreachable();
}

}  // namespace airlock::sandbox
