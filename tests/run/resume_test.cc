#include <sqlite3.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "ledger/jobs.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSetup;
using test::RunSite;

namespace {

// Every kind of edge, a retry, and a step whose result is used twice.
const std::string kWork = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: 1.0.0}
spec:
  steps:
    - {id: first, plugin: step@1.0.0, args: [cat, x], outputs: [{path: x}], inputs: {data: {bundle: kit, path: data}}}
    - {id: fan, plugin: step@1.0.0, args: [write, y, "${item}"], outputs: [{path: y}], forEach: {items: [p, q]}, needs: [first]}
    - {id: flaky, plugin: step@1.0.0, args: [flaky, "75", "2", z], outputs: [{path: z}], retry: {maxAttempts: 2, backoff: 1ms}}
    - {id: last, plugin: step@1.0.0, args: [cat, end], outputs: [{path: end}], inputs: {x: {step: first, path: x}, y: {step: fan, path: y}, z: {step: flaky}}}
)";

RunReport must(Result<RunReport> report) {
  if (!report) FAIL(describe(report.error()));
  return std::move(*report);
}

// What a process that is killed when the fuse has burnt leaves behind. True when it came to its end instead.
bool killed_child(RunSite& site, long fuse, const std::function<bool()>& work) {
  site.executor.reset();  // threads do not survive a fork, nor should two processes share a ledger connection
  site.ledger.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    site.open();
    site.fuse.left = fuse;
    ::_exit(work() ? 0 : 3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  site.open();
  if (WIFSIGNALED(status)) {
    REQUIRE(WTERMSIG(status) == SIGKILL);
    return false;
  }
  REQUIRE(WEXITSTATUS(status) == 0);
  return true;
}

std::map<std::string, std::uint32_t> attempts_of_ended(RunSite& site, const RunId& run) {
  std::map<std::string, std::uint32_t> out;
  const auto steps = ledger::steps_of(*site.ledger, test::tenant(), run);
  REQUIRE(steps);
  for (const ledger::StepRow& step : *steps)
    if (is_final(step.state)) out[step.step.str()] = step.attempt;
  return out;
}

}  // namespace

TEST_CASE("killed at any commit, a run is taken up and ends as an undisturbed one") {
  RunSite undisturbed;
  undisturbed.import(kWork);
  const RunReport wanted = must(undisturbed.run("work"));
  REQUIRE(to_text(wanted.run.state) == "succeeded");
  const RunSetup setup{.token = "once"};
  bool ended = false;
  for (long fuse = 1; !ended; ++fuse) {
    INFO("killed at " << fuse);
    RunSite site;
    site.import(kWork);
    ended = killed_child(site, fuse, [&] { return site.run("work", setup).has_value(); });
    const auto left = ledger::list_runs(*site.ledger, test::tenant());
    REQUIRE(left);
    REQUIRE(left->size() <= 1);
    std::map<std::string, std::uint32_t> kept;
    if (!left->empty()) kept = attempts_of_ended(site, left->front().id);
    site.check_history();

    const RunReport report = must(site.run("work", setup));  // the same command again
    CHECK(to_text(report.run.state) == "succeeded");
    CHECK(report.run.outputs_hash == wanted.run.outputs_hash);
    CHECK(report.existed == !left->empty());
    const auto all = attempts_of_ended(site, report.run.id);
    CHECK(all.size() == 5);
    for (const auto& [step, attempt] : kept) CHECK(all.at(step) == attempt);  // what was acknowledged did not run again
    for (const auto& attempt : site.attempts(report.run.id)) CHECK(attempt.outcome != "cancelled");
    const auto job = ledger::job_status(*site.ledger, test::tenant(), report.run.job);
    REQUIRE(job);
    CHECK(to_text(job->state) == "succeeded");
    site.check_history();
  }
}

TEST_CASE("an attempt that was cut off is on record as interrupted and does not use up a try") {
  RunSite site;
  site.import(kWork);
  // The first attempts are begun once the observer has heard of them.
  killed_child(site, -1, [&] {
    site.watcher.on_said = [](const std::string& what) { what == "started first.1" ? (void)::raise(SIGKILL) : (void)0; };
    return site.run("work").has_value();
  });
  const RunId run = ledger::list_runs(*site.ledger, test::tenant())->front().id;
  const RunReport report = must(site.resume(run));
  CHECK(to_text(report.run.state) == "succeeded");
  CHECK(site.kinds("run:" + run.str()) == std::vector<std::string>{"run.created", "run.running", "run.resumed", "run.succeeded"});
  const auto attempts = site.attempts(run);
  REQUIRE(!attempts.empty());
  CHECK(attempts[0].step.str() == "first");
  CHECK(attempts[0].outcome == "interrupted");
  CHECK(attempts[1].outcome == "succeeded");
  CHECK(report.run.trace_id == ledger::get_run(*site.ledger, test::tenant(), run)->trace_id);
  site.check_history();
}

TEST_CASE("a run whose process is gone is cancelled in the ledger") {
  RunSite site;
  site.import(kWork);
  killed_child(site, -1, [&] {
    site.watcher.on_said = [](const std::string& what) { what == "started first.1" ? (void)::raise(SIGKILL) : (void)0; };
    return site.run("work").has_value();
  });
  const RunId run = ledger::list_runs(*site.ledger, test::tenant())->front().id;
  REQUIRE(cancel_run({*site.ledger, site.clock, site.root + "/runs"}, test::tenant(), run, {"unix:boss", "not needed"}));
  CHECK(to_text(ledger::get_run(*site.ledger, test::tenant(), run)->state) == "cancelled");
  CHECK(must(site.resume(run)).counts.cancelled == 5);
  site.check_history();
}

TEST_CASE("a full disk stops a run where a resume can take it up") {
  RunSite site;
  site.import(kWork);
  const RunReport wanted = must(site.run("work"));

  RunSite other;
  other.import(kWork);
  other.watcher.on_said = [&](const std::string& what) {
    if (what == "started fan[0].1") other.fs.full = true;
  };
  const auto stopped = other.run("work");
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Code::kDiskFull);
  const auto run = ledger::list_runs(*other.ledger, test::tenant())->front();
  CHECK(stopped.error().context.find(run.id.str()) != std::string::npos);
  CHECK(to_text(run.state) == "running");
  CHECK(to_text(ledger::job_status(*other.ledger, test::tenant(), run.job)->state) == "queued");
  other.check_history();
  CHECK(other.resume(run.id).error().code == Code::kDiskFull);

  other.watcher.on_said = {};
  other.fs.full = false;
  const RunReport report = must(other.resume(run.id));
  CHECK(to_text(report.run.state) == "succeeded");
  CHECK(report.run.outputs_hash == wanted.run.outputs_hash);
  other.check_history();
}

TEST_CASE("a run is not taken up when its plan is not the one that was recorded") {
  RunSite site;
  site.import(kWork);
  site.watcher.on_said = [&](const std::string& what) {
    if (what == "started first.1") site.fs.full = true;
  };
  REQUIRE_FALSE(site.run("work"));
  const auto run = ledger::list_runs(*site.ledger, test::tenant())->front();
  // As with the sqlite3 program: the trigger goes, and one byte of the plan changes.
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((site.root + "/ledger.db").c_str(), &db) == SQLITE_OK);
  const std::string edit = "DROP TRIGGER documents_no_update; UPDATE documents SET bytes = CAST(replace(bytes, 'maxAttempts', 'maxattempts') AS BLOB)"
                           " WHERE digest = x'" + run.plan_hash.hex() + "'";
  CHECK(sqlite3_exec(db, edit.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  site.fs.full = false;
  CHECK(site.resume(run.id).error().code == Code::kPlanMismatch);
}
