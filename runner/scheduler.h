// runner/scheduler: decides what a run does next. A pure state machine: no clock, no process, no I/O.
//
// Feed it what happened, carry out what it answers. It promises, for every order of events:
//   every step ends in exactly one terminal state; no step starts before its dependencies have ended as it needs them;
//   never more than max_parallel attempts at once (a step that waits for a retry holds no slot); ready steps start in
//   the order of the plan; the same events give the same answers.
//
// A failed step skips whoever needs its success. Without continue_on_error the first failure also skips every step
// that has not started, but for those whose `when` is about failure or the end of others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ledger/states.h"
#include "runner/plan.h"

namespace airlock::runner {

using ledger::RunState;
using ledger::StepState;

// How one attempt ended. kRetryable: exit status 75, and failures of the machine rather than of the step.
enum class AttemptOutcome { kSucceeded, kCached, kFailed, kRetryable, kTimedOut, kCancelled };

struct StepFinished {
  std::size_t step;
  AttemptOutcome outcome;
};
struct RetryDue { std::size_t step; };  // the timer of a `retry` action fired
struct CancelDrain {};                  // start nothing more, let running attempts end
struct CancelKill {};                   // and kill them
struct RunTimeout {};                   // like CancelKill; the run ends timed_out
using Event = std::variant<StepFinished, RetryDue, CancelDrain, CancelKill, RunTimeout>;

struct Launch {
  std::size_t step;
  std::uint32_t attempt;  // 1, 2 ... over the whole life of the run
};
struct Retry {
  std::size_t step;
  Millis delay;
};
struct Change {
  std::size_t step;
  StepState state;        // terminal
  std::string reason;     // why it was skipped or cancelled: "normalise failed"; empty otherwise
};
struct Actions {
  std::vector<Launch> launch;
  std::vector<Retry> retry;        // set a timer, answer with RetryDue
  std::vector<std::size_t> kill;   // running steps; each still answers with StepFinished
  std::vector<Change> changes;     // steps that ended by this event, in order
  std::optional<RunState> finished;
};

// What is known of a step when a run is taken up again.
struct StepProgress {
  StepState state = StepState::kPending;  // terminal, or kPending for everything else
  std::uint32_t attempts = 0;             // numbers used so far
  std::uint32_t failures = 0;             // of them, acknowledged as failed: counts against retry.max_attempts
};

class Scheduler {
 public:
  Scheduler(const Plan& plan, std::size_t max_parallel);  // the plan must outlive it

  Actions start(const std::vector<StepProgress>& progress = {});  // once; empty = a fresh run
  Actions on(const Event& event);

  StepState state(std::size_t step) const { return nodes_[step].state; }
  std::uint32_t attempts(std::size_t step) const { return nodes_[step].attempts; }
  std::size_t running() const { return running_; }

 private:
  enum class Mode { kNormal, kFailing, kDraining, kKilling };
  enum class End { kOk, kBad, kNone };  // how a node ended, as its dependants see it
  struct Node {
    StepState state = StepState::kPending;
    std::uint32_t waiting = 0;          // dependencies that have not ended
    std::uint32_t attempts = 0, failures = 0;
    bool retry_pending = false;
    bool last_timed_out = false;
    std::optional<End> end;             // steps and groups
    std::vector<std::uint32_t> dependants;
  };
  void settle(std::size_t step, StepState state, std::string reason, Actions& out);
  void node_ended(std::uint32_t node, End end, Actions& out);
  void deliver(Actions& out);
  void evaluate(std::size_t step, Actions& out);
  void end_group(std::uint32_t node, Actions& out);
  void attempt_failed(std::size_t step, AttemptOutcome outcome, Actions& out);
  void stop(Mode mode, RunState end, Actions& out);
  void fail_fast(Actions& out);
  void launch_ready(Actions& out);
  Actions& close(Actions& out);
  std::uint32_t node_of(const Dependency& d) const;
  bool handles_failure(std::size_t step) const;

  const Plan& plan_;
  std::size_t max_parallel_;
  std::vector<Node> nodes_;            // steps, then groups
  std::vector<std::uint32_t> ended_;   // nodes whose dependants have not been told yet
  std::vector<std::uint32_t> ready_;   // min-heap of step indices
  std::size_t running_ = 0, open_ = 0;
  Mode mode_ = Mode::kNormal;
  std::optional<RunState> forced_end_; // cancelled or timed out
  bool any_failed_ = false;
};

}  // namespace airlock::runner
