#include "sandbox/setup_plan.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/path.h"
#include "sandbox/sys.h"

namespace airlock::sandbox {
namespace {

constexpr std::uint64_t kInert = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr unsigned kRootSlot = 0, kWorkSlot = 1, kOutSlot = 2, kTmpSlot = 3, kProcSlot = 4, kLandlockSlot = 5, kInSlot = 6, kFirstSource = 7;
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom"};

struct Source {
  ResolvedMount mount;
  Layer layer = Layer::kRoot;
  bool recursive = false;  // only for folders of the host: what the runner gives has nothing mounted below
  std::uint64_t attributes = kInert;
};

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

Result<void> check_program(const StepSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty() || spec.argv[0][0] != '/')
    return fail(Code::kStepInput, "argv[0] must be an absolute path inside the sandbox");
  for (const std::string& argument : spec.argv)
    if (has_nul(argument)) return fail(Code::kStepInput, "an argument holds a NUL byte");
  for (const auto& [name, value] : spec.env)
    if (name.empty() || name.contains('=') || has_nul(name) || has_nul(value))
      return fail(Code::kStepInput, "environment variable \"" + printable(name) + "\" has a name or value no process can have");
  return {};
}

Result<void> check_resources(const Resources& r) {
  if (r.memory < kMinMemory) return fail(Code::kStepInput, "resources.memory is below " + std::to_string(kMinMemory) + " bytes");
  if (r.disk < kMinDisk) return fail(Code::kStepInput, "resources.disk is below " + std::to_string(kMinDisk) + " bytes");
  constexpr std::uint64_t kTooMuch = std::uint64_t{1} << 50;  // keeps every sum below in range
  if (r.memory > kTooMuch || r.disk > kTooMuch) return fail(Code::kStepInput, "resources.memory or disk exceeds 1 PiB");
  if (!(r.cpu >= 0.01 && r.cpu <= 4096)) return fail(Code::kStepInput, "resources.cpu is not between 0.01 and 4096");
  if (r.pids < 1 || r.pids > 1'000'000) return fail(Code::kStepInput, "resources.pids is not between 1 and 1000000");
  if (r.inodes < 16) return fail(Code::kStepInput, "fewer than 16 inodes");
  if (r.timeout.count() <= 0) return fail(Code::kStepInput, "resources.timeout is not positive");
  if (r.grace.count() < 0) return fail(Code::kStepInput, "the grace after SIGTERM is negative");
  return {};
}

Result<void> check_target(const std::string& target) {
  if (target == "/plugin") return {};
  const std::string name = target.starts_with("/in/") ? target.substr(4) : "";
  if (name.empty() || name.contains('/') || !safe_path(name))
    return fail(Code::kStepInput, "mount target \"" + printable(target) + "\" is neither /plugin nor /in/NAME");
  return {};
}

class Planner {
 public:
  Planner(const StepSpec& spec, const HostFacts& host, const HostTree& tree)
      : spec_(spec), host_(host), tree_(tree), ready_(host.place && spec.rootfs == Rootfs::kNone && spec.network.empty()) {}

  void add(Op op) { plan_.ops.push_back(std::move(op)); }
  bool uses(Layer layer) const { return host_.layers.has(layer); }

  void namespaces() {
    const std::pair<Layer, std::uint64_t> flags[] = {
        {Layer::kUserNs, CLONE_NEWUSER}, {Layer::kMountNs, CLONE_NEWNS}, {Layer::kPidNs, CLONE_NEWPID},
        {Layer::kNetNs, CLONE_NEWNET},   {Layer::kIpcNs, CLONE_NEWIPC},  {Layer::kUtsNs, CLONE_NEWUTS}};
    for (const auto& [layer, flag] : flags)
      if (uses(layer)) plan_.clone_flags |= flag;
    // The place has one of each of these, which no step can change.
    if (host_.place) plan_.clone_flags &= ~std::uint64_t{CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS};
    // After the clone: only then is the step's own group the root of what it sees.
    if (uses(Layer::kCgroupNs)) add({.kind = OpKind::kUnshare, .layer = Layer::kCgroupNs, .flags = CLONE_NEWCGROUP});
    if (!uses(Layer::kUserNs) || host_.place) return;
    plan_.deny_setgroups = !host_.root;
    plan_.uid_map = std::to_string(kInsideId) + " " + std::to_string(host_.host_uid) + " 1\n";
    plan_.gid_map = std::to_string(kInsideId) + " " + std::to_string(host_.host_gid) + " 1\n";
  }

  void devices() {
    for (const char* device : kDevices)
      sources_.push_back({{std::string("/dev/") + device, std::string("/dev/") + device, false}, Layer::kRoot, false,
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC});
  }

  void sources(const std::vector<ResolvedMount>& mounts) {
    if (!ready_) devices();
    for (const ResolvedMount& mount : mounts) sources_.push_back({mount});
    if (spec_.rootfs != Rootfs::kNone)
      for (const ResolvedMount& mount : tree_.mounts) sources_.push_back({mount, Layer::kRoot, mount.is_dir && spec_.rootfs == Rootfs::kHostRo});
  }

  // By the child while it still is who the runner was: a home may be closed to everybody else.
  void open_sources() {
    for (std::size_t i = 0; i < sources_.size(); ++i)
      add({.kind = OpKind::kOpenTree, .layer = sources_[i].layer, .path = sources_[i].mount.source,
           .slot = source_slot(i), .value = sources_[i].recursive});
  }
  // By the runner: in a place there is nothing of the host.
  void leave_sources_to_the_runner() {
    for (std::size_t i = 0; i < sources_.size(); ++i)
      plan_.sources.push_back({sources_[i].mount.source, sources_[i].recursive, source_slot(i)});
  }

  void own_session() { add({.kind = OpKind::kNewSession, .layer = Layer::kIdentity}); }
  void private_mounts() { add({.kind = OpKind::kPrivateMounts, .layer = Layer::kMountNs}); }

  void identity() {
    if (host_.place && uses(Layer::kUserNs)) add({.kind = OpKind::kEnterUserNs, .layer = Layer::kUserNs});
    const std::uint32_t id = uses(Layer::kUserNs) ? kInsideId : host_.host_uid;
    add({.kind = OpKind::kSetIds, .layer = Layer::kIdentity, .flags = host_.root ? 1U : 0U, .value = id});
    // A change of identity clears it, so not before.
    add({.kind = OpKind::kDieWithRunner, .layer = Layer::kPidNs});
  }

  void make_dir(const std::string& path, std::uint64_t mode = 0755) {
    add({.kind = OpKind::kMakeDir, .layer = Layer::kRoot, .path = path, .value = mode});
  }
  void make_link(const std::string& path, const std::string& to) {
    add({.kind = OpKind::kMakeLink, .layer = Layer::kRoot, .path = path, .text = to});
  }
  void make_file(const std::string& path, const std::string& content = "") {
    add({.kind = OpKind::kMakeFile, .layer = Layer::kRoot, .path = path, .text = content});
  }

  void skeleton() {
    if (ready_) return;
    add({.kind = OpKind::kNewTmpfs, .layer = Layer::kRoot, .slot = kRootSlot, .flags = 4096, .value = 1 * kMiB});
    add({.kind = OpKind::kAttachRoot, .layer = Layer::kRoot, .slot = kRootSlot});
    for (const char* dir : {"dev", "proc", "in", "plugin", "out", "tmp"}) make_dir(dir);
    make_link("dev/fd", "/proc/self/fd");
    make_link("dev/stdin", "/proc/self/fd/0");
    make_link("dev/stdout", "/proc/self/fd/1");
    make_link("dev/stderr", "/proc/self/fd/2");
    make_link("dev/shm", "/tmp");
    const bool host_ro = spec_.rootfs == Rootfs::kHostRo, names = !spec_.network.empty();
    if (host_ro || names) make_dir("etc");  // otherwise an image has its own, or none
    if (host_ro) {
      make_file("etc/passwd", "nobody:x:65534:65534:nobody:/tmp:/bin/sh\n");
      make_file("etc/group", "nogroup:x:65534:\n");
    }
    if (names) {
      make_file("etc/hosts", hosts_file(spec_.network));
      make_file("etc/nsswitch.conf", "hosts: files\n");  // there is nobody else to ask
    }
    if (spec_.rootfs == Rootfs::kNone) return;
    for (const auto& [path, to] : tree_.symlinks) make_link(path.substr(1), to);
  }

  // /out and /tmp are two folders of one tmpfs, so that `disk` bounds them together. Its pages are memory of the
  // step's group: engine.cc therefore makes the group's limit memory + disk.
  void work() {
    add({.kind = OpKind::kNewTmpfs, .layer = Layer::kRoot, .slot = kWorkSlot, .flags = spec_.resources.inodes + 3, .value = spec_.resources.disk});
    // Three inodes are ours: the tmpfs itself and the two folders. A folder of an unattached mount cannot be cloned before
    // Linux 6.15, so it is attached; what is then put over it hides it for good. Taking it away again would cost more than
    // all the rest of this: the kernel waits until nobody can be looking at it.
    add({.kind = OpKind::kAttach, .layer = Layer::kRoot, .path = "out", .slot = kWorkSlot});
    make_dir("out/out");
    make_dir("out/tmp", 01777);
    if (host_.place) give("out/out"), give("out/tmp");
    add({.kind = OpKind::kTakeSubtree, .layer = Layer::kRoot, .path = "out/out", .slot = kOutSlot});
    add({.kind = OpKind::kTakeSubtree, .layer = Layer::kRoot, .path = "out/tmp", .slot = kTmpSlot});
    attach("out", kOutSlot, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false, Layer::kRoot);
    attach("tmp", kTmpSlot, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false, Layer::kRoot);
  }

  void give(const std::string& path) {
    add({.kind = OpKind::kGive, .layer = Layer::kRoot, .path = path, .flags = host_.host_gid, .value = host_.host_uid});
  }

  void attach(const std::string& path, unsigned slot, std::uint64_t attributes, bool recursive, Layer layer) {
    add({.kind = OpKind::kRestrict, .layer = layer, .path = path, .slot = slot, .flags = attributes, .value = recursive});
    add({.kind = OpKind::kAttach, .layer = layer, .path = path, .slot = slot});
  }

  // Where a prepared root is read-only, what is made in /in needs a file system of its own.
  void attach_sources() {
    const bool own_in = ready_ && std::ranges::any_of(sources_, [](const Source& source) { return source.mount.target.starts_with("/in/"); });
    if (own_in) {
      add({.kind = OpKind::kNewTmpfs, .layer = Layer::kRoot, .slot = kInSlot, .flags = sources_.size() + 1, .value = 64 * kKiB});
      add({.kind = OpKind::kAttach, .layer = Layer::kRoot, .path = "in", .slot = kInSlot});
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const Source& source = sources_[i];
      const std::string path = source.mount.target.substr(1);
      if (!source.mount.is_dir) make_file(path);
      else if (path != "plugin") make_dir(path);
      attach(path, source_slot(i), source.attributes, source.recursive, source.layer);
    }
    if (own_in) add({.kind = OpKind::kRestrict, .layer = Layer::kRoot, .path = "in", .slot = kInSlot, .flags = kInert | MOUNT_ATTR_NOEXEC});
  }

  void processes() {
    add({.kind = OpKind::kNewProc, .layer = Layer::kRoot, .slot = kProcSlot});
    attach("proc", kProcSlot, kInert | MOUNT_ATTR_NOEXEC, false, Layer::kRoot);
    add({.kind = OpKind::kSendOut, .layer = Layer::kRoot, .path = "out", .text = "proc/self/ns/mnt"});
    if (host_.place && host_.raise_oom_score) add({.kind = OpKind::kOomScore, .layer = Layer::kIdentity, .path = "proc/self/oom_score_adj"});
  }

  void enter_root() {
    if (ready_) return;
    add({.kind = OpKind::kPivot, .layer = Layer::kRoot});
    add({.kind = OpKind::kRestrictRoot, .layer = Layer::kRoot, .flags = kInert | MOUNT_ATTR_NOEXEC});
  }

  // Nothing is done to the network: a new namespace holds a loopback that is down, and nothing else.
  void host_name() {
    if (uses(Layer::kUtsNs)) add({.kind = OpKind::kHostName, .layer = Layer::kUtsNs, .text = "airlock"});
  }

  void standard_fds() {
    add({.kind = OpKind::kStandardFds, .layer = Layer::kRoot});
    add({.kind = OpKind::kChangeDir, .layer = Layer::kRoot, .path = "/tmp"});
  }

  void limits() {
    const Resources& r = spec_.resources;
    // The file size ends sparse files; a full disk (ENOSPC) is to come before it, hence a page more.
    const std::pair<int, std::uint64_t> limits[] = {
        {RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 1024}, {RLIMIT_FSIZE, r.disk + 4096}, {RLIMIT_MEMLOCK, 64 * kKiB},
        // Counted in the step's own user namespace, the init included. Behind a group it is the second wall: a little
        // further out, so that the group sees the step run into its limit and counts it.
        {RLIMIT_NPROC, r.pids + 1 + (uses(Layer::kCgroup) ? 16U : 0U)},
        {RLIMIT_STACK, 8 * kMiB}, {RLIMIT_MSGQUEUE, 0}, {RLIMIT_NICE, 0}, {RLIMIT_RTPRIO, 0}};
    for (const auto& [what, value] : limits)
      add({.kind = OpKind::kLimit, .layer = Layer::kIdentity, .flags = value, .value = static_cast<std::uint64_t>(what)});
    add({.kind = OpKind::kFileMode, .layer = Layer::kIdentity, .value = 022});
  }

  void landlock() {
    if (!uses(Layer::kLandlock)) return;
    using namespace sys::landlock;
    const unsigned abi = host_.landlock_abi;
    const std::uint64_t handled = landlock_fs_rights(abi);
    add({.kind = OpKind::kLandlockRules, .layer = Layer::kLandlock, .slot = kLandlockSlot, .flags = handled,
         .value = abi >= 4 ? kBindTcp | kConnectTcp : 0, .extra = abi >= 6 ? kScopeAbstractUnix | kScopeSignal : 0});
    const auto allow = [&](const std::string& path, std::uint64_t rights) {
      add({.kind = OpKind::kLandlockPath, .layer = Layer::kLandlock, .path = path, .slot = kLandlockSlot, .flags = rights & handled});
    };
    constexpr std::uint64_t kRead = kReadFile | kReadDir;
    allow("/", kReadDir);
    allow("/proc", kRead);
    allow("/dev", kRead | kWriteFile);
    allow("/plugin", kRead | kExecute);
    allow("/in", kRead | kExecute);
    for (const char* path : {"/out", "/tmp"}) allow(path, handled & ~(kMakeChar | kMakeBlock | kIoctlDev));
    if (spec_.rootfs == Rootfs::kHostRo || !spec_.network.empty()) allow("/etc", kRead);
    for (const ResolvedMount& mount : tree_.mounts) {
      if (mount.is_dir) allow(mount.target, kRead | kExecute);
      else if (spec_.rootfs == Rootfs::kImage) allow(mount.target, kReadFile | kExecute);  // the host's lie below /etc
    }
    add({.kind = OpKind::kLandlockEnforce, .layer = Layer::kLandlock, .slot = kLandlockSlot});
  }

  void drop_rights() {
    add({.kind = OpKind::kNoNewPrivs, .layer = Layer::kIdentity});
    landlock();
    add({.kind = OpKind::kDropCapabilities, .layer = Layer::kIdentity});
    if (uses(Layer::kSeccomp))
      add({.kind = spec_.network.empty() ? OpKind::kSeccomp : OpKind::kSeccompListener, .layer = Layer::kSeccomp});
    add({.kind = OpKind::kExecInit, .layer = Layer::kRoot});
  }

  void place_namespaces() {
    const std::pair<Layer, std::uint64_t> flags[] = {{Layer::kMountNs, CLONE_NEWNS}, {Layer::kNetNs, CLONE_NEWNET}, {Layer::kUtsNs, CLONE_NEWUTS}};
    for (const auto& [layer, flag] : flags)
      if (uses(layer)) add({.kind = OpKind::kUnshare, .layer = layer, .flags = flag});
  }

  SetupPlan take() {
    plan_.slots = source_slot(sources_.size());
    plan_.argv = spec_.argv;
    for (const auto& [name, value] : spec_.env) plan_.env.push_back(name + "=" + value);
    return std::move(plan_);
  }

 private:
  static unsigned source_slot(std::size_t i) { return kFirstSource + static_cast<unsigned>(i); }

  const StepSpec& spec_;
  const HostFacts& host_;
  const HostTree& tree_;  // beside our own names
  const bool ready_;  // the root stands already
  std::vector<Source> sources_;
  SetupPlan plan_;
};

}  // namespace

std::uint64_t landlock_fs_rights(unsigned abi) {
  using namespace sys::landlock;
  std::uint64_t rights = kMakeSym | (kMakeSym - 1);  // ABI 1: the first thirteen
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDev;
  return rights;
}

Result<SetupPlan> make_plan(const StepSpec& spec, const HostFacts& host, const std::vector<ResolvedMount>& mounts, const HostTree& image) {
  TRY(check_program(spec));
  TRY(check_resources(spec.resources));
  if (!spec.network.empty() && !(host.layers.has(Layer::kSeccomp) && host.layers.has(Layer::kNetNs)))
    return fail(Code::kSandboxUnavailable, "a step with endpoints needs the layers seccomp and network-namespace");
  std::vector<std::string> targets;
  for (const ResolvedMount& mount : mounts) {
    TRY(check_target(mount.target));
    if (std::ranges::find(targets, mount.target) != targets.end())
      return fail(Code::kStepInput, "two mounts at " + mount.target);
    if (mount.target == "/plugin" && !mount.is_dir) return fail(Code::kStepInput, "/plugin is not a folder");
    targets.push_back(mount.target);
  }
  const HostTree nothing;
  Planner planner(spec, host, spec.rootfs == Rootfs::kHostRo ? host.tree : spec.rootfs == Rootfs::kImage ? image : nothing);
  planner.namespaces();
  planner.sources(mounts);
  if (host.place) planner.leave_sources_to_the_runner();
  else planner.open_sources();
  planner.own_session();
  if (!host.place) {
    planner.private_mounts();
    planner.identity();
  }
  planner.skeleton();
  planner.work();
  planner.attach_sources();
  planner.processes();
  planner.enter_root();
  if (!host.place) planner.host_name();
  planner.standard_fds();
  planner.limits();
  // Its namespaces are the runner's, so only the runner can mount there, and only now may the child become nobody.
  if (host.place) planner.identity();
  planner.drop_rights();
  return planner.take();
}

SetupPlan make_place_plan(const HostFacts& host) {
  HostFacts from_scratch = host;
  from_scratch.place = false;
  const StepSpec nothing;
  const HostTree no_tree;
  Planner planner(nothing, from_scratch, no_tree);
  planner.place_namespaces();
  planner.private_mounts();
  planner.devices();
  planner.open_sources();
  planner.skeleton();
  planner.attach_sources();
  planner.enter_root();
  planner.host_name();
  return planner.take();
}

std::string describe(const Op& op) {
  switch (op.kind) {
    case OpKind::kUnshare: return "new " + std::string(layer_name(op.layer));
    case OpKind::kNewSession: return "setsid";
    case OpKind::kOpenTree: return "open " + op.path;
    case OpKind::kPrivateMounts: return "make mounts private";
    case OpKind::kEnterUserNs: return "enter the slot's user namespace";
    case OpKind::kSetIds: return "become uid " + std::to_string(op.value);
    case OpKind::kDieWithRunner: return "set the parent-death signal";
    case OpKind::kNewTmpfs: return "make a tmpfs of " + std::to_string(op.value) + " bytes";
    case OpKind::kNewProc: return "make a proc file system";
    case OpKind::kAttachRoot: return "attach the new root";
    case OpKind::kMakeDir: return "make folder /" + op.path;
    case OpKind::kMakeFile: return "make file /" + op.path;
    case OpKind::kMakeLink: return "make link /" + op.path;
    case OpKind::kGive: return "give away /" + op.path;
    case OpKind::kOomScore: return "write /" + op.path;
    case OpKind::kTakeSubtree: return "clone /" + op.path;
    case OpKind::kRestrict: return "restrict /" + op.path;
    case OpKind::kAttach: return "attach /" + op.path;
    case OpKind::kSendOut: return "hand over /" + op.path;
    case OpKind::kPivot: return "pivot_root";
    case OpKind::kRestrictRoot: return "make / read-only";
    case OpKind::kHostName: return "set the host name";
    case OpKind::kChangeDir: return "enter " + op.path;
    case OpKind::kStandardFds: return "arrange descriptors";
    case OpKind::kLimit: return "set resource limit " + std::to_string(op.value);
    case OpKind::kFileMode: return "set the file mode mask";
    case OpKind::kNoNewPrivs: return "set no_new_privs";
    case OpKind::kLandlockRules: return "make the Landlock ruleset";
    case OpKind::kLandlockPath: return "Landlock rule for " + op.path;
    case OpKind::kLandlockEnforce: return "enforce Landlock";
    case OpKind::kDropCapabilities: return "drop capabilities";
    case OpKind::kSeccomp: case OpKind::kSeccompListener: return "load the seccomp program";
    case OpKind::kExecInit: return "execute the init";
  }
  std::unreachable();
}

}  // namespace airlock::sandbox
