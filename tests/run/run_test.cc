#include <catch2/catch.hpp>

#include "base/io.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSetup;
using test::RunSite;

namespace {

std::string dag(const std::string& steps, const std::string& spec = "") {
  return "apiVersion: airlock/v1\nkind: Dag\nmetadata: {id: work, version: 1.0.0}\nspec:\n" + spec + "  steps:\n" + steps;
}

// Three steps in a row, the last of which takes everything, and a fan.
const std::string kChain = dag(R"(
    - {id: first, plugin: step@1.0.0, args: [write, one.txt, "1"], outputs: [{path: one.txt, mediaType: text/plain}], inputs: {a: {bundle: kit, path: data/a.txt}}}
    - {id: second, plugin: step@1.0.0, args: [cat, all.txt], outputs: [{path: all.txt}], inputs: {one: {step: first, path: one.txt}, data: {bundle: kit, path: data}}}
    - {id: fan, plugin: step@1.0.0, args: [write, "f.txt", "<${item}>"], outputs: [{path: f.txt}], forEach: {items: [x, y]}, needs: [first]}
    - {id: third, plugin: step@1.0.0, args: [cat, end.txt], outputs: [{path: end.txt}], inputs: {second: {step: second}, fan: {step: fan, path: f.txt}}}
)");

RunReport ran(RunSite& site, const RunSetup& setup = {}) {
  auto report = site.run("work", setup);
  if (!report) FAIL(describe(report.error()));
  return std::move(*report);
}

std::string state(const RunReport& report) { return std::string(to_text(report.run.state)); }

}  // namespace

TEST_CASE("a run gives each step its inputs and keeps what it wrote") {
  RunSite site;
  site.import(kChain);
  const RunReport report = ran(site, {.rationale = "a test"});
  CHECK(state(report) == "succeeded");
  CHECK(report.counts.succeeded == 5);
  CHECK(site.output(report.run.id, "second", "all.txt") == "data/a.txt=alpha;data/sub/b.txt=beta;one=1;");
  CHECK(site.output(report.run.id, "third", "end.txt") ==
        "fan/0/f.txt=<x>;fan/1/f.txt=<y>;second/all.txt=data/a.txt=alpha;data/sub/b.txt=beta;one=1;;");
  CHECK(report.run.rationale == "a test");
  CHECK(report.run.outputs_hash);
  CHECK(report.run.trace_id);
  const auto first = *ledger::artifacts_of(*site.ledger, test::tenant(), report.run.id, *StepId::parse("first"));
  REQUIRE(first.size() == 1);
  CHECK(first[0].media_type == "text/plain");
  site.check_history();
}

TEST_CASE("the history of a run names every change in order") {
  RunSite site;
  site.import(dag("    - {id: only, plugin: step@1.0.0, args: [write, x, y], outputs: [{path: x}]}\n"));
  const RunReport report = ran(site);
  const std::string run = "run:" + report.run.id.str();
  CHECK(site.kinds(run) == std::vector<std::string>{"run.created", "run.running", "run.succeeded"});
  CHECK(site.kinds(run + "/step:only") == std::vector<std::string>{"step.running", "step.attempt", "step.succeeded"});
  CHECK(site.kinds("job:" + report.run.job.str()) ==
        std::vector<std::string>{"job.submitted", "job.queued", "job.leased", "job.running", "job.succeeded"});
  CHECK(site.watcher.said == std::vector<std::string>{"created", "started only.1", "succeeded only"});
}

TEST_CASE("a second run takes every step from the cache and has the same outputs") {
  RunSite site;
  site.import(kChain);
  const RunReport first = ran(site), second = ran(site);
  CHECK(second.run.id != first.run.id);
  CHECK(second.counts.cached == 5);
  CHECK(second.run.outputs_hash == first.run.outputs_hash);
  CHECK(site.attempts(second.run.id).empty());
  CHECK(site.output(second.run.id, "third", "end.txt") == site.output(first.run.id, "third", "end.txt"));
  const auto steps = *ledger::steps_of(*site.ledger, test::tenant(), second.run.id);
  for (const auto& step : steps) CHECK(step.from_run == first.run.id);
  site.check_history();
}

TEST_CASE("without the cache, with another input or from a plugin that is not deterministic, steps run again") {
  RunSite site;
  site.import(kChain);
  ran(site);
  RunSetup fresh;
  fresh.options.no_cache = true;
  CHECK(ran(site, fresh).counts.succeeded == 5);

  site.import(dag("    - {id: die, plugin: dice@1.0.0, args: [write, x, y], outputs: [{path: x}]}\n"
                  "    - {id: after, plugin: step@1.0.0, args: [cat, z], outputs: [{path: z}], inputs: {x: {step: die, path: x}}}\n")
                  .replace(dag("").find("work"), 4, "dice"));
  REQUIRE(site.run("dice"));
  const auto again = site.run("dice");
  REQUIRE(again);
  CHECK(site.states(again->run.id) == "after cached, die succeeded");
}

TEST_CASE("a result whose bytes are gone from the store is not reused") {
  RunSite site;
  site.import(dag("    - {id: only, plugin: step@1.0.0, args: [write, x, y], outputs: [{path: x}]}\n"));
  ran(site);
  REQUIRE(site.store->remove(Digest::of("y")));
  CHECK(ran(site).counts.succeeded == 1);
  CHECK(site.store->has(Digest::of("y")));
}

TEST_CASE("the same token gives the same run") {
  RunSite site;
  site.import(kChain);
  const RunReport first = ran(site, {.token = "nightly"});
  CHECK_FALSE(first.existed);
  const RunReport second = ran(site, {.token = "nightly"});
  CHECK(second.existed);
  CHECK(second.run.id == first.run.id);
  CHECK(ran(site, {.token = "another"}).run.id != first.run.id);
}

TEST_CASE("a failed step skips what depends on it, and without continueOnError what has not begun") {
  const std::string steps = "    - {id: bad, plugin: step@1.0.0, args: [exit, \"3\"]}\n"
                            "    - {id: next, plugin: step@1.0.0, args: [nothing], needs: [bad]}\n"
                            "    - {id: other, plugin: step@1.0.0, args: [nothing]}\n"
                            "    - {id: rescue, plugin: step@1.0.0, args: [write, r, r], needs: [bad], when: failed}\n";
  for (const bool go_on : {false, true}) {
    RunSite site;
    site.import(dag(steps, go_on ? "  maxParallel: 1\n  continueOnError: true\n" : "  maxParallel: 1\n"));
    const RunReport report = ran(site);
    CHECK(state(report) == "failed");
    CHECK(site.states(report.run.id) == std::string("bad failed, next skipped, other ") + (go_on ? "succeeded" : "skipped") + ", rescue succeeded");
    REQUIRE(report.failures.size() == 1);
    CHECK(report.failures[0].error.code == Code::kStepExit);
    CHECK(site.kinds("job:" + report.run.job.str()).back() == "job.failed");
    site.check_history();
  }
}

TEST_CASE("what can go wrong in a step fails it with its own code") {
  struct Case {
    const char* name;
    const char* args;
    const char* outputs;
    Code code;
    const char* ends;
  };
  const Case kCases[] = {
      {"a missing output", "nothing", "{path: x}", Code::kStepOutputMissing, "failed"},
      {"a link as output", "link, x, /etc/passwd", "{path: x}", Code::kStepOutputRefused, "failed"},
      {"an exit status", "exit, \"9\"", "", Code::kStepExit, "failed"},
      {"a signal", "signal, \"11\"", "", Code::kStepSignal, "failed"},
      {"too much memory", "oom", "", Code::kStepMemory, "failed"},
      {"too much time", "hang", "", Code::kStepTimeout, "timed_out"},
      {"a sandbox that fails", "broken", "", Code::kSandboxSetup, "failed"},
  };
  for (const Case& c : kCases) {
    INFO(c.name);
    RunSite site;
    site.import(dag(std::string("    - {id: s, plugin: step@1.0.0, args: [") + c.args + "], outputs: [" + c.outputs + "]}\n"));
    const RunReport report = ran(site);
    CHECK(state(report) == "failed");
    CHECK(site.states(report.run.id) == std::string("s ") + c.ends);
    REQUIRE(report.failures.size() == 1);
    CHECK(report.failures[0].error.code == c.code);
    REQUIRE(site.attempts(report.run.id).size() == 1);
    CHECK(site.attempts(report.run.id)[0].error->at("code") == code_info(c.code).text);
    site.check_history();
  }
}

TEST_CASE("an empty folder is an output too") {
  RunSite site;
  site.import(dag("    - {id: a, plugin: step@1.0.0, args: [mkdir, none], outputs: [{path: none}]}\n"
                  "    - {id: b, plugin: step@1.0.0, args: [cat, x], outputs: [{path: x}], inputs: {none: {step: a, path: none}}}\n"));
  const RunReport report = ran(site);
  CHECK(state(report) == "succeeded");
  CHECK(site.output(report.run.id, "b", "x").empty());
}

TEST_CASE("exit status 75 is retried as often as the step allows, within one run") {
  RunSite site;
  site.import(dag("    - {id: s, plugin: step@1.0.0, args: [flaky, \"75\", \"3\", x], outputs: [{path: x}], retry: {maxAttempts: 3, backoff: 1ms}}\n"));
  const RunReport report = ran(site);
  CHECK(state(report) == "succeeded");
  const auto attempts = site.attempts(report.run.id);
  REQUIRE(attempts.size() == 3);
  CHECK(attempts[0].outcome == "failed");
  CHECK(attempts[0].exit == Json{{"code", 75}});
  CHECK(attempts[2].outcome == "succeeded");
  CHECK(site.watcher.said == std::vector<std::string>{"created", "started s.1", "retries s", "started s.2", "retries s", "started s.3", "succeeded s"});
  site.check_history();

  RunSite limited;
  limited.import(dag("    - {id: s, plugin: step@1.0.0, args: [flaky, \"75\", \"3\", x], outputs: [{path: x}], retry: {maxAttempts: 2, backoff: 1ms}}\n"));
  CHECK(state(ran(limited)) == "failed");
}

TEST_CASE("logs that hold something are kept, and their digests are evidence") {
  RunSite site;
  site.import(dag("    - {id: s, plugin: step@1.0.0, args: [say, hello]}\n"));
  const RunReport report = ran(site);
  const std::string stem = site.root + "/runs/" + report.run.id.str() + "/s.1";
  CHECK(read_file(stem + ".out", 100).value() == "hello\n");
  CHECK_FALSE(path_exists(stem + ".err"));
  CHECK(site.attempts(report.run.id)[0].evidence.at("logDigests") == Json{{"stdout", Digest::of("hello\n").hex()}});
}

TEST_CASE("a tenant sees neither the runs nor the results of another") {
  RunSite site;
  site.import(kChain);
  site.import(kChain, "other");
  const RunReport report = ran(site);
  CHECK(site.resume(report.run.id, {.tenant = "other"}).error().code == Code::kNotFound);
  CHECK(site.replay(report.run.id, {.tenant = "other"}).error().code == Code::kNotFound);
  CHECK(site.run("work", {.tenant = "third"}).error().code == Code::kNotFound);
  const RunReport theirs = ran(site, {.tenant = "other"});
  CHECK(theirs.counts.cached == 0);
  CHECK(theirs.run.outputs_hash == report.run.outputs_hash);
}
