// For any graph, any outcomes and any order of events the scheduler keeps its promises (runner/scheduler.h).
#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>

#include <deque>
#include <set>

#include "plans.h"
#include "runner/scheduler.h"

using namespace airlock;
using namespace airlock::runner;
using manifests::Condition;

namespace {

Plan any_plan() {
  const auto n = *rc::gen::inRange<std::size_t>(1, 25);
  Plan plan = test::empty_plan();
  plan.continue_on_error = *rc::gen::arbitrary<bool>();
  const auto conditions = rc::gen::weightedElement<Condition>({{6, Condition::kSucceeded}, {1, Condition::kFailed}, {2, Condition::kAlways}});
  for (std::size_t i = 0; i < n; ++i) {
    plan.steps.push_back(test::planned_step("s" + std::to_string(i)));
    PlannedStep& step = plan.steps.back();
    step.retry.max_attempts = *rc::gen::inRange<std::uint64_t>(1, 4);
    std::set<std::size_t> others;
    const auto wanted = i == 0 ? 0 : *rc::gen::inRange<std::size_t>(0, 5);
    for (std::size_t k = 0; k < wanted; ++k) others.insert(*rc::gen::inRange<std::size_t>(0, i));
    for (const std::size_t other : others) step.dependencies.push_back({false, other, *conditions});
    step.wants_failure = *rc::gen::weightedElement<bool>({{9, false}, {1, true}});
  }
  // A group of the first steps, for the later ones.
  const auto members = *rc::gen::inRange<std::size_t>(0, n);
  PlannedGroup group{*StepId::parse("fan"), {}};
  for (std::size_t i = 0; i < members; ++i) group.members.push_back(i);
  plan.groups.push_back(std::move(group));
  for (std::size_t i = members; i < n; ++i)
    if (*rc::gen::weightedElement<bool>({{3, false}, {1, true}})) plan.steps[i].dependencies.push_back({true, 0, *conditions});
  return plan;
}

// Runs a plan to its end, choosing what happens next, and checks each promise on the way.
class World {
 public:
  World(const Plan& plan, std::size_t max_parallel) : plan_(plan), max_(max_parallel), scheduler_(plan, max_parallel), ended_(plan.steps.size()) {}

  void apply(const Actions& actions) {
    for (const Change& c : actions.changes) {
      RC_ASSERT(ledger::is_final(c.state));
      RC_ASSERT(!ended_[c.step].has_value());  // one end only
      RC_ASSERT(!running_.contains(c.step));
      ended_[c.step] = c.state;
      log_ += std::to_string(c.step) + std::string(ledger::to_text(c.state)) + ";";
    }
    for (const Launch& l : actions.launch) {
      RC_ASSERT(!ended_[l.step].has_value());
      RC_ASSERT(running_.insert(l.step).second);
      RC_ASSERT(l.attempt == ++attempts_[l.step]);
      RC_ASSERT(!stopped_);
      check_dependencies(l.step);
      log_ += "+" + std::to_string(l.step) + ";";
    }
    for (const Retry& r : actions.retry) waiting_.push_back(r.step);
    RC_ASSERT(running_.size() <= max_);
    RC_ASSERT(running_.size() == scheduler_.running());
    finished_ = actions.finished;
  }

  void run(bool with_cancel) {
    apply(scheduler_.start());
    for (int guard = 0; !finished_; ++guard) {
      RC_ASSERT(guard < 1000);
      RC_ASSERT(!running_.empty() || !waiting_.empty());  // else nothing would ever happen again
      const bool cancel = with_cancel && *rc::gen::weightedElement<bool>({{20, false}, {1, true}});
      if (cancel) {
        stopped_ = true;
        apply(scheduler_.on(*rc::gen::arbitrary<bool>() ? Event(CancelDrain{}) : Event(CancelKill{})));
        continue;
      }
      const bool timer = !waiting_.empty() && (running_.empty() || *rc::gen::arbitrary<bool>());
      if (timer) {
        const std::size_t step = waiting_.front();
        waiting_.pop_front();
        apply(scheduler_.on(RetryDue{step}));
        continue;
      }
      const std::size_t step = *rc::gen::elementOf(running_);
      running_.erase(step);
      using enum AttemptOutcome;
      apply(scheduler_.on(StepFinished{step, *rc::gen::weightedElement<AttemptOutcome>(
                                                 {{8, kSucceeded}, {2, kCached}, {2, kFailed}, {2, kRetryable}, {1, kTimedOut}})}));
    }
    RC_ASSERT(running_.empty());
    bool failed = false;
    for (std::size_t i = 0; i < ended_.size(); ++i) {
      RC_ASSERT(ended_[i].has_value());
      RC_ASSERT(attempts_[i] <= plan_.steps[i].retry.max_attempts);
      failed = failed || ended_[i] == StepState::kFailed || ended_[i] == StepState::kTimedOut;
    }
    RC_ASSERT(*finished_ == (stopped_ ? RunState::kCancelled : failed ? RunState::kFailed : RunState::kSucceeded));
  }
  const std::string& log() const { return log_; }
  const std::vector<std::optional<StepState>>& ended() const { return ended_; }

 private:
  enum class End { kOk, kBad, kNone };
  End end_of(std::size_t step) const {
    RC_ASSERT(ended_[step].has_value());  // it has ended before its dependant starts
    if (ended_[step] == StepState::kSucceeded || ended_[step] == StepState::kCached) return End::kOk;
    return ended_[step] == StepState::kFailed || ended_[step] == StepState::kTimedOut ? End::kBad : End::kNone;
  }
  void check_dependencies(std::size_t step) const {
    bool one_failed = false;
    for (const Dependency& d : plan_.steps[step].dependencies) {
      bool all_ok = true, any_bad = false;
      const std::vector<std::size_t> of = d.group ? plan_.groups[d.index].members : std::vector{d.index};
      for (const std::size_t other : of) {
        all_ok = all_ok && end_of(other) == End::kOk;
        any_bad = any_bad || end_of(other) == End::kBad;
      }
      one_failed = one_failed || any_bad;
      if (d.is == Condition::kSucceeded) RC_ASSERT(all_ok);
      if (d.is == Condition::kFailed) RC_ASSERT(any_bad);
    }
    if (plan_.steps[step].wants_failure) RC_ASSERT(one_failed);
  }

  const Plan& plan_;
  std::size_t max_;
  Scheduler scheduler_;
  std::vector<std::optional<StepState>> ended_;
  std::map<std::size_t, std::uint32_t> attempts_;
  std::set<std::size_t> running_;
  std::deque<std::size_t> waiting_;
  std::optional<RunState> finished_;
  bool stopped_ = false;
  std::string log_;
};

}  // namespace

TEST_CASE("any graph, any outcomes: every step ends once, after what it depends on, never too many at once") {
  rc::prop("without cancel", [] {
    const Plan plan = any_plan();
    World(plan, *rc::gen::inRange<std::size_t>(1, 6)).run(false);
  });
  rc::prop("with cancel", [] {
    const Plan plan = any_plan();
    World(plan, *rc::gen::inRange<std::size_t>(1, 6)).run(true);
  });
}

TEST_CASE("the same plan and the same outcomes give the same answers, whatever ran before in the process") {
  rc::prop("twice", [] {
    const Plan plan = any_plan();
    const auto parallel = *rc::gen::inRange<std::size_t>(1, 4);
    const auto outcomes = *rc::gen::container<std::vector<int>>(64, rc::gen::inRange(0, 4));
    const auto once = [&] {
      Scheduler s(plan, parallel);
      std::string log;
      std::deque<std::size_t> running, waiting;
      std::size_t at = 0;
      Actions a = s.start();
      for (;;) {
        for (const Change& c : a.changes) log += std::to_string(c.step) + std::string(ledger::to_text(c.state)) + c.reason + ";";
        for (const Launch& l : a.launch) {
          running.push_back(l.step);
          log += "+" + std::to_string(l.step) + ";";
        }
        for (const Retry& r : a.retry) waiting.push_back(r.step);
        if (a.finished) return log + std::string(ledger::to_text(*a.finished));
        if (running.empty()) {
          a = s.on(RetryDue{waiting.front()});
          waiting.pop_front();
          continue;
        }
        using enum AttemptOutcome;
        constexpr AttemptOutcome kKinds[] = {kSucceeded, kCached, kFailed, kRetryable};
        const std::size_t step = running.front();
        running.pop_front();
        a = s.on(StepFinished{step, kKinds[outcomes[at++ % outcomes.size()]]});
      }
    };
    RC_ASSERT(once() == once());
  });
}

TEST_CASE("taking a run up at any point ends it as the undisturbed run would have ended") {
  rc::prop("resume", [] {
    Plan plan = any_plan();
    plan.continue_on_error = true;  // with it, which steps run depends on outcomes only, not on timing
    for (PlannedStep& step : plan.steps) step.retry.max_attempts = 1;
    const auto outcomes = *rc::gen::container<std::vector<bool>>(plan.steps.size(), rc::gen::weightedElement<bool>({{4, true}, {1, false}}));
    const auto stop_after = *rc::gen::inRange<std::size_t>(0, plan.steps.size() + 1);
    const auto run = [&](const std::vector<StepProgress>& from, std::size_t most) {
      Scheduler s(plan, 3);
      std::vector<StepProgress> progress = from;
      progress.resize(plan.steps.size());
      std::deque<std::size_t> running;
      std::optional<RunState> end;
      const auto apply = [&](const Actions& a) {
        for (const Change& c : a.changes) progress[c.step].state = c.state;
        for (const Launch& l : a.launch) {
          running.push_back(l.step);
          progress[l.step].attempts = l.attempt;
        }
        end = a.finished;
      };
      apply(s.start(from));
      for (std::size_t i = 0; i < most && !end; ++i) {
        const std::size_t step = running.back();
        running.pop_back();
        apply(s.on(StepFinished{step, outcomes[step] ? AttemptOutcome::kSucceeded : AttemptOutcome::kFailed}));
      }
      return std::pair(progress, end);
    };
    const auto [straight, end] = run({}, 1000);
    const auto [half, half_end] = run({}, stop_after);
    const auto [resumed, resumed_end] = run(half, 1000);
    RC_ASSERT(end == resumed_end);
    for (std::size_t i = 0; i < plan.steps.size(); ++i) RC_ASSERT(straight[i].state == resumed[i].state);
  });
}
