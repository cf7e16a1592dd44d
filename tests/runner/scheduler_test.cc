#include <catch2/catch.hpp>

#include "plans.h"
#include "runner/scheduler.h"

using namespace airlock;
using namespace airlock::runner;
using manifests::Condition;
using test::plan_of;
using enum AttemptOutcome;

namespace {

// What an answer says, short enough to compare: "+1 -> 0:skipped(s1 failed)" ...
std::string text(const Actions& a) {
  std::string out;
  const auto add = [&](const std::string& s) { out += (out.empty() ? "" : " ") + s; };
  for (const Change& c : a.changes)
    add(std::to_string(c.step) + "=" + std::string(ledger::to_text(c.state)) + (c.reason.empty() ? "" : "(" + c.reason + ")"));
  for (const Retry& r : a.retry) add("retry" + std::to_string(r.step) + "@" + format_duration(r.delay));
  for (const std::size_t k : a.kill) add("kill" + std::to_string(k));
  for (const Launch& l : a.launch) add("+" + std::to_string(l.step) + (l.attempt > 1 ? "#" + std::to_string(l.attempt) : ""));
  if (a.finished) add("run=" + std::string(ledger::to_text(*a.finished)));
  return out;
}

}  // namespace

TEST_CASE("a diamond runs in the order of the plan, its middle side by side") {
  const Plan plan = plan_of({{}, {{0}}, {{0}}, {{1}, {2}}});
  Scheduler s(plan, 8);
  CHECK(text(s.start()) == "+0");
  CHECK(text(s.on(StepFinished{0, kSucceeded})) == "0=succeeded +1 +2");
  CHECK(text(s.on(StepFinished{2, kSucceeded})) == "2=succeeded");
  CHECK(text(s.on(StepFinished{1, kCached})) == "1=cached +3");
  CHECK(text(s.on(StepFinished{3, kSucceeded})) == "3=succeeded run=succeeded");
}

TEST_CASE("never more than max_parallel attempts, and the smallest step of the plan goes next") {
  const Plan plan = plan_of({{}, {}, {}, {}, {{0}}});
  Scheduler s(plan, 2);
  CHECK(text(s.start()) == "+0 +1");
  CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded +2");
  CHECK(text(s.on(StepFinished{0, kSucceeded})) == "0=succeeded +3");
  CHECK(text(s.on(StepFinished{3, kSucceeded})) == "3=succeeded +4");
}

TEST_CASE("a plan without steps is finished at once") {
  const Plan plan = plan_of({});
  Scheduler s(plan, 1);
  CHECK(text(s.start()) == "run=succeeded");
}

TEST_CASE("the first failure skips all that has not started, and lets running steps end") {
  const Plan plan = plan_of({{}, {}, {{0}}, {{1}}, {}});
  Scheduler s(plan, 2);
  CHECK(text(s.start()) == "+0 +1");
  CHECK(text(s.on(StepFinished{0, kFailed})) ==
        "0=failed 2=skipped(another step failed) 3=skipped(another step failed) 4=skipped(another step failed)");
  CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded run=failed");
}

TEST_CASE("with continue_on_error only dependants of a failed step are skipped, through every level") {
  Plan plan = plan_of({{}, {}, {{0}}, {{2}}, {{1}}});
  plan.continue_on_error = true;
  Scheduler s(plan, 1);
  CHECK(text(s.start()) == "+0");
  CHECK(text(s.on(StepFinished{0, kFailed})) == "0=failed 2=skipped(s0 failed) 3=skipped(s2 did not run) +1");
  CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded +4");
  CHECK(text(s.on(StepFinished{4, kSucceeded})) == "4=succeeded run=failed");
}

TEST_CASE("when: what each condition makes of each end of a dependency") {
  struct Case {
    Condition is;
    bool wants_failure;
    AttemptOutcome outcome;
    const char* want;
  };
  const Case cases[] = {
      {Condition::kSucceeded, false, kSucceeded, "0=succeeded +1"},
      {Condition::kSucceeded, false, kFailed, "0=failed 1=skipped(s0 failed) run=failed"},
      {Condition::kSucceeded, false, kTimedOut, "0=timed_out 1=skipped(s0 failed) run=failed"},
      {Condition::kFailed, false, kSucceeded, "0=succeeded 1=skipped(s0 succeeded) run=succeeded"},
      {Condition::kFailed, false, kCached, "0=cached 1=skipped(s0 succeeded) run=succeeded"},
      {Condition::kFailed, false, kFailed, "0=failed +1"},
      {Condition::kFailed, false, kTimedOut, "0=timed_out +1"},
      {Condition::kAlways, false, kSucceeded, "0=succeeded +1"},
      {Condition::kAlways, false, kFailed, "0=failed +1"},
      {Condition::kAlways, true, kSucceeded, "0=succeeded 1=skipped(nothing it needs failed) run=succeeded"},
      {Condition::kAlways, true, kFailed, "0=failed +1"},
  };
  for (const bool go_on : {true, false})
    for (const Case& c : cases) {
      if (!go_on && c.outcome != kSucceeded && c.is == Condition::kSucceeded) continue;  // that is the case above
      INFO(c.want << (go_on ? " with" : " without") << " continue_on_error");
      Plan plan = plan_of({{}, {{0, c.is}}});
      plan.continue_on_error = go_on;
      plan.steps[1].wants_failure = c.wants_failure;
      Scheduler s(plan, 1);
      (void)s.start();
      CHECK(text(s.on(StepFinished{0, c.outcome})) == c.want);
    }
}

TEST_CASE("a step that handles failure runs although the run is failing, and the run still fails") {
  const Plan plan = plan_of({{}, {}, {{0}}, {{0, Condition::kFailed}}, {{2, Condition::kAlways}, {3, Condition::kAlways}}});
  Scheduler s(plan, 2);
  CHECK(text(s.start()) == "+0 +1");
  CHECK(text(s.on(StepFinished{0, kFailed})) == "0=failed 2=skipped(another step failed) +3");
  CHECK(text(s.on(StepFinished{3, kSucceeded})) == "3=succeeded +4");
  CHECK(text(s.on(StepFinished{4, kSucceeded})) == "4=succeeded");
  CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded run=failed");
}

TEST_CASE("a retryable end is tried again after a growing delay, up to the cap, and holds no slot meanwhile") {
  Plan plan = plan_of({{}, {}});
  plan.steps[0].retry = {4, Millis(2000), 10, Millis(60'000)};
  Scheduler s(plan, 1);
  CHECK(text(s.start()) == "+0");
  CHECK(text(s.on(StepFinished{0, kRetryable})) == "retry0@2s +1");
  CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded");
  CHECK(text(s.on(RetryDue{0})) == "+0#2");
  CHECK(text(s.on(StepFinished{0, kTimedOut})) == "retry0@20s");
  CHECK(text(s.on(RetryDue{0})) == "+0#3");
  CHECK(text(s.on(StepFinished{0, kRetryable})) == "retry0@1m");
  CHECK(text(s.on(RetryDue{0})) == "+0#4");
  CHECK(text(s.on(StepFinished{0, kRetryable})) == "0=failed run=failed");
}

TEST_CASE("a failure that the step reports itself is final") {
  Plan plan = plan_of({{}});
  plan.steps[0].retry.max_attempts = 5;
  Scheduler s(plan, 1);
  (void)s.start();
  CHECK(text(s.on(StepFinished{0, kFailed})) == "0=failed run=failed");
}

TEST_CASE("the last attempt that times out leaves the step timed out, and the run failed") {
  Plan plan = plan_of({{}});
  plan.steps[0].retry.max_attempts = 2;
  Scheduler s(plan, 1);
  (void)s.start();
  CHECK(text(s.on(StepFinished{0, kRetryable})) == "retry0@2s");
  (void)s.on(RetryDue{0});
  CHECK(text(s.on(StepFinished{0, kTimedOut})) == "0=timed_out run=failed");
}

TEST_CASE("backoff does not overflow at the hundredth attempt") {
  Plan plan = plan_of({{}});
  plan.steps[0].retry = {100, Millis(86'400'000), 100, Millis(86'400'000)};
  Scheduler s(plan, 1);
  (void)s.start();
  for (int i = 1; i < 100; ++i) {
    const Actions a = s.on(StepFinished{0, kRetryable});
    REQUIRE(a.retry.size() == 1);
    CHECK(a.retry[0].delay == Millis(86'400'000));
    (void)s.on(RetryDue{0});
  }
  CHECK(text(s.on(StepFinished{0, kRetryable})) == "0=failed run=failed");
}

TEST_CASE("a step that waits for its retry when another fails ends as its last attempt did") {
  Plan plan = plan_of({{}, {}});
  plan.steps[0].retry.max_attempts = 3;
  Scheduler s(plan, 2);
  (void)s.start();
  (void)s.on(StepFinished{0, kTimedOut});
  CHECK(text(s.on(StepFinished{1, kFailed})) == "1=failed 0=timed_out run=failed");
  CHECK(text(s.on(RetryDue{0})) == "run=failed");
}

TEST_CASE("drain: nothing starts any more, what runs ends, and a second cancel kills it") {
  Plan plan = plan_of({{}, {}, {{0}}, {}});
  plan.steps[3].retry.max_attempts = 2;
  Scheduler s(plan, 3);
  CHECK(text(s.start()) == "+0 +1 +3");
  (void)s.on(StepFinished{3, kRetryable});
  CHECK(text(s.on(CancelDrain{})) == "2=cancelled(the run was stopped) 3=cancelled(the run was stopped)");
  CHECK(text(s.on(StepFinished{0, kSucceeded})) == "0=succeeded");
  CHECK(text(s.on(CancelDrain{})) == "");
  CHECK(text(s.on(CancelKill{})) == "kill1");
  CHECK(text(s.on(RetryDue{3})) == "");
  CHECK(text(s.on(StepFinished{1, kCancelled})) == "1=cancelled run=cancelled");
}

TEST_CASE("a drained run whose last step still fails is cancelled, not failed") {
  const Plan plan = plan_of({{}, {{0}}});
  Scheduler s(plan, 1);
  (void)s.start();
  (void)s.on(CancelDrain{});
  CHECK(text(s.on(StepFinished{0, kFailed})) == "0=failed run=cancelled");
}

TEST_CASE("the run's own timeout kills, and says so") {
  const Plan plan = plan_of({{}, {{0}}});
  Scheduler s(plan, 1);
  (void)s.start();
  CHECK(text(s.on(RunTimeout{})) == "1=cancelled(the run was stopped) kill0");
  CHECK(text(s.on(CancelKill{})) == "");
  CHECK(text(s.on(StepFinished{0, kCancelled})) == "0=cancelled run=timed_out");
}

TEST_CASE("a group succeeds when all of it does, fails when one does, and of nothing succeeds at once") {
  Plan plan = plan_of({{}, {}, {}, {}});
  plan.continue_on_error = true;
  plan.groups.push_back({*StepId::parse("fan"), {0, 1}});
  plan.groups.push_back({*StepId::parse("none"), {}});
  plan.steps[2].dependencies = {{true, 0, Condition::kSucceeded}, {true, 1, Condition::kSucceeded}};
  plan.steps[3].dependencies = {{true, 0, Condition::kFailed}};
  {
    Scheduler s(plan, 4);
    CHECK(text(s.start()) == "+0 +1");
    CHECK(text(s.on(StepFinished{1, kSucceeded})) == "1=succeeded");
    CHECK(text(s.on(StepFinished{0, kSucceeded})) == "0=succeeded 3=skipped(fan succeeded) +2");
  }
  Scheduler s(plan, 4);
  (void)s.start();
  CHECK(text(s.on(StepFinished{1, kFailed})) == "1=failed");
  CHECK(text(s.on(StepFinished{0, kSucceeded})) == "0=succeeded 2=skipped(fan failed) +3");
}

TEST_CASE("a run that is taken up goes on with exactly what had not ended") {
  Plan plan = plan_of({{}, {{0}}, {{0}}, {{1}, {2}}});
  plan.steps[2].retry.max_attempts = 3;
  Scheduler s(plan, 4);
  const std::vector<StepProgress> progress = {
      {StepState::kSucceeded, 1, 0}, {StepState::kCached, 0, 0}, {StepState::kPending, 2, 2}, {StepState::kPending, 0, 0}};
  CHECK(text(s.start(progress)) == "+2#3");
  CHECK(text(s.on(StepFinished{2, kRetryable})) ==
        "2=failed 3=skipped(another step failed) run=failed");
}

TEST_CASE("a run that is taken up after a failure goes on failing") {
  const Plan plan = plan_of({{}, {{0}}, {{0, Condition::kFailed}}, {}});
  Scheduler s(plan, 4);
  CHECK(text(s.start({{StepState::kFailed, 1, 1}, {}, {}, {}})) == "1=skipped(s0 failed) 3=skipped(another step failed) +2");
  Scheduler done(plan, 4);
  CHECK(text(done.start({{StepState::kFailed, 1, 1}, {StepState::kSkipped}, {StepState::kSucceeded, 1, 0}, {StepState::kSkipped}})) ==
        "run=failed");
}

TEST_CASE("a chain of a hundred thousand skipped steps does not use the stack") {
  std::vector<std::vector<test::Edge>> after(100'000);
  for (std::size_t i = 1; i < after.size(); ++i) after[i] = {{i - 1}};
  Plan plan = plan_of(after);
  plan.continue_on_error = true;
  Scheduler s(plan, 4);
  (void)s.start();
  const Actions a = s.on(StepFinished{0, kFailed});
  CHECK(a.changes.size() == 100'000);
  CHECK(a.finished == RunState::kFailed);
}
