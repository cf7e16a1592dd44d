// The setup plan: what is decided before anything is done.
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sandbox/image_tree.h"
#include "sandbox/setup_plan.h"
#include "sandbox/sys.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

HostFacts root_host() {
  HostFacts host;
  host.layers = LayerSet::all();
  host.root = true;
  host.host_uid = host.host_gid = 1'900'000'000;
  host.landlock_abi = 7;
  host.tree.mounts = {{"/usr", "/usr", true}, {"/etc/ld.so.cache", "/etc/ld.so.cache", false}};
  host.tree.symlinks = {{"/bin", "usr/bin"}};
  return host;
}

StepSpec simple() {
  StepSpec spec;
  spec.argv = {"/plugin/bin/x", "--flag"};
  spec.env = {{"TZ", "UTC"}, {"HOME", "/tmp"}};
  return spec;
}

const std::vector<ResolvedMount> kMounts = {{"/store/trees/aa", "/plugin", true}, {"/store/blobs/bb", "/in/feed", false}};

std::size_t place(const SetupPlan& plan, OpKind kind) {
  const auto found = std::ranges::find(plan.ops, kind, &Op::kind);
  REQUIRE(found != plan.ops.end());
  return static_cast<std::size_t>(found - plan.ops.begin());
}
bool has(const SetupPlan& plan, OpKind kind) { return std::ranges::find(plan.ops, kind, &Op::kind) != plan.ops.end(); }

Code code_of(const StepSpec& spec, const std::vector<ResolvedMount>& mounts = kMounts) {
  const auto plan = make_plan(spec, root_host(), mounts);
  return plan ? Code::kInternal : plan.error().code;
}

std::uint64_t rights(const SetupPlan& plan, const std::string& path) {
  for (const Op& op : plan.ops)
    if (op.kind == OpKind::kLandlockPath && op.path == path) return op.flags;
  return 0;
}

}  // namespace

TEST_CASE("the walls are built in an order that leaves no gap") {
  const SetupPlan plan = *make_plan(simple(), root_host(), kMounts);
  // Sources are opened as the runner's user, everything is made as nobody.
  CHECK(place(plan, OpKind::kOpenTree) < place(plan, OpKind::kSetIds));
  CHECK(place(plan, OpKind::kPrivateMounts) < place(plan, OpKind::kAttachRoot));
  CHECK(place(plan, OpKind::kSetIds) < place(plan, OpKind::kDieWithRunner));
  CHECK(place(plan, OpKind::kSetIds) < place(plan, OpKind::kNewTmpfs));
  CHECK(place(plan, OpKind::kSendOut) < place(plan, OpKind::kPivot));
  CHECK(place(plan, OpKind::kPivot) < place(plan, OpKind::kRestrictRoot));
  // Landlock and seccomp need no_new_privs, and name the new root.
  CHECK(place(plan, OpKind::kPivot) < place(plan, OpKind::kLandlockRules));
  CHECK(place(plan, OpKind::kNoNewPrivs) < place(plan, OpKind::kLandlockEnforce));
  CHECK(place(plan, OpKind::kLandlockEnforce) < place(plan, OpKind::kDropCapabilities));
  CHECK(place(plan, OpKind::kDropCapabilities) < place(plan, OpKind::kSeccomp));
  CHECK(place(plan, OpKind::kSeccomp) + 2 == plan.ops.size());
  CHECK(plan.ops.back().kind == OpKind::kExecInit);
}

TEST_CASE("a step that starts from a place is set up by the runner's user and becomes nobody before anything of its own runs") {
  HostFacts host = root_host();
  host.place = true;
  const SetupPlan plan = *make_plan(simple(), host, kMounts);
  CHECK(plan.clone_flags == (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC));  // the others are the place's
  CHECK(plan.uid_map.empty());
  REQUIRE(plan.sources.size() == 2);  // the runner opens them: the child does not see the host
  CHECK(plan.sources[0].path == "/store/trees/aa");
  for (const OpKind kind : {OpKind::kOpenTree, OpKind::kPivot, OpKind::kHostName, OpKind::kPrivateMounts}) CHECK_FALSE(has(plan, kind));
  for (std::size_t i = place(plan, OpKind::kEnterUserNs); i < plan.ops.size(); ++i)
    for (const OpKind kind : {OpKind::kAttach, OpKind::kNewTmpfs, OpKind::kNewProc, OpKind::kGive, OpKind::kSendOut}) CHECK(plan.ops[i].kind != kind);
  CHECK(place(plan, OpKind::kEnterUserNs) + 1 == place(plan, OpKind::kSetIds));
  CHECK(place(plan, OpKind::kSetIds) + 1 == place(plan, OpKind::kDieWithRunner));
  CHECK(plan.ops[place(plan, OpKind::kSetIds)].value == kInsideId);
  CHECK(place(plan, OpKind::kDieWithRunner) < place(plan, OpKind::kNoNewPrivs));
  CHECK(place(plan, OpKind::kNoNewPrivs) < place(plan, OpKind::kLandlockEnforce));
  CHECK(place(plan, OpKind::kDropCapabilities) < place(plan, OpKind::kSeccomp));
  CHECK(plan.ops.back().kind == OpKind::kExecInit);
  // What the step may write belongs to it; what is made for the names of its inputs cannot be written.
  std::vector<std::string> given;
  bool in_closed = false;
  for (const Op& op : plan.ops) {
    if (op.kind == OpKind::kGive) {
      given.push_back(op.path);
      CHECK(op.value == host.host_uid);
      CHECK(op.flags == host.host_gid);
    }
    if (op.kind == OpKind::kRestrict && op.path == "in") in_closed = (op.flags & MOUNT_ATTR_RDONLY) != 0;
  }
  CHECK(given == std::vector<std::string>{"out/out", "out/tmp"});
  CHECK(in_closed);
  StepSpec spec = simple();
  spec.rootfs = Rootfs::kHostRo;
  CHECK(has(*make_plan(spec, host, kMounts), OpKind::kPivot));  // another root than the place's
}

TEST_CASE("a place is a step's root, closed, and nothing of the host") {
  HostFacts host = root_host();
  host.place = true;
  const SetupPlan plan = make_place_plan(host);
  std::uint64_t unshared = 0;
  for (const Op& op : plan.ops) {
    INFO(describe(op));
    if (op.kind == OpKind::kUnshare) unshared |= op.flags;
    for (const OpKind kind : {OpKind::kNewProc, OpKind::kSendOut, OpKind::kExecInit, OpKind::kSetIds}) CHECK(op.kind != kind);
    CHECK_FALSE(op.path.starts_with("/usr"));
  }
  CHECK(unshared == (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS));
  CHECK(place(plan, OpKind::kUnshare) < place(plan, OpKind::kPrivateMounts));
  CHECK(place(plan, OpKind::kPrivateMounts) < place(plan, OpKind::kNewTmpfs));
  CHECK(place(plan, OpKind::kPivot) < place(plan, OpKind::kRestrictRoot));
  host.layers = host.layers.without(Layer::kNetNs).without(Layer::kUtsNs);
  for (const Op& op : make_place_plan(host).ops)
    if (op.kind == OpKind::kUnshare) CHECK(op.flags == CLONE_NEWNS);
}

TEST_CASE("every layer in use has its namespace flag, and one that is degraded has none") {
  const SetupPlan all = *make_plan(simple(), root_host(), kMounts);
  CHECK(all.clone_flags == (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
  CHECK(has(all, OpKind::kUnshare));
  HostFacts host = root_host();
  for (const Layer layer : {Layer::kUserNs, Layer::kNetNs, Layer::kCgroupNs, Layer::kSeccomp, Layer::kLandlock, Layer::kUtsNs})
    host.layers = host.layers.without(layer);
  const SetupPlan less = *make_plan(simple(), host, kMounts);
  CHECK(less.clone_flags == (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC));
  CHECK_FALSE(has(less, OpKind::kUnshare));
  CHECK_FALSE(has(less, OpKind::kSeccomp));
  CHECK_FALSE(has(less, OpKind::kLandlockRules));
  CHECK_FALSE(has(less, OpKind::kHostName));
  CHECK(less.uid_map.empty());
  CHECK(less.ops[place(less, OpKind::kSetIds)].value == host.host_uid);  // then it is the number itself
  CHECK(has(less, OpKind::kDropCapabilities));
}

TEST_CASE("uid 0 is mapped neither way, and an ordinary user gives up setgroups") {
  const SetupPlan root = *make_plan(simple(), root_host(), kMounts);
  CHECK(root.uid_map == "65534 1900000000 1\n");
  CHECK(root.gid_map == "65534 1900000000 1\n");
  CHECK_FALSE(root.deny_setgroups);
  CHECK(root.ops[place(root, OpKind::kSetIds)].flags == 1);
  HostFacts host = root_host();
  host.root = false;
  host.host_uid = host.host_gid = 1000;
  const SetupPlan user = *make_plan(simple(), host, kMounts);
  CHECK(user.uid_map == "65534 1000 1\n");
  CHECK(user.deny_setgroups);
  CHECK(user.ops[place(user, OpKind::kSetIds)].flags == 0);
}

TEST_CASE("nothing but /out and /tmp is mounted writable") {
  StepSpec spec = simple();
  spec.rootfs = Rootfs::kHostRo;
  const SetupPlan plan = *make_plan(spec, root_host(), kMounts);
  int writable = 0, attached = 0;
  for (const Op& op : plan.ops) {
    if (op.kind == OpKind::kAttach) ++attached;
    if (op.kind != OpKind::kRestrict) continue;
    INFO(op.path);
    CHECK((op.flags & MOUNT_ATTR_NOSUID) != 0);
    if ((op.flags & MOUNT_ATTR_RDONLY) == 0) {
      ++writable;
      CHECK((op.path == "out" || op.path == "tmp"));
    }
    if (!op.path.starts_with("dev/")) CHECK((op.flags & MOUNT_ATTR_NODEV) != 0);
  }
  CHECK(writable == 2);
  CHECK(attached == 1 + 2 + 5 + 2 + 2 + 1);  // work; out, tmp; devices; the spec's; the host's; proc
  CHECK((plan.ops[place(plan, OpKind::kRestrictRoot)].flags & MOUNT_ATTR_RDONLY) != 0);
}

TEST_CASE("a step without rootfs sees nothing of the host's") {
  const SetupPlan plan = *make_plan(simple(), root_host(), kMounts);
  for (const Op& op : plan.ops) {
    INFO(describe(op));
    CHECK_FALSE(op.path.starts_with("/usr"));
    CHECK_FALSE(op.path.starts_with("etc"));
  }
}

TEST_CASE("a step with an image sees the image's root, read-only, and nothing of the host's") {
  StepSpec spec = simple();
  spec.rootfs = Rootfs::kImage;
  spec.image = "/images/aa/root";
  const HostTree image{{{"/images/aa/root/etc", "/etc", true}, {"/images/aa/root/program", "/program", false}}, {{"/bin", "usr/bin"}}};
  using namespace sys::landlock;
  for (const bool place_of_slot : {false, true}) {
    HostFacts host = root_host();
    host.place = place_of_slot;
    const SetupPlan plan = *make_plan(spec, host, kMounts, image);
    CHECK(has(plan, OpKind::kPivot));
    std::vector<std::string> attached, links;
    for (const Op& op : plan.ops) {
      INFO(describe(op));
      CHECK_FALSE(op.path.starts_with("/usr"));
      CHECK_FALSE(op.path == "etc/passwd");  // what an image does not have is not made up
      if (op.kind == OpKind::kMakeLink && !op.path.starts_with("dev/")) links.push_back(op.path + " -> " + op.text);
      if (op.kind == OpKind::kAttach) attached.push_back(op.path);
      if (op.kind == OpKind::kRestrict && (op.path == "etc" || op.path == "program"))
        CHECK(op.flags == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
      if (op.kind == OpKind::kOpenTree && op.path.starts_with("/images")) CHECK(op.value == 0);
    }
    CHECK(links == std::vector<std::string>{"bin -> usr/bin"});
    for (const char* path : {"etc", "program"}) CHECK(std::ranges::count(attached, path) == 1);
    CHECK(rights(plan, "/etc") == (kReadFile | kReadDir | kExecute));
    CHECK(rights(plan, "/program") == (kReadFile | kExecute));
    for (const HostSource& source : plan.sources) CHECK_FALSE((source.recursive && source.path.starts_with("/images")));
  }
  spec.rootfs = Rootfs::kNone;
  const SetupPlan without = *make_plan(spec, root_host(), kMounts, image);
  for (const Op& op : without.ops) CHECK_FALSE(op.path.starts_with("/images"));
}

TEST_CASE("our own names hide what an image has under them") {
  char folder[] = "/tmp/airlock-image-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string root = folder;
  for (const char* name : {"dev", "proc", "sys", "in", "plugin", "out", "tmp", "usr", "dev2"}) std::filesystem::create_directory(root + "/" + name);
  std::filesystem::create_symlink("usr/bin", root + "/bin");
  std::ofstream(root + "/file") << "x";
  StepSpec spec = simple();
  CHECK(look_at_image(spec)->mounts.empty());  // none asked for
  spec.rootfs = Rootfs::kImage;
  spec.image = root;
  const auto tree = look_at_image(spec);
  std::filesystem::remove(root + "/dev");
  std::filesystem::create_directory_symlink("/etc", root + "/dev");
  const auto linked = look_at_image(spec);
  std::filesystem::remove_all(root);
  REQUIRE(tree);
  std::vector<std::string> targets;
  for (const ResolvedMount& mount : tree->mounts) targets.push_back(mount.target + (mount.is_dir ? "/" : "") + " " + mount.source.substr(root.size()));
  CHECK(targets == std::vector<std::string>{"/dev2/ /dev2", "/file /file", "/usr/ /usr"});
  CHECK(tree->symlinks == std::vector<std::pair<std::string, std::string>>{{"/bin", "usr/bin"}});
  REQUIRE(linked);
  CHECK(linked->symlinks.size() == 1);
  CHECK(look_at_image(spec).error().code == Code::kStepInput);
}

TEST_CASE("Landlock asks for what the kernel's version knows and no more") {
  using namespace sys::landlock;
  for (const auto& [abi, fs, net, scope] : {std::tuple{1U, 0x1fffULL, 0ULL, 0ULL}, {2U, 0x3fffULL, 0ULL, 0ULL}, {3U, 0x7fffULL, 0ULL, 0ULL},
                                            {4U, 0x7fffULL, 3ULL, 0ULL}, {5U, 0xffffULL, 3ULL, 0ULL}, {6U, 0xffffULL, 3ULL, 3ULL}, {9U, 0xffffULL, 3ULL, 3ULL}}) {
    HostFacts host = root_host();
    host.landlock_abi = abi;
    const SetupPlan plan = *make_plan(simple(), host, kMounts);
    const Op& rules = plan.ops[place(plan, OpKind::kLandlockRules)];
    INFO(abi);
    CHECK(rules.flags == fs);
    CHECK(rules.value == net);
    CHECK(rules.extra == scope);
    CHECK((rights(plan, "/plugin") & (kWriteFile | kMakeReg | kRemoveFile)) == 0);
    CHECK((rights(plan, "/in") & (kWriteFile | kTruncate)) == 0);
    CHECK((rights(plan, "/out") & kWriteFile) != 0);
    CHECK((rights(plan, "/out") & (kMakeBlock | kMakeChar | kIoctlDev)) == 0);
    CHECK((rights(plan, "/proc") & kWriteFile) == 0);
    CHECK((rights(plan, "/out") & ~fs) == 0);
  }
}

TEST_CASE("argv and environment are passed on as they are, sorted by name") {
  const SetupPlan plan = *make_plan(simple(), root_host(), kMounts);
  CHECK(plan.argv == std::vector<std::string>{"/plugin/bin/x", "--flag"});
  CHECK(plan.env == std::vector<std::string>{"HOME=/tmp", "TZ=UTC"});
}

TEST_CASE("a spec that cannot be is refused before anything starts") {
  struct Case {
    const char* name;
    void (*spoil)(StepSpec&);
  };
  const Case cases[] = {
      {"no program", [](StepSpec& s) { s.argv.clear(); }},
      {"a relative program", [](StepSpec& s) { s.argv[0] = "bin/x"; }},
      {"a NUL in an argument", [](StepSpec& s) { s.argv.push_back(std::string("a\0b", 3)); }},
      {"a variable name with =", [](StepSpec& s) { s.env["A=B"] = "x"; }},
      {"a variable without a name", [](StepSpec& s) { s.env[""] = "x"; }},
      {"too little memory", [](StepSpec& s) { s.resources.memory = kMinMemory - 1; }},
      {"memory beyond reason", [](StepSpec& s) { s.resources.memory = ~0ULL; }},
      {"too little disk", [](StepSpec& s) { s.resources.disk = 0; }},
      {"no processor", [](StepSpec& s) { s.resources.cpu = 0; }},
      {"not a number of cores", [](StepSpec& s) { s.resources.cpu = std::numeric_limits<double>::quiet_NaN(); }},
      {"no process", [](StepSpec& s) { s.resources.pids = 0; }},
      {"no time", [](StepSpec& s) { s.resources.timeout = Millis{0}; }},
      {"negative grace", [](StepSpec& s) { s.resources.grace = Millis{-1}; }},
      {"hardly an inode", [](StepSpec& s) { s.resources.inodes = 1; }},
  };
  for (const Case& c : cases) {
    StepSpec spec = simple();
    c.spoil(spec);
    INFO(c.name);
    CHECK(code_of(spec) == Code::kStepInput);
  }
}

TEST_CASE("mounts go to /plugin and /in/NAME, each once") {
  for (const char* target : {"/", "/out", "/in", "/in/", "/in/..", "/in/a/b", "/plugin/x", "plugin", "/etc", "/in/a\nb", ""}) {
    INFO(target);
    CHECK(code_of(simple(), {{"/x", target, true}}) == Code::kStepInput);
  }
  CHECK(code_of(simple(), {{"/x", "/in/a", true}, {"/y", "/in/a", true}}) == Code::kStepInput);
  CHECK(code_of(simple(), {{"/x", "/plugin", false}}) == Code::kStepInput);
  CHECK(make_plan(simple(), root_host(), {{"/x", "/in/a", true}, {"/y", "/in/b", false}}).has_value());
}

TEST_CASE("a step with endpoints knows its names, hands its listener over last, and never starts from a ready root") {
  StepSpec spec = simple();
  spec.network = {{IpAddress::v4({10, 2, 0, 5}), 443, "mirror.site"}};
  HostFacts host = root_host();
  for (const bool from_place : {false, true}) {
    host.place = from_place;
    const SetupPlan plan = *make_plan(spec, host, kMounts);
    CHECK_FALSE(has(plan, OpKind::kSeccomp));
    CHECK(place(plan, OpKind::kSeccompListener) + 2 == plan.ops.size());
    CHECK(has(plan, OpKind::kPivot));
    const auto hosts = std::ranges::find(plan.ops, "etc/hosts", &Op::path);
    REQUIRE(hosts != plan.ops.end());
    CHECK(hosts->text == "10.2.0.5 mirror.site\n");
    CHECK(rights(plan, "/etc") == (sys::landlock::kReadFile | sys::landlock::kReadDir));
  }
}

TEST_CASE("endpoints are refused where the walls around them are missing") {
  StepSpec spec = simple();
  spec.network = {{IpAddress::v4({10, 2, 0, 5}), 443}};
  for (const Layer layer : {Layer::kSeccomp, Layer::kNetNs}) {
    HostFacts host = root_host();
    host.layers = host.layers.without(layer);
    const auto plan = make_plan(spec, host, kMounts);
    REQUIRE_FALSE(plan.has_value());
    CHECK(plan.error().code == Code::kSandboxUnavailable);
  }
}
