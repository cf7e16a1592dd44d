#include <catch2/catch.hpp>

#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSetup;
using test::RunSite;
using Level = sandbox::Cancel::Level;

namespace {

// `wait` runs until it is told to end; `later` needs it.
const std::string kWaiting = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: 1.0.0}
spec:
  maxParallel: 1
  steps:
    - {id: wait, plugin: step@1.0.0, args: [wait]}
    - {id: later, plugin: step@1.0.0, args: [nothing], needs: [wait]}
)";

const std::string kTwo = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: 1.0.0}
spec:
  maxParallel: 1
  steps:
    - {id: a, plugin: step@1.0.0, args: [write, x, "1"], outputs: [{path: x}]}
    - {id: b, plugin: step@1.0.0, args: [write, x, "2"], outputs: [{path: x}]}
)";

void when(RunSite& site, const std::string& said, std::function<void()> act) {
  site.watcher.on_said = [said, act = std::move(act)](const std::string& what) {
    if (what == said) act();
  };
}

// Acts when a step is truly under way, on the thread that runs it.
class ActingCell : public Cell {
 public:
  ActingCell(std::unique_ptr<Cell> inner, std::function<void()> act) : inner_(std::move(inner)), act_(std::move(act)) {}
  Result<sandbox::Finished> run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) override {
    act_();
    return inner_->run(spec, cancel);
  }

 private:
  std::unique_ptr<Cell> inner_;
  std::function<void()> act_;
};

std::string end_of(const Result<RunReport>& report) {
  if (!report) FAIL(describe(report.error()));
  return std::string(to_text(report->run.state));
}

}  // namespace

TEST_CASE("draining lets a running step end, starts nothing more, and ends the run as cancelled") {
  RunSite site;
  site.cells = [&site, scripted = site.cells]() -> Result<std::unique_ptr<Cell>> {
    return std::make_unique<ActingCell>(TRY(scripted()), [&site] { site.cancel->request(Level::kDrain); });
  };
  site.open();
  site.import(kTwo);
  const auto report = site.run("work");
  CHECK(end_of(report) == "cancelled");
  CHECK(site.states(report->run.id) == "a succeeded, b cancelled");
  CHECK(site.kinds("job:" + report->run.job.str()).back() == "job.canceled");
  site.check_history();
}

TEST_CASE("killing ends running steps") {
  for (const Level level : {Level::kStop, Level::kKill}) {
    RunSite site;
    site.import(kWaiting);
    when(site, "started wait.1", [&] { site.cancel->request(level); });
    const auto report = site.run("work");
    CHECK(end_of(report) == "cancelled");
    CHECK(site.states(report->run.id) == "later cancelled, wait cancelled");
    CHECK(site.attempts(report->run.id)[0].outcome == "cancelled");
    site.check_history();
  }
}

TEST_CASE("a drain that takes too long can be made a kill") {
  RunSite site;
  site.import(kWaiting);
  when(site, "started wait.1", [&] {
    site.cancel->request(Level::kDrain);
    site.cancel->request(Level::kKill);
  });
  CHECK(end_of(site.run("work")) == "cancelled");
}

TEST_CASE("a run that exceeds its time ends timed_out") {
  RunSite site;
  site.import(kWaiting);
  RunSetup setup;
  setup.options.timeout = Millis(1);
  const auto report = site.run("work", setup);
  CHECK(end_of(report) == "timed_out");
  CHECK(site.kinds("job:" + report->run.job.str()).back() == "job.timed_out");
  site.check_history();
}

TEST_CASE("a cancel from elsewhere ends a run that a process executes") {
  RunSite site;
  site.import(kWaiting);
  Result<void> canceled = fail(Code::kInternal, "never asked");
  when(site, "started wait.1", [&] {
    auto other = ledger::Ledger::open(site.root + "/ledger.db", {});
    REQUIRE(other);
    const auto running = ledger::list_runs(*other, test::tenant());
    REQUIRE(running);
    canceled = cancel_run({*other, site.clock, site.root + "/runs"}, test::tenant(), running->front().id, {"unix:boss", "not needed"});
  });
  const auto report = site.run("work");
  CHECK(canceled);
  CHECK(end_of(report) == "cancelled");
  CHECK(site.states(report->run.id) == "later cancelled, wait cancelled");
  CHECK(cancel_run({*site.ledger, site.clock, site.root + "/runs"}, test::tenant(), report->run.id, {"unix:boss"}).error().code == Code::kRunState);
  site.check_history();
}

TEST_CASE("a run that a process executes cannot be resumed, and its token reports it") {
  RunSite site;
  site.import(kWaiting);
  Code resumed = Code::kInternal;
  std::string by_token;
  when(site, "started wait.1", [&] {
    const auto running = ledger::list_runs(*site.ledger, test::tenant());
    REQUIRE(running);
    const auto again = site.resume(running->front().id);
    if (!again) resumed = again.error().code;
    by_token = end_of(site.run("work", {.token = "same"}));
    site.cancel->request(Level::kKill);
  });
  const auto report = site.run("work", {.token = "same"});
  CHECK(resumed == Code::kBusy);
  CHECK(by_token == "running");
  CHECK(end_of(report) == "cancelled");
}
