// Each field of the evidence, by a step that makes it say something.
#include <signal.h>

#include "fixture.h"

using namespace kernel_test;

namespace {

Json evidence(const Finished& finished) { return evidence_json(finished.evidence); }

}  // namespace

TEST_CASE("the evidence has these fields, and no others", "[evidence]") {
  Sandbox box;
  const Json e = evidence(box.run({"succeed"}));
  const auto keys = [](const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    return names;
  };
  CHECK(keys(e) == std::vector<std::string>{"cgroup", "degraded", "exit", "hostUid", "killedBy", "landlockAbi", "layers", "limitEvents", "limits", "logs",
                                            "network", "seccomp", "usage", "wallMs"});
  CHECK(keys(e["cgroup"]) == std::vector<std::string>{"memoryLimit", "mode"});
  CHECK(keys(e["limits"]) == std::vector<std::string>{"cpuMillis", "disk", "inodes", "memory", "pids", "timeoutMs"});
  CHECK(keys(e["usage"]) == std::vector<std::string>{"bytesWritten", "cpuMicros", "inodesUsed", "memoryPeak", "pidsPeak"});
  CHECK(keys(e["limitEvents"]) == std::vector<std::string>{"cpuThrottledMicros", "oomKills", "pidsLimitHits"});
  CHECK(keys(e["logs"]) == std::vector<std::string>{"events", "stderr", "stdout"});
  CHECK(e["network"] == Json{{"mode", "denied"}, {"granted", Json::array()}, {"decisions", Json::array()}, {"others", 0}});
}

TEST_CASE("what was in force, and what was declared, stands in the evidence as it was", "[evidence]") {
  Sandbox box;
  StepSpec spec = box.spec({"succeed"});
  spec.resources = {.memory = 77 * kMiB, .cpu = 0.75, .pids = 7, .disk = 3 * kMiB, .inodes = 333, .timeout = Millis{12'345}, .grace = Millis{1}};
  const Json e = evidence(box.run(spec));
  CHECK(e["limits"] == Json{{"memory", 77 * kMiB}, {"cpuMillis", 750}, {"pids", 7}, {"disk", 3 * kMiB}, {"inodes", 333}, {"timeoutMs", 12'345}});
  std::size_t in_force = 0;
  for (const LayerStatus& layer : box.host->layers()) in_force += layer.ok ? 1 : 0;
  CHECK(e["layers"].size() == in_force);
  CHECK(e["seccomp"]["digest"] == profile_digest()->prefixed());
  CHECK(e["seccomp"]["profile"].get<std::string>().starts_with("airlock-seccomp/"));
  CHECK((e["landlockAbi"].get<unsigned>() > 0) == box.has(Layer::kLandlock));
  CHECK(e["hostUid"].get<unsigned>() != 0);
  if (box.has(Layer::kCgroup)) {
    CHECK((e["cgroup"]["mode"] == "v1" || e["cgroup"]["mode"] == "v2"));
    CHECK(e["cgroup"]["memoryLimit"] == 80 * kMiB);
    CHECK(e["degraded"].empty());
  } else {
    CHECK(e["cgroup"] == Json{{"mode", "none"}, {"memoryLimit", 0}});
    CHECK_FALSE(e["degraded"].empty());
  }
}

TEST_CASE("the evidence says how a step ended, and who ended it", "[evidence]") {
  Sandbox box;
  CHECK(evidence(box.run({"exit", "9"}))["exit"] == Json{{"code", 9}});
  CHECK(evidence(box.run({"crash"}))["exit"] == Json{{"signal", SIGSEGV}});
  CHECK(evidence(box.run({"crash"}))["killedBy"] == "nobody");
  StepSpec late = box.spec({"obey-term"});
  late.resources.timeout = Millis{100};
  const Json obeyed = evidence(box.run(late));
  CHECK(obeyed["killedBy"] == "timeout");
  CHECK(obeyed["exit"] == Json{{"code", 5}});
  CHECK(obeyed["wallMs"].get<int>() >= 100);
  late.argv[1] = "ignore-term";
  late.resources.grace = Millis{50};
  CHECK(evidence(box.run(late))["killedBy"] == "timeout-after-grace");
  StepSpec cancelled = box.spec({"wait"});
  cancelled.capture.on_event = [&box](std::string_view) { box.cancel.request(Cancel::Level::kKill); };
  CHECK(evidence(box.run(cancelled))["killedBy"] == "cancel");
}

TEST_CASE("the evidence says what a step used", "[evidence]") {
  Sandbox box;
  StepSpec filling = box.spec({"fill-out"});
  filling.resources.disk = 8 * kMiB;
  const Json filled = evidence(box.run(filling));
  CHECK(filled["usage"]["bytesWritten"].get<std::uint64_t>() > 7 * kMiB);
  CHECK(filled["usage"]["bytesWritten"].get<std::uint64_t>() <= 8 * kMiB);
  CHECK(filled["usage"]["inodesUsed"] == 1);
  CHECK(filled["wallMs"].get<int>() >= 0);

  StepSpec burning = box.spec({"loop"});
  burning.resources.timeout = Millis{300};
  burning.resources.grace = Millis{0};
  burning.resources.cpu = 0.2;
  const Json burnt = evidence(box.run(burning));
  CHECK(burnt["usage"]["cpuMicros"].get<std::uint64_t>() > 10'000);

  StepSpec loud = box.spec({"flood", "5000"});
  loud.capture.log_bytes = 1000;
  CHECK(evidence(box.run(loud))["logs"]["stdout"] == Json{{"bytes", 5000}, {"kept", 1000}, {"capped", true}});
  const Json quiet = evidence(box.run({"shout"}));
  CHECK(quiet["logs"]["stderr"] == Json{{"bytes", 10}, {"kept", 10}, {"capped", false}});
  CHECK(evidence(box.run({"events"}))["logs"]["events"]["bytes"] == 23);

  if (!box.has(Layer::kCgroup)) return skip("without control groups there is no more to count");
  CHECK(burnt["limitEvents"]["cpuThrottledMicros"].get<std::uint64_t>() > 0);
  CHECK(filled["usage"]["memoryPeak"].get<std::uint64_t>() > 7 * kMiB);
  StepSpec eating = box.spec({"eat-heap"});
  eating.resources.memory = 16 * kMiB;
  eating.resources.disk = 1 * kMiB;
  const Json eaten = evidence(box.run(eating));
  CHECK(eaten["limitEvents"]["oomKills"].get<int>() > 0);
  CHECK(eaten["killedBy"] == "out-of-memory");
  StepSpec forking = box.spec({"fork-bomb"});
  forking.resources.pids = 8;
  CHECK(evidence(box.run(forking))["limitEvents"]["pidsLimitHits"].get<int>() > 0);
}
