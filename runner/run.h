// runner/run: executes DAGs: start, resume, replay, cancel. The main path of `airlock run`.
//
//   graph -> plan -> [scheduler step -> executor -> record]* -> report
//
// A run is a job of type pack-run and a row of runs. Every result is recorded, in one transaction with its history
// events, before it unblocks anyone; outputs are durable in the store before that. After a crash at any instant
// resume_run goes on with exactly what was not recorded. One process at a time executes a run: it holds the lock
// <runs>/<runId>/lock, which the kernel lets go of when it dies.
//
// A step whose stepHash has succeeded before for this tenant is not run again (`cached`) if its plugin is
// deterministic and its outputs are still in the store.
//
// A failure of this machine (disk full, ledger or store unreadable) ends no run: what runs is let end, the job goes
// back to the queue, and the error is returned; resume_run goes on once the cause is gone.
//
// Files: <runs>/<runId>/{lock, replay.json, <step>.<attempt>.{out,err,events}}; empty logs are not kept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "ledger/ledger.h"
#include "ledger/runs.h"
#include "runner/catalog.h"
#include "runner/endpoints.h"
#include "runner/executor.h"

namespace airlock::runner {

struct RunPorts {
  ledger::Ledger& ledger;
  bundle::Store& store;
  Executor& executor;
  Clock& clock;
  Entropy& entropy;
  std::string runs_folder;         // $AIRLOCK_HOME/runs
  const sandbox::Cancel& cancel;   // kDrain: start nothing more; kStop, kKill: also end what runs
  NetworkRules network = {};       // where steps may connect to, as far as the site goes
};

struct RunCounts {
  std::size_t total = 0, succeeded = 0, cached = 0, failed = 0, timed_out = 0, skipped = 0, cancelled = 0, running = 0;
  std::size_t ended() const { return succeeded + cached + failed + timed_out + skipped + cancelled; }
};

// What a person may watch. Called by the thread that runs, after the ledger has it.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void run_started(const RunId&, const Plan&, bool resumed) { (void)resumed; }
  virtual void step_started(const StepId&, std::uint32_t attempt) { (void)attempt; }
  virtual void step_retries(const StepId&, Millis delay, const Error& why) { (void)delay, (void)why; }
  // `why`: the error of a failure, or what a skipped or cancelled step waited for; empty otherwise.
  virtual void step_ended(const StepId&, StepState, Millis wall, const std::string& why) { (void)wall, (void)why; }
  virtual void progress(const RunCounts&) {}
};

struct RunOptions {
  ledger::Who who;                          // trace_id: made anew when absent
  bool no_cache = false;                    // of a new run; one that is taken up keeps to what it was created with
  std::optional<std::size_t> max_parallel;  // fewer than the plan's, or the executor's capacity
  std::optional<Millis> timeout;            // of the whole run; then it is killed and ends timed_out
};

struct RunRequest {
  TenantId tenant;
  manifests::DagSpec dag;
  InputValues inputs;
  std::string run_token;    // the same (tenant, token, DAG, inputs) gives the same run; empty: a new one
  std::string rationale;
};

struct StepFailure {
  StepId step;
  StepState state = StepState::kFailed;
  Error error;
};

struct RunReport {
  ledger::RunRow run;                 // as it stands now; its state decides how the command ends
  RunCounts counts;
  std::vector<StepFailure> failures;  // in plan order
  bool existed = false;               // by its run token; if it had ended, nothing was executed
};

// Plans, creates the run and executes it to its end. kSpecNetwork, kSealedNetwork: nothing was created. An unfinished run of the same token is taken up; if another
// process executes it right now, the report says running. Errors are refusals before anything started, or failures
// of ledger and store on the way (then the run can be resumed); a run that fails is a report.
Result<RunReport> start_run(const RunPorts& ports, const RunRequest& request, const RunOptions& options, RunObserver& observer);

// kPlanMismatch when the stored plan no longer hashes to planHash; kBusy when another process executes the run. A run
// that has ended is reported as it is.
Result<RunReport> resume_run(const RunPorts& ports, const TenantId& tenant, const RunId& run, const RunOptions& options,
                             RunObserver& observer);

struct Difference {
  std::string step, path;                    // path empty: the step ended in another state
  std::optional<Digest> original, replayed;  // absent: not there
};
struct ReplayReport {
  RunReport replay;
  RunId original;
  bool identical = false;
  std::optional<Difference> first_difference;
  std::string manifest;                      // canonical JSON, also in <runs>/<replay runId>/replay.json
};
// A new run of the recorded plan, nothing from the cache; compares every step's outputs with the original's.
Result<ReplayReport> replay_run(const RunPorts& ports, const TenantId& tenant, const RunId& original,
                                const RunOptions& options, RunObserver& observer);

// A run that some process executes is told to stop (it notices within a second); one that none executes ends here.
struct CancelPorts {
  ledger::Ledger& ledger;
  Clock& clock;
  std::string runs_folder;
};
Result<void> cancel_run(const CancelPorts& ports, const TenantId& tenant, const RunId& run, const ledger::Who& who);

}  // namespace airlock::runner
