// Layers, cancelling, control group trees, lines, outcomes and evidence.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/capture.h"
#include "sandbox/cgroup_layout.h"
#include "sandbox/init_image.h"
#include "sandbox/remedy.h"
#include "sandbox/sandbox.h"
#include "sandbox/supervise.h"

using namespace airlock;
using namespace airlock::sandbox;

TEST_CASE("a remedy names the setting that is in the way here") {
  HostSettings plain;
  plain.program = "/usr/bin/airlock";
  plain.uid = 1000;
  const auto with = [&plain](auto change) {
    HostSettings host = plain;
    change(host);
    return host;
  };
  struct Case {
    Layer layer;
    HostSettings host;
    std::vector<std::string> says;
  };
  const Case cases[] = {
      {Layer::kUserNs, with([](auto& h) { h.limits["max_user_namespaces"] = "0"; }), {"sysctl -w user.max_user_namespaces=", "/etc/sysctl.d/"}},
      {Layer::kUserNs, with([](auto& h) { h.userns_clone = "0"; }), {"sysctl -w kernel.unprivileged_userns_clone=1"}},
      {Layer::kUserNs, with([](auto& h) { h.apparmor_userns = "1"; }), {"/etc/apparmor.d/airlock", "profile airlock /usr/bin/airlock", "userns,", "apparmor_parser -r"}},
      {Layer::kUserNs, with([](auto& h) { h.apparmor_userns = "0"; h.userns_clone = "1"; }), {"CONFIG_USER_NS", "as root"}},
      {Layer::kNetNs, with([](auto& h) { h.limits["max_net_namespaces"] = "0"; }), {"sysctl -w user.max_net_namespaces="}},
      {Layer::kNetNs, with([](auto& h) { h.limits["max_net_namespaces"] = "9"; }), {"a container"}},
      {Layer::kLandlock, with([](auto& h) { h.lsm = "capability,yama,apparmor"; }), {"lsm=landlock,capability,yama,apparmor", "/etc/default/grub"}},
      {Layer::kLandlock, with([](auto& h) { h.lsm = "capability,landlock"; }), {"CONFIG_SECURITY_LANDLOCK"}},
      {Layer::kCgroup, with([](auto& h) { h.systemd = true; h.delegated = "memory pids"; }), {"user@.service.d/delegate.conf", "Delegate=cpu memory pids", "daemon-reload"}},
      {Layer::kCgroup, with([](auto& h) { h.systemd = true; h.delegated = "cpu memory pids"; }), {"systemd-run --user --scope -p Delegate=yes"}},
      {Layer::kCgroup, with([](auto& h) { h.separate_trees = true; }), {"/sys/fs/cgroup/$t/airlock", "systemd-run --user"}},
      {Layer::kCgroup, plain, {"chown -R 1000 /sys/fs/cgroup/airlock", "systemd-run --user"}},
      {Layer::kCgroup, with([](auto& h) { h.uid = 0; }), {"Mount cgroup version 2"}},
  };
  for (const Case& c : cases) {
    const std::string remedy = layer_remedy(c.layer, c.host);
    for (const std::string& part : c.says) {
      INFO(remedy);
      CHECK(remedy.contains(part));
    }
    CHECK(remedy.find('\n') == std::string::npos);
  }
  const HostSettings here = read_host_settings();
  CHECK_FALSE(here.program.empty());
  CHECK(here.limits.contains("max_user_namespaces"));
}

TEST_CASE("layers are known by name, and a misspelt one is answered with the list") {
  for (const Layer layer : kAllLayers) {
    CHECK(*parse_layer(layer_name(layer)) == layer);
    CHECK_FALSE(layer_remedy(layer, {}).empty());
    CHECK(LayerSet::all().has(layer));
    CHECK_FALSE(LayerSet::all().without(layer).has(layer));
    CHECK(LayerSet().with(layer).has(layer));
  }
  const auto wrong = parse_layer("landlok");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().code == Code::kUsage);
  CHECK(wrong.error().context.contains("landlock"));
}

TEST_CASE("a cancel only rises, and its events stay readable") {
  const auto cancel = Cancel::create();
  REQUIRE(cancel.has_value());
  const auto readable = [](const UniqueFd& fd) {
    pollfd p{fd.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  };
  Cancel moved = std::move(*Cancel::create());
  moved.request(Cancel::Level::kDrain);
  CHECK(readable(moved.drain_event()));
  CHECK_FALSE(readable(moved.stop_event()));
  moved.request(Cancel::Level::kStop);
  CHECK(readable(moved.stop_event()));
  CHECK_FALSE(readable(moved.kill_event()));
  moved.request(Cancel::Level::kKill);
  moved.request(Cancel::Level::kDrain);
  CHECK(moved.level() == Cancel::Level::kKill);
  CHECK(readable(moved.kill_event()));
}

TEST_CASE("control group trees: version 1, version 2, both, and a container's view") {
  const auto hybrid = parse_cgroup_layout(
      "24 18 0:21 / /proc rw - proc proc rw\n"
      "31 30 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "33 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "34 30 0:29 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n",
      "5:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/user.slice\n");
  CHECK(hybrid.v1.at("memory").own == "/sys/fs/cgroup/memory/a/b");
  CHECK(hybrid.v1.at("cpu").own == "/sys/fs/cgroup/cpu,cpuacct");
  CHECK(hybrid.v1.at("cpuacct").own == hybrid.v1.at("cpu").own);
  CHECK_FALSE(hybrid.v1.contains("pids"));
  REQUIRE(hybrid.v2);
  CHECK(hybrid.v2->own == "/sys/fs/cgroup/uni fied/user.slice");

  const auto container = parse_cgroup_layout("40 30 0:29 /docker/12 /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/12/sub\n");
  REQUIRE(container.v2);
  CHECK(container.v2->own == "/sys/fs/cgroup/sub");
  CHECK_FALSE(parse_cgroup_layout("40 30 0:29 /docker/12 /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/123\n").v2);
  const auto nothing = parse_cgroup_layout("garbage\n\n", "more:garbage\nno colon");
  CHECK(nothing.v1.empty());
  CHECK_FALSE(nothing.v2);
}

TEST_CASE("steps need the cpu, memory and pids controllers, in any order") {
  CHECK(has_step_controllers("cpuset cpu io memory hugetlb pids\n"));
  CHECK_FALSE(has_step_controllers("hugetlb\n"));
  CHECK_FALSE(has_step_controllers("cpuset memory pids"));
  CHECK_FALSE(has_step_controllers(""));
}

TEST_CASE("lines are cut however the bytes arrive; too long ones and an unfinished last one are left out") {
  const std::string text = "one\n\ntoo long a line\ntwo\nunfinished";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    std::vector<std::string> lines;
    LineSplitter splitter(8, [&lines](std::string_view line) { lines.emplace_back(line); });
    for (std::size_t at = 0; at < text.size(); at += chunk) splitter.feed(std::string_view(text).substr(at, chunk));
    INFO(chunk);
    CHECK(lines == std::vector<std::string>{"one", "", "two"});
  }
}

TEST_CASE("an end is judged by its cause: memory, then no start, then who killed, then the status") {
  using Kind = Outcome::Kind;
  const auto exited = [](int code) { return code << 8; };
  Ended ended;
  ended.wait_status = exited(3);
  CHECK(judge(ended, 0).kind == Kind::kExited);
  CHECK(judge(ended, 0).value == 3);
  CHECK(judge(ended, 1).kind == Kind::kOutOfMemory);
  ended.killed_by = KilledBy::kTimeout;
  CHECK(judge(ended, 0).kind == Kind::kTimedOut);
  ended.killed_by = KilledBy::kCancel;
  CHECK(judge(ended, 0).kind == Kind::kCancelled);
  CHECK(judge(ended, 2).kind == Kind::kOutOfMemory);
  ended.killed_by = KilledBy::kNobody;
  ended.wait_status = SIGSEGV;
  CHECK(judge(ended, 0).kind == Kind::kSignaled);
  CHECK(judge(ended, 0).value == SIGSEGV);
  ended.wait_status = exited(127);
  ended.not_started = 2;
  CHECK(judge(ended, 0).kind == Kind::kNotStarted);
  CHECK(judge(Ended{}, 0).value == SIGKILL);  // no word from the init: it was killed from outside
}

TEST_CASE("each outcome has its error code, and success has none") {
  const auto code = [](Outcome outcome) {
    Finished finished{outcome, {}, UniqueFd()};
    const auto error = step_error(finished);
    return error ? error->code : Code::kInternal;
  };
  using Kind = Outcome::Kind;
  CHECK(code({Kind::kExited, 0}) == Code::kInternal);
  CHECK(code({Kind::kExited, 1}) == Code::kStepExit);
  CHECK(code({Kind::kSignaled, 11}) == Code::kStepSignal);
  CHECK(code({Kind::kTimedOut}) == Code::kStepTimeout);
  CHECK(code({Kind::kOutOfMemory}) == Code::kStepMemory);
  CHECK(code({Kind::kCancelled}) == Code::kInterrupted);
  CHECK(code({Kind::kNotStarted, 2}) == Code::kStepExit);
}

TEST_CASE("evidence holds every field of the contract, also when nothing could be counted") {
  Evidence e;
  e.layers = {Layer::kUserNs, Layer::kSeccomp};
  e.degraded = {{Layer::kCgroup, "old kernel"}};
  e.exit_signal = 9;
  e.killed_by = KilledBy::kTimeoutAfterGrace;
  const Json json = evidence_json(e);
  for (const char* field : {"layers", "degraded", "seccomp", "landlockAbi", "hostUid", "cgroup", "limits", "usage", "limitEvents", "logs", "network",
                            "wallMs", "exit", "killedBy"})
    CHECK(json.contains(field));
  CHECK(json["layers"] == Json({"user-namespace", "seccomp"}));
  CHECK(json["degraded"][0]["reason"] == "old kernel");
  CHECK(json["usage"]["memoryPeak"].is_null());
  CHECK(json["exit"] == Json({{"signal", 9}}));
  CHECK(json["killedBy"] == "timeout-after-grace");
  CHECK(json["network"]["mode"] == "denied");
}

TEST_CASE("the init is a small ELF file that nobody can read or change") {
  CHECK(init_image().starts_with("\x7f" "ELF"));
  CHECK(init_image().size() < 8192);
  const auto file = make_init_file();
  REQUIRE(file.has_value());
  CHECK(::write(file->get(), "x", 1) == -1);
}
