// What stays behind: nothing. And who may run it.
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "base/io.h"
#include "fixture.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/doctor.h"
#include "sandbox/host.h"

using namespace kernel_test;

namespace {

const Footprint kNothing = footprint();  // before any test of this program has run

}  // namespace

TEST_CASE("two hundred steps leave no descriptor, mount, group or process behind", "[hygiene]") {
  {
    Sandbox box;
    box.run({"succeed"});
    const Footprint before = footprint();
    for (int i = 0; i < 200; ++i) {
      const Finished finished = box.run({i % 3 == 0 ? "daemonise" : "succeed"});
      REQUIRE(finished.outcome.kind == Outcome::Kind::kExited);
    }
    Footprint after = footprint();
    // The slot's thread lets a step's mounts go when it comes to it: one descriptor more or less, at either time.
    if (after.fds + 1 == before.fds || after.fds == before.fds + 1) after.fds = before.fds;
    CHECK(after == before);
  }
  CHECK(footprint() == kNothing);
}

TEST_CASE("failed starts leave nothing behind either", "[hygiene]") {
  {
    Sandbox box;
    const Footprint before = footprint();
    StepSpec gone = box.spec({"succeed"});
    gone.mounts[1].source = box.dir() + "/nothing";
    StepSpec twice = box.spec({"succeed"});
    twice.mounts[1].target = "/plugin";
    StepSpec nowhere = box.spec({"succeed"});
    nowhere.capture.stdout_path = box.dir() + "/no/such/folder";
    for (const StepSpec* spec : {&gone, &twice, &nowhere})
      for (int i = 0; i < 20; ++i) REQUIRE_FALSE(box.slot->run(*spec, box.cancel).has_value());
    CHECK(footprint() == before);
    CHECK_FALSE(step_error(box.run({"succeed"})));
  }
  CHECK(footprint() == kNothing);
}

TEST_CASE("a command line longer than the kernel takes is refused as the spec's fault", "[hygiene]") {
  Sandbox box;
  const auto finished = box.slot->run(box.spec({"exit", std::string(4 * kMiB, '7')}), box.cancel);
  REQUIRE_FALSE(finished.has_value());
  CHECK(finished.error().code == Code::kStepInput);
  CHECK_FALSE(step_error(box.run({"succeed"})));
}

TEST_CASE("a wall that cannot be built is named with the operation and the kernel's answer", "[hygiene]") {
  if (::geteuid() != 0) return skip("an ordinary user cannot mount what cannot be mounted again");
  Sandbox box;
  const std::string source = box.dir() + "/unbindable";
  REQUIRE(::mkdir(source.c_str(), 0755) == 0);
  const std::string said = in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", source.c_str(), "tmpfs", 0, nullptr) != 0 || ::mount(nullptr, source.c_str(), nullptr, MS_UNBINDABLE, nullptr) != 0)
      return "no such mount";
    const auto host = Host::probe();
    auto slot = Slot::create(*host, allow_missing(**host));
    if (!slot) return describe(slot.error());
    StepSpec spec = box.spec({"succeed"});
    spec.mounts[1].source = source;
    const auto finished = (*slot)->run(spec, box.cancel);
    if (finished) return "it was built";
    return std::string(code_info(finished.error().code).text) + ": " + finished.error().context;
  });
  CHECK(said == "sandbox:setup: root: open " + source + ": Invalid argument");
}

TEST_CASE("root starts steps from a prepared place; a root that may not make one has the same walls", "[hygiene]") {
  if (::geteuid() != 0) return skip("only root has a place");
  Sandbox box;
  CHECK(box.host->impl().facts.place);
  const auto report = [&box](const char* word) { return [&box, word]() -> std::string {
    if (std::string_view(word) == "contained") {
      __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
      __user_cap_data_struct data[2]{};
      if (::syscall(SYS_capget, &header, data) != 0) return "capget";
      for (auto* set : {&data[0].effective, &data[0].permitted, &data[0].inheritable}) *set &= ~(1U << CAP_SYS_ADMIN);
      if (::syscall(SYS_capset, &header, data) != 0) return "capset";
    }
    const auto host = Host::probe();
    if (!host) return describe(host.error());
    auto slot = Slot::create(*host, allow_missing(**host));
    if (!slot) return describe(slot.error());
    std::string said((*host)->impl().facts.place ? "place" : "none");
    for (const char* attempt : {"identity", "E13-write-root", "E13-write-input", "X1-loopback", "P7-core-limit", "E16-setuid"}) {
      const auto finished = (*slot)->run(box.spec({attempt}), box.cancel);
      said += " " + (finished ? std::to_string(finished->outcome.value) : describe(finished.error()));
      if (finished && std::string_view(attempt) == "identity") {
        for (const Layer layer : finished->evidence.layers) said += " " + std::string(layer_name(layer));
        said += " " + box.out_text();
      }
    }
    return said;
  }; };
  const std::string placed = in_child(report("free")), built = in_child(report("contained"));
  INFO(placed);
  CHECK(placed.starts_with("place"));
  CHECK(built.starts_with("none"));
  CHECK(placed.substr(5) == built.substr(4));
  CHECK(placed.ends_with("77 77 77 77 77"));
}

TEST_CASE("two slots run at the same time, each with its own limits and outputs", "[hygiene]") {
  Sandbox first, second;
  if (::geteuid() == 0) CHECK(first.run({"succeed"}).evidence.host_uid != second.run({"succeed"}).evidence.host_uid);
  // Each step waits until the other runs too: neither can end if they run one after the other.
  std::atomic<int> running{0};
  const auto work = [&running](Sandbox& box, Outcome& outcome) {
    StepSpec spec = box.spec({"wait"});
    spec.capture.on_event = [&](std::string_view) {
      ++running;
      running.notify_all();
      for (int seen = running; seen < 2; seen = running) running.wait(seen);
      box.cancel.request(Cancel::Level::kKill);
    };
    auto finished = box.slot->run(spec, box.cancel);
    if (finished) outcome = finished->outcome;
  };
  Outcome a{Outcome::Kind::kNotStarted}, b{Outcome::Kind::kNotStarted};
  std::thread other([&] { work(second, b); });
  work(first, a);
  other.join();
  CHECK(a.kind == Outcome::Kind::kCancelled);
  CHECK(b.kind == Outcome::Kind::kCancelled);
}

TEST_CASE("a runner killed by SIGKILL takes its step with it, and the next runner sweeps its groups", "[hygiene]") {
  TempDir dir;
  furnish(dir.path());
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t runner = ::fork();
  REQUIRE(runner >= 0);
  if (runner == 0) {
    auto host = Host::probe();
    auto slot = Slot::create(*host, allow_missing(**host));
    auto cancel = Cancel::create();
    StepSpec spec;
    spec.argv = {"/plugin/hostile", "ignore-term"};
    spec.mounts = {{dir.path() + "/plugin", "/plugin"}};
    spec.capture.on_event = [&](std::string_view) {
      const std::vector<int> pids = descendants();
      (void)!::write(ends[1], pids.data(), pids.size() * sizeof(int));
    };
    (void)(*slot)->run(spec, *cancel);
    ::_exit(1);
  }
  int pids[2]{};
  REQUIRE(::read(ends[0], pids, sizeof pids) == sizeof pids);
  ::close(ends[0]);
  ::close(ends[1]);
  std::vector<UniqueFd> watched;
  for (const int pid : pids) watched.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  for (const UniqueFd& pidfd : watched) {
    if (!pidfd) continue;  // gone already
    pollfd gone{pidfd.get(), POLLIN, 0};
    CHECK(::poll(&gone, 1, 10'000) == 1);
  }
  CHECK((groups_named("airlock-" + std::to_string(runner) + "-") > 0 || ::geteuid() != 0));
  Sandbox next;
  CHECK(groups_named("airlock-" + std::to_string(runner) + "-") == 0);
}

TEST_CASE("an ordinary user gets a missing layer by name, and with leave to go on all the others", "[hygiene]") {
  if (::geteuid() != 0) return skip("the suite itself runs as an ordinary user");
  TempDir dir;
  furnish(dir.path());
  ::chmod(dir.path().c_str(), 0777);
  const std::string refused = as_ordinary_user([] {
    auto host = Host::probe();
    if (!host) return describe(host.error());
    const auto slot = Slot::create(*host, {});
    return slot ? std::string("a slot") : std::string(code_info(slot.error().code).text) + " " + slot.error().context;
  });
  CHECK(refused.starts_with("sandbox:unavailable cgroup: "));
  CHECK(refused.contains("systemd-run --user"));

  const std::string ran = as_ordinary_user([&dir]() -> std::string {
    auto host = Host::probe();
    if (!host) return describe(host.error());
    auto slot = Slot::create(*host, {{{Layer::kCgroup, "no delegation on the test machine"}}});
    if (!slot) return describe(slot.error());
    auto cancel = Cancel::create();
    std::string said;
    for (const char* word : {"E5-core-pattern", "E9-memory-of-init", "E11-unshare-user", "E13-write-input", "X6-vsock", "X9-shadow", "fork-bomb", "outputs"}) {
      StepSpec spec;
      spec.argv = {"/plugin/hostile", word};
      if (std::string(word) == "outputs") spec.argv.push_back("good");
      spec.mounts = {{dir.path() + "/plugin", "/plugin"}, {dir.path() + "/data", "/in/data"}};
      spec.resources.pids = 10;
      auto finished = (*slot)->run(spec, *cancel);
      if (!finished) return describe(finished.error());
      said += std::to_string(finished->outcome.value) + " ";
      if (spec.argv.size() < 3) continue;
      const auto got = harvest_all(*finished);
      said += got ? std::to_string(got->paths.size()) : describe(got.error());
      const Json evidence = evidence_json(finished->evidence);
      said += " " + evidence["degraded"].dump() + " " + evidence["cgroup"]["mode"].get<std::string>() + " " + std::to_string(finished->evidence.host_uid);
    }
    return said;
  });
  CHECK(ran == "77 77 77 77 77 77 9 0 4 [{\"layer\":\"cgroup\",\"reason\":\"no delegation on the test machine\"}] none 65533");
}

TEST_CASE("an ordinary user who was given control groups has every layer, and every attempt meets its wall", "[hygiene]") {
  if (::geteuid() != 0) return skip("only root can give groups away");
  const auto mode = probe()->impl().cgroups.mode;
  if (mode == CgroupHost::Mode::kNone) return skip("no control groups can be had");
  Sandbox box;  // for its folder and its program
  ::chmod(box.dir().c_str(), 0777);
  ::unlink((box.dir() + "/stdout").c_str());
  const std::string name = "given-away-" + std::to_string(::getpid());
  const auto layout = parse_cgroup_layout(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup"));
  std::set<std::string> given;
  const bool one_tree = mode == CgroupHost::Mode::kV2;
  if (one_tree) given.insert(probe()->impl().cgroups.v2_base + "/" + name);  // its children have the controllers
  else for (const char* controller : {"memory", "pids", "cpu", "cpuacct"})
    if (const auto found = layout.v1.find(controller); found != layout.v1.end()) given.insert(found->second.own + "/" + name);
  const std::string said = in_child([&]() -> std::string {
    for (const std::string& group : given)
      if (::mkdir(group.c_str(), 0755) != 0 || ::chown(group.c_str(), 65533, 65533) != 0 || !write_control(group, "cgroup.procs", std::to_string(::getpid())))
        return "cannot give " + group;
    for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"})
      if (one_tree && ::chown((*given.begin() + "/" + file).c_str(), 65533, 65533) != 0) return std::string("cannot give ") + file;
    if (!become_ordinary_user()) return "could not become an ordinary user";
    const auto host = Host::probe();
    if (!host) return describe(host.error());
    auto slot = Slot::create(*host, {});
    if (!slot) return describe(slot.error());
    const auto run = [&](std::vector<std::string> arguments) { return (*slot)->run(box.spec(std::move(arguments)), box.cancel); };
    if (!run({"list"})) return "no list";
    std::istringstream names(box.out_text());
    std::string wrong;
    for (std::string attempt; std::getline(names, attempt);) {
      if (attempt.starts_with("X2-")) continue;  // nobody listens on the other side here
      const auto finished = run({attempt});
      if (!finished || finished->outcome.value != 77) wrong += attempt + " ";
    }
    StepSpec eating = box.spec({"eat-heap"});
    eating.resources.memory = 16 * kMiB;
    eating.resources.disk = 1 * kMiB;
    const auto eaten = (*slot)->run(eating, box.cancel);
    return wrong + (eaten && eaten->outcome.kind == Outcome::Kind::kOutOfMemory ? "eaten up" : "not killed") + ", " +
           (eaten ? evidence_json(eaten->evidence)["cgroup"]["mode"].get<std::string>() : "") + ", missing " +
           std::to_string(std::ranges::count((*host)->layers(), false, &LayerStatus::ok));
  });
  for (const std::string& group : given) CHECK(remove_group(group).has_value());
  CHECK(said == "eaten up, " + std::string(one_tree ? "v2" : "v1") + ", missing 0");
}

TEST_CASE("doctor names every layer and says whether it holds", "[hygiene]") {
  const auto host = probe();
  const Json doctor = doctor_json(*host, probe_endpoints(*host));
  REQUIRE(doctor["layers"].size() == kAllLayers.size());
  for (const Json& layer : doctor["layers"]) {
    INFO(layer.dump());
    CHECK(parse_layer(layer["name"].get<std::string>()).has_value());
    CHECK(layer.contains("remedy") == !layer["ok"].get<bool>());
    if (!layer["ok"].get<bool>()) skip(layer["name"].get<std::string>() + " is missing: " + layer["detail"].get<std::string>());
  }
  CHECK(doctor["profile"] == profile_digest()->prefixed());
  INFO(doctor["endpoints"].dump());
  CHECK(doctor["endpoints"]["ok"] == true);
  CHECK(doctor_json(*host, {false, "seen", "do this"})["endpoints"] == Json{{"ok", false}, {"detail", "seen"}, {"remedy", "do this"}});
}

TEST_CASE("doctor says that endpoints cannot be given where the machine has no loopback", "[hygiene]") {
  const auto host = probe();
  if (::geteuid() != 0) return skip("only root makes a network namespace here");
  const std::string said = in_child([&host]() -> std::string {
    if (::unshare(CLONE_NEWNET) != 0) return "no namespace";
    const EndpointStatus status = probe_endpoints(*host);
    return (status.ok ? "reached " : "refused ") + status.remedy;
  });
  CHECK(said == "refused The machine's own loopback must be up: ip link set lo up.");
}

TEST_CASE("a layer that is allowed to be missing but is there is used all the same", "[hygiene]") {
  const auto host = probe();
  Policy policy = allow_missing(*host);
  policy.allow_degraded.push_back({Layer::kLandlock, "not needed"});
  auto slot = Slot::create(host, policy);
  REQUIRE(slot.has_value());
  TempDir dir;
  furnish(dir.path());
  StepSpec spec;
  spec.argv = {"/plugin/hostile", "succeed"};
  spec.mounts = {{dir.path() + "/plugin", "/plugin"}};
  auto cancel = Cancel::create();
  const auto finished = (*slot)->run(spec, *cancel);
  REQUIRE(finished.has_value());
  CHECK(finished->evidence.landlock_abi > 0);
}
