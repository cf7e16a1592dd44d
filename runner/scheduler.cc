#include "runner/scheduler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace airlock::runner {
namespace {

using manifests::Condition;

Millis backoff(const manifests::RetrySpec& retry, std::uint32_t failures) {
  double ms = static_cast<double>(retry.backoff.count());
  const double cap = static_cast<double>(retry.cap.count());
  for (std::uint32_t i = 1; i < failures && ms < cap; ++i) ms *= retry.factor;
  return Millis(static_cast<std::int64_t>(std::min(ms, cap)));
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

Scheduler::Scheduler(const Plan& plan, std::size_t max_parallel)
    : plan_(plan), max_parallel_(std::max<std::size_t>(1, max_parallel)), nodes_(plan.steps.size() + plan.groups.size()) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    for (const Dependency& d : plan.steps[i].dependencies) {
      nodes_[node_of(d)].dependants.push_back(static_cast<std::uint32_t>(i));
      ++nodes_[i].waiting;
    }
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const auto node = static_cast<std::uint32_t>(plan.steps.size() + g);
    for (const std::size_t member : plan.groups[g].members) {
      nodes_[member].dependants.push_back(node);
      ++nodes_[node].waiting;
    }
  }
}

std::uint32_t Scheduler::node_of(const Dependency& d) const {
  return static_cast<std::uint32_t>(d.group ? plan_.steps.size() + d.index : d.index);
}

Actions Scheduler::start(const std::vector<StepProgress>& progress) {
  Actions out;
  open_ = plan_.steps.size();
  for (std::size_t i = 0; i < progress.size(); ++i) {
    nodes_[i].attempts = progress[i].attempts;
    nodes_[i].failures = progress[i].failures;
    if (ledger::is_final(progress[i].state)) settle(i, progress[i].state, "", out);
  }
  out.changes.clear();  // they are on record already
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].waiting > 0 || nodes_[n].end) continue;
    if (n >= plan_.steps.size()) end_group(static_cast<std::uint32_t>(n), out);
    else evaluate(n, out);
  }
  deliver(out);
  if (any_failed_ && !plan_.continue_on_error) fail_fast(out);
  return std::move(close(out));
}

Actions Scheduler::on(const Event& event) {
  Actions out;
  std::visit(Overloaded{
                 [&](const StepFinished& e) {
                   --running_;
                   switch (e.outcome) {
                     case AttemptOutcome::kSucceeded: settle(e.step, StepState::kSucceeded, "", out); break;
                     case AttemptOutcome::kCached: settle(e.step, StepState::kCached, "", out); break;
                     case AttemptOutcome::kCancelled: settle(e.step, StepState::kCancelled, "", out); break;
                     case AttemptOutcome::kFailed: case AttemptOutcome::kRetryable: case AttemptOutcome::kTimedOut:
                       attempt_failed(e.step, e.outcome, out);
                   }
                 },
                 [&](const RetryDue& e) {
                   // A timer may fire after the run has been stopped: by then the step has ended.
                   if (!std::exchange(nodes_[e.step].retry_pending, false)) return;
                   nodes_[e.step].state = StepState::kReady;
                   ready_.push_back(static_cast<std::uint32_t>(e.step));
                   std::ranges::push_heap(ready_, std::greater<>());
                 },
                 [&](const CancelDrain&) { stop(Mode::kDraining, RunState::kCancelled, out); },
                 [&](const CancelKill&) { stop(Mode::kKilling, RunState::kCancelled, out); },
                 [&](const RunTimeout&) { stop(Mode::kKilling, RunState::kTimedOut, out); },
             },
             event);
  deliver(out);
  return std::move(close(out));
}

Actions& Scheduler::close(Actions& out) {
  launch_ready(out);
  if (open_ == 0 && running_ == 0)
    out.finished = forced_end_ ? *forced_end_ : any_failed_ ? RunState::kFailed : RunState::kSucceeded;
  return out;
}

void Scheduler::attempt_failed(std::size_t step, AttemptOutcome outcome, Actions& out) {
  Node& node = nodes_[step];
  ++node.failures;
  node.last_timed_out = outcome == AttemptOutcome::kTimedOut;
  const manifests::RetrySpec& retry = plan_.steps[step].retry;
  // A failure that the step itself reports is final; retrying would only repeat it.
  if (outcome != AttemptOutcome::kFailed && node.failures < retry.max_attempts && mode_ == Mode::kNormal) {
    node.state = StepState::kPending;
    node.retry_pending = true;
    out.retry.push_back({step, backoff(retry, node.failures)});
    return;
  }
  settle(step, node.last_timed_out ? StepState::kTimedOut : StepState::kFailed, "", out);
  if (mode_ == Mode::kNormal && !plan_.continue_on_error) fail_fast(out);
}

void Scheduler::settle(std::size_t step, StepState state, std::string reason, Actions& out) {
  nodes_[step].state = state;
  nodes_[step].retry_pending = false;
  --open_;
  out.changes.push_back({step, state, std::move(reason)});
  End end = End::kNone;
  if (state == StepState::kSucceeded || state == StepState::kCached) end = End::kOk;
  if (state == StepState::kFailed || state == StepState::kTimedOut) {
    end = End::kBad;
    any_failed_ = true;
  }
  node_ended(static_cast<std::uint32_t>(step), end, out);
}

void Scheduler::node_ended(std::uint32_t node, End end, Actions&) {
  nodes_[node].end = end;
  ended_.push_back(node);
}

// A worklist, not recursion: a chain of a hundred thousand skipped steps must not use the stack.
void Scheduler::deliver(Actions& out) {
  while (!ended_.empty()) {
    const std::uint32_t node = ended_.back();
    ended_.pop_back();
    for (const std::uint32_t next : nodes_[node].dependants) {
      if (--nodes_[next].waiting > 0 || nodes_[next].end) continue;
      if (next >= plan_.steps.size()) end_group(next, out);
      else evaluate(next, out);
    }
  }
}

void Scheduler::end_group(std::uint32_t node, Actions& out) {
  End end = End::kOk;
  for (const std::size_t member : plan_.groups[node - plan_.steps.size()].members) {
    const End e = *nodes_[member].end;
    if (e == End::kBad) end = End::kBad;
    if (e == End::kNone && end == End::kOk) end = End::kNone;
  }
  node_ended(node, end, out);
}

void Scheduler::evaluate(std::size_t step, Actions& out) {
  bool one_failed = false;
  std::string unmet;
  for (const Dependency& d : plan_.steps[step].dependencies) {
    const End end = *nodes_[node_of(d)].end;
    one_failed = one_failed || end == End::kBad;
    const bool met = d.is == Condition::kAlways || (d.is == Condition::kSucceeded && end == End::kOk) ||
                     (d.is == Condition::kFailed && end == End::kBad);
    if (met || !unmet.empty()) continue;
    const std::string& name = d.group ? plan_.groups[d.index].id.str() : plan_.steps[d.index].id.str();
    unmet = name + (end == End::kOk ? " succeeded" : end == End::kBad ? " failed" : " did not run");
  }
  if (plan_.steps[step].wants_failure && !one_failed && unmet.empty()) unmet = "nothing it needs failed";
  const bool stopped = mode_ == Mode::kDraining || mode_ == Mode::kKilling;
  if (stopped) return settle(step, StepState::kCancelled, "the run was stopped", out);
  if (!unmet.empty()) return settle(step, StepState::kSkipped, unmet, out);
  nodes_[step].state = StepState::kReady;
  ready_.push_back(static_cast<std::uint32_t>(step));
  std::ranges::push_heap(ready_, std::greater<>());
}

bool Scheduler::handles_failure(std::size_t step) const {
  const PlannedStep& s = plan_.steps[step];
  return s.wants_failure || std::ranges::any_of(s.dependencies, [](const Dependency& d) { return d.is != Condition::kSucceeded; });
}

// The first failure: nothing new starts but what handles failure. A step that waits for its retry ends as its last
// attempt did.
void Scheduler::fail_fast(Actions& out) {
  if (mode_ != Mode::kNormal) return;
  mode_ = Mode::kFailing;
  std::erase_if(ready_, [&](std::uint32_t i) { return !handles_failure(i); });
  std::ranges::make_heap(ready_, std::greater<>());
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    Node& node = nodes_[i];
    if (node.retry_pending) settle(i, node.last_timed_out ? StepState::kTimedOut : StepState::kFailed, "", out);
    else if ((node.state == StepState::kPending || node.state == StepState::kReady) && !handles_failure(i))
      settle(i, StepState::kSkipped, "another step failed", out);
  }
}

void Scheduler::stop(Mode mode, RunState end, Actions& out) {
  const bool stronger = mode_ != Mode::kKilling && mode_ != mode;
  if (!stronger) return;
  mode_ = mode;
  if (!forced_end_) forced_end_ = end;
  ready_.clear();
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const StepState state = nodes_[i].state;
    if (state == StepState::kPending || state == StepState::kReady)
      settle(i, StepState::kCancelled, "the run was stopped", out);
    else if (state == StepState::kRunning && mode == Mode::kKilling)
      out.kill.push_back(i);
  }
}

void Scheduler::launch_ready(Actions& out) {
  while (running_ < max_parallel_ && !ready_.empty()) {
    std::ranges::pop_heap(ready_, std::greater<>());
    const std::size_t step = ready_.back();
    ready_.pop_back();
    nodes_[step].state = StepState::kRunning;
    ++running_;
    out.launch.push_back({step, ++nodes_[step].attempts});
  }
}

}  // namespace airlock::runner
