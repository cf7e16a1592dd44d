#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "base/io.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSetup;
using test::RunSite;

namespace {

std::string dag(const std::string& steps) {
  return "apiVersion: airlock/v1\nkind: Dag\nmetadata: {id: work, version: 1.0.0}\nspec:\n  steps:\n" + steps;
}

const std::string kSteady = dag(R"(
    - {id: a, plugin: step@1.0.0, args: [cat, x], outputs: [{path: x}], inputs: {data: {bundle: kit, path: data}}}
    - {id: b, plugin: step@1.0.0, args: [cat, y], outputs: [{path: y}], inputs: {x: {step: a, path: x}}}
)");

const std::string kStamped = dag(R"(
    - {id: a, plugin: step@1.0.0, args: [write, x, "1"], outputs: [{path: x}]}
    - {id: b, plugin: step@1.0.0, args: [stamp, sub/y], outputs: [{path: sub}], needs: [a]}
    - {id: c, plugin: step@1.0.0, args: [cat, z], outputs: [{path: z}], inputs: {y: {step: b, path: sub}}}
)");

}  // namespace

TEST_CASE("a replay of steady steps is identical and says so on record") {
  RunSite site;
  site.import(kSteady);
  const auto original = site.run("work");
  REQUIRE(original);
  const auto cached = site.run("work");
  REQUIRE(cached);
  for (const RunId& id : {original->run.id, cached->run.id}) {  // a cached step has outputs to compare too
    const auto report = site.replay(id);
    if (!report) FAIL(describe(report.error()));
    CHECK(report->identical);
    CHECK_FALSE(report->first_difference);
    CHECK(report->replay.counts.succeeded == 2);  // nothing from the cache
    CHECK(report->replay.run.replay_of == id);
    CHECK(report->replay.run.plan_hash == original->run.plan_hash);
    const std::string file = site.root + "/runs/" + report->replay.run.id.str() + "/replay.json";
    CHECK(read_file(file, kMiB).value() == report->manifest);
    CHECK(ledger::document(*site.ledger, Digest::of(report->manifest)));
    CHECK(site.kinds("run:" + report->replay.run.id.str()).back() == "run.replayed");
    const Json manifest = parse_json(report->manifest, "manifest").value();
    CHECK(manifest.at("identical") == true);
    CHECK(manifest.at("steps").size() == 2);
  }
  site.check_history();
}

TEST_CASE("a replay names the first step and path that differ") {
  RunSite site;
  site.import(kStamped);
  const auto original = site.run("work");
  REQUIRE(original);
  const auto report = site.replay(original->run.id);
  REQUIRE(report);
  CHECK_FALSE(report->identical);
  REQUIRE(report->first_difference);
  CHECK(report->first_difference->step == "b");
  CHECK(report->first_difference->path == "sub/y");
  CHECK(report->first_difference->original == Digest::of(original->run.id.str()));
  CHECK(report->first_difference->replayed == Digest::of(report->replay.run.id.str()));
  CHECK(parse_json(report->manifest, "manifest").value().at("firstDifference").at("path") == "sub/y");
  site.check_history();
}

TEST_CASE("a failed run replays, and failing alike is identical") {
  RunSite site;
  site.import(dag("    - {id: a, plugin: step@1.0.0, args: [exit, \"3\"]}\n    - {id: b, plugin: step@1.0.0, args: [nothing], needs: [a]}\n"));
  const auto original = site.run("work");
  REQUIRE(original);
  const auto report = site.replay(original->run.id);
  REQUIRE(report);
  CHECK(report->identical);
  CHECK(to_text(report->replay.run.state) == "failed");
}

TEST_CASE("a replay needs nothing of the catalog, only what the original recorded") {
  RunSite site;
  site.import(kSteady);
  const auto original = site.run("work");
  REQUIRE(original);
  site.program = "another program";
  site.import(dag("    - {id: other, plugin: step@1.0.0, args: [nothing]}\n").replace(dag("").find("1.0.0"), 5, "2.0.0"));
  const auto report = site.replay(original->run.id);
  if (!report) FAIL(describe(report.error()));
  CHECK(report->identical);
}

TEST_CASE("a replay that was killed is taken up, runs without the cache, and is compared") {
  RunSite site;
  site.import(kSteady);
  const RunId original = site.run("work")->run.id;
  site.executor.reset();
  site.ledger.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    site.open();
    site.watcher.on_said = [](const std::string& what) { what == "started b.1" ? (void)::raise(SIGKILL) : (void)0; };
    (void)site.replay(original);
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  site.open();
  ledger::RunQuery unfinished;
  unfinished.unfinished = true;
  const auto left = ledger::list_runs(*site.ledger, test::tenant(), unfinished);
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(site.replay(left->front().id).error().code == Code::kRunState);
  const auto report = site.resume(left->front().id);
  REQUIRE(report);
  CHECK(report->counts.succeeded == 2);
  CHECK(site.kinds("run:" + left->front().id.str()).back() == "run.replayed");
  CHECK(path_exists(site.root + "/runs/" + left->front().id.str() + "/replay.json"));
  site.check_history();
}
