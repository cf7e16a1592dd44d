#include "runner/run_loop.h"

#include <algorithm>

#include "jobs/jobs.h"

namespace airlock::runner {
namespace {

using sandbox::Cancel;

constexpr Millis kLookEvery{1000};          // at the job, which another process may have canceled
constexpr std::size_t kLaunchesATurn = 256; // keeps a transaction short when a great many steps come from the cache

// What becomes readable when the canceller goes beyond `level`.
const UniqueFd* next_level(const Cancel& cancel, Cancel::Level level) {
  switch (level) {
    case Cancel::Level::kNone: return &cancel.drain_event();
    case Cancel::Level::kDrain: return &cancel.stop_event();
    case Cancel::Level::kStop: return &cancel.kill_event();
    case Cancel::Level::kKill: return nullptr;
  }
  std::unreachable();
}

std::size_t parallel(const RunPorts& ports, const RunOptions& options, const Plan& plan) {
  std::size_t most = ports.executor.capacity();
  if (plan.max_parallel) most = std::min<std::size_t>(most, *plan.max_parallel);
  if (options.max_parallel) most = std::min(most, *options.max_parallel);
  return std::max<std::size_t>(1, most);
}

}  // namespace

RunLoop::RunLoop(const RunPorts& ports, const RunOptions& options, RunObserver& observer, OpenRun& run)
    : ports_(ports), options_(options), observer_(observer), run_(run), tenant_(run.row.tenant),
      who_{options.who.actor, options.who.reason, options.who.ticket, run.row.trace_id},
      scheduler_(run.plan, parallel(ports, options, run.plan)),
      resolver_(run.plan, run.row.tenant, run.row.id, std::move(run.trees)), steps_(run.plan.steps.size()) {
  const Millis now = ports.clock.monotonic();
  if (options.timeout) deadline_ = now + *options.timeout;
  next_heartbeat_ = now + jobs::kHeartbeatEvery;
  next_look_ = now + kLookEvery;
  counts_.total = steps_.size();
  for (std::size_t i = 0; i < run.progress.size(); ++i) {
    steps_[i].begun = run.progress[i].attempts > 0;
    count_end(run.progress[i].state);
  }
}

Result<void> RunLoop::execute(const AtEnd& at_end) {
  observer_.run_started(run_.row.id, run_.plan, !run_.progress.empty());
  const auto outcome = [&]() -> Result<void> {
    TRY(turn({}, at_end));
    while (!finished_) {
      std::vector<AttemptResult> results = ports_.executor.wait(patience(ports_.clock.monotonic()), next_level(ports_.cancel, level_));
      in_flight_ -= results.size();
      TRY(turn(std::move(results), at_end));
    }
    return {};
  }();
  // What still runs can no longer be recorded: it is ended, and a resume runs it again.
  if (in_flight_ > 0) ports_.executor.cancel(Cancel::Level::kKill);
  while (in_flight_ > 0) in_flight_ -= ports_.executor.wait(kLookEvery).size();
  return outcome;
}

Millis RunLoop::patience(Millis now) const {
  if (!launches_.empty() && !fault_) return Millis(0);
  Millis wait = std::min(next_look_, next_heartbeat_) - now;
  if (deadline_) wait = std::min(wait, *deadline_ - now);
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first - now);
  return std::max(wait, Millis(0));
}

Result<void> RunLoop::turn(std::vector<AttemptResult> results, const AtEnd& at_end) {
  const Millis now = ports_.clock.monotonic();
  const std::vector<Event> events = due_events(now);
  const bool heartbeat = now >= next_heartbeat_;
  const bool idle = results.empty() && events.empty() && (launches_.empty() || fault_) && !heartbeat && !first_turn_;
  if (idle) {
    if (now < next_look_) return {};
    next_look_ = now + kLookEvery;
    return check_hold(ports_.ledger);
  }
  ledger::Tx tx = TRY(begin_patiently(ports_.ledger, ports_.clock));
  TRY(check_hold(tx));
  if (std::exchange(first_turn_, false)) TRY(apply(tx, scheduler_.start(run_.progress)));
  for (AttemptResult& result : results) TRY(record(tx, std::move(result)));
  for (const Event& event : events) TRY(carry_out(tx, event));
  TRY(prepare_launches(tx));
  if (heartbeat && !job_canceled_) TRY(jobs::heartbeat(tx, tenant_, run_.row.job, run_.lease_token));
  if (heartbeat) next_heartbeat_ = now + jobs::kHeartbeatEvery;
  const bool suspended = fault_ && in_flight_ == 0 && !finished_;
  if (suspended && !job_canceled_) TRY(jobs::release(tx, tenant_, run_.row.job, run_.lease_token, who_));
  if (finished_) TRY(finish(tx, at_end));
  // COMMIT POINT: before, the attempts that just ended are open, and a resume runs them again; after, they are on
  // record and what follows from them may start; test: "killed at any commit, a run is taken up and ends as an
  // undisturbed one"
  TRY(tx.commit());
  tell_and_start();
  if (suspended) return fail(*fault_);
  return {};
}

std::vector<Event> RunLoop::due_events(Millis now) {
  std::vector<Event> out;
  Cancel::Level wanted = ports_.cancel.level();
  if (job_canceled_) wanted = std::max(wanted, Cancel::Level::kStop);
  if (deadline_ && now >= *deadline_) {
    deadline_.reset();
    wanted = std::max(wanted, Cancel::Level::kStop);
    out.push_back(RunTimeout{});
  }
  if (wanted > level_) {
    level_ = wanted;
    ports_.executor.cancel(wanted);
    if (out.empty()) out.push_back(wanted == Cancel::Level::kDrain ? Event(CancelDrain{}) : Event(CancelKill{}));
  }
  while (!timers_.empty() && timers_.begin()->first <= now) {
    out.push_back(RetryDue{timers_.begin()->second});
    timers_.erase(timers_.begin());
  }
  return out;
}

// The lease is asked after in every transaction: a process that was stopped for longer than its lease must not go on
// writing about a run that somebody else has taken up.
Result<void> RunLoop::check_hold(const ledger::Reader& reader) {
  const ledger::JobStatus status = TRY(ledger::job_status(reader, tenant_, run_.row.job));
  if (status.state == ledger::JobState::kRunning && status.fencing_token == run_.lease_token) return {};
  job_canceled_ = status.state == ledger::JobState::kCanceled;
  if (job_canceled_) return {};
  return fail(Code::kLeaseLost, "job " + run_.row.job.str() + " of run " + run_.row.id.str() + " is " + std::string(to_text(status.state)));
}

Result<void> RunLoop::carry_out(ledger::Tx& tx, const Event& event) {
  TRY(apply(tx, scheduler_.on(event)));
  const bool stops = !std::holds_alternative<RetryDue>(event) && !std::holds_alternative<StepFinished>(event);
  // What was decided but not started never will be.
  while (stops && !launches_.empty()) {
    const Launch launch = launches_.front();
    launches_.pop_front();
    steps_[launch.step].why = Error{Code::kInterrupted, "the run was stopped before the attempt began"};
    TRY(apply(tx, scheduler_.on(StepFinished{launch.step, AttemptOutcome::kCancelled})));
  }
  return {};
}

Result<void> RunLoop::prepare_launches(ledger::Tx& tx) {
  for (std::size_t n = 0; n < kLaunchesATurn && !launches_.empty() && !fault_; ++n) {
    const Launch launch = launches_.front();
    launches_.pop_front();
    TRY(prepare(tx, launch));
  }
  return {};
}

void RunLoop::tell_and_start() {
  for (AttemptSpec& attempt : std::exchange(starts_, {})) {
    ++in_flight_;
    ports_.executor.launch(std::move(attempt));
  }
  if (notes_.empty()) return;
  for (const auto& note : std::exchange(notes_, {})) note(observer_);
  counts_.running = scheduler_.running();
  observer_.progress(counts_);
}

}  // namespace airlock::runner
