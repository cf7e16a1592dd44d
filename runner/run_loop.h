// runner/run_loop: executes an open run to its end, in turns.
//
// A turn is one ledger transaction: everything that arrived since the last one is recorded, the scheduler says what
// follows, what it starts is recorded as running; then the transaction is committed, and only then anything is started
// or told. So every result is on record before it unblocks anyone, and one sync carries all that came together.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "runner/run_record.h"
#include "runner/step_launch.h"

namespace airlock::runner {

class RunLoop {
 public:
  // Called in the transaction that ends the run, after its last event.
  using AtEnd = std::function<Result<void>(ledger::Tx&)>;

  RunLoop(const RunPorts& ports, const RunOptions& options, RunObserver& observer, OpenRun& run);

  // Errors leave the run unfinished, for a resume: the ledger's, those of this machine that an attempt met, and
  // kLeaseLost. Nothing is left running.
  Result<void> execute(const AtEnd& at_end);

 private:
  struct Step {
    bool begun = false;                 // an attempt of it is on record
    std::optional<Error> why;           // of its last attempt
    std::optional<Digest> hash;
    std::vector<ledger::ArtifactRow> outputs;
    std::optional<RunId> from_run;      // of outputs that were reused
    Millis started{0};
  };

  Result<void> turn(std::vector<AttemptResult> results, const AtEnd& at_end);
  std::vector<Event> due_events(Millis now);
  Result<void> check_hold(const ledger::Reader& reader);
  Result<void> record(ledger::Tx& tx, AttemptResult result);
  Result<void> record_network(ledger::Tx& tx, const StepId& step, std::uint32_t attempt, const Json& evidence);
  Result<void> carry_out(ledger::Tx& tx, const Event& event);
  Result<void> apply(ledger::Tx& tx, const Actions& actions);
  Result<void> end_step(ledger::Tx& tx, const Change& change);
  Result<void> prepare_launches(ledger::Tx& tx);
  Result<void> prepare(ledger::Tx& tx, const Launch& launch);
  Result<bool> reuse(const ledger::Reader& reader, std::size_t step);
  Result<void> finish(ledger::Tx& tx, const AtEnd& at_end);
  void tell(std::function<void(RunObserver&)> note) { notes_.push_back(std::move(note)); }
  void tell_and_start();
  Millis patience(Millis now) const;
  void count_end(StepState state);

  const RunPorts& ports_;
  const RunOptions& options_;
  RunObserver& observer_;
  OpenRun& run_;
  const TenantId tenant_;
  const ledger::Who who_;
  Scheduler scheduler_;
  InputResolver resolver_;
  std::vector<Step> steps_;
  RunCounts counts_;

  bool first_turn_ = true;
  std::deque<Launch> launches_;                        // decided, not yet on record
  std::vector<AttemptSpec> starts_;                    // on record once this turn commits
  std::vector<std::function<void(RunObserver&)>> notes_;  // to tell once this turn commits
  std::multimap<Millis, std::size_t> timers_;          // retries, by when they are due
  std::size_t in_flight_ = 0;
  std::optional<RunState> finished_;
  std::optional<Error> fault_;                         // of this machine: nothing more is started
  bool job_canceled_ = false;                          // by somebody else, through the ledger
  sandbox::Cancel::Level level_ = sandbox::Cancel::Level::kNone;  // passed on so far
  std::optional<Millis> deadline_;
  Millis next_heartbeat_, next_look_;
};

}  // namespace airlock::runner
