#include "jobs/jobs.h"
#include "runner/run_loop.h"

namespace airlock::runner {
namespace {

std::string outcome_text(const AttemptResult& result) {
  if (result.machine_fault) return "interrupted";
  switch (result.outcome) {
    case AttemptOutcome::kSucceeded: case AttemptOutcome::kCached: return "succeeded";
    case AttemptOutcome::kFailed: case AttemptOutcome::kRetryable: return "failed";
    case AttemptOutcome::kTimedOut: return "timed_out";
    case AttemptOutcome::kCancelled: return "cancelled";
  }
  std::unreachable();
}

ledger::JobState job_end(RunState state) {
  switch (state) {
    case RunState::kSucceeded: return ledger::JobState::kSucceeded;
    case RunState::kCancelled: return ledger::JobState::kCanceled;
    case RunState::kTimedOut: return ledger::JobState::kTimedOut;
    case RunState::kFailed: case RunState::kPending: case RunState::kRunning: case RunState::kWaitingApproval:
      return ledger::JobState::kFailed;
  }
  std::unreachable();
}

std::optional<Error> first_failure(const std::vector<ledger::StepRow>& steps) {
  for (const ledger::StepRow& step : steps)
    if ((step.state == StepState::kFailed || step.state == StepState::kTimedOut) && step.error)
      return Error{Code::kRunFailed, "step " + step.step.str() + ": " + describe(error_from_json(*step.error))};
  return std::nullopt;
}

}  // namespace

Result<void> RunLoop::record(ledger::Tx& tx, AttemptResult result) {
  const PlannedStep& planned = run_.plan.steps[result.step];
  Step& step = steps_[result.step];
  ledger::AttemptRow row{.run = run_.row.id, .step = planned.id, .attempt = result.attempt, .outcome = outcome_text(result),
                         .exit = std::move(result.exit), .started_at = result.started_at, .ended_at = result.ended_at,
                         .evidence = std::move(result.evidence), .outputs_hash = std::nullopt, .error = std::nullopt};
  if (result.outcome == AttemptOutcome::kSucceeded) row.outputs_hash = tree_digest(result.outputs);
  if (result.error) row.error = error_json(*result.error);
  TRY(record_network(tx, planned.id, result.attempt, row.evidence));
  TRY(ledger::record_attempt(tx, tenant_, row, who_));
  if (result.machine_fault) {
    if (!fault_) fault_ = Error{result.error->code, "run " + run_.row.id.str() + ", step " + planned.id.str() + ": " + result.error->context};
    return {};
  }
  step.why = std::move(result.error);
  step.outputs = artifact_rows(planned, result.outputs);
  step.from_run.reset();
  return apply(tx, scheduler_.on(StepFinished{result.step, result.outcome}));
}

// Each thing the step tried to reach is an event by itself: what a reviewer looks for stands in the history.
Result<void> RunLoop::record_network(ledger::Tx& tx, const StepId& step, std::uint32_t attempt, const Json& evidence) {
  const auto network = evidence.find("network");
  if (network == evidence.end()) return {};
  for (const Json& decision : network->at("decisions")) TRY(ledger::record_network(tx, tenant_, run_.row.id, step, attempt, decision, who_));
  const auto others = network->at("others").get<std::uint64_t>();
  if (others > 0) TRY(ledger::record_network(tx, tenant_, run_.row.id, step, attempt, {{"others", others}}, who_));
  return {};
}

Result<void> RunLoop::apply(ledger::Tx& tx, const Actions& actions) {
  for (const Change& change : actions.changes) TRY(end_step(tx, change));
  launches_.insert(launches_.end(), actions.launch.begin(), actions.launch.end());
  for (const Retry& retry : actions.retry) {
    timers_.emplace(ports_.clock.monotonic() + retry.delay, retry.step);
    tell([id = run_.plan.steps[retry.step].id, delay = retry.delay, why = *steps_[retry.step].why](RunObserver& o) {
      o.step_retries(id, delay, why);
    });
  }
  if (actions.finished) finished_ = actions.finished;
  return {};
}

Result<void> RunLoop::end_step(ledger::Tx& tx, const Change& change) {
  Step& step = steps_[change.step];
  const StepId& id = run_.plan.steps[change.step].id;
  // Skipping is for steps that never began; one that was interrupted and then is not needed any more is cancelled.
  const StepState state = change.state == StepState::kSkipped && step.begun ? StepState::kCancelled : change.state;
  std::string why = change.reason;
  if (state == StepState::kSucceeded || state == StepState::kCached) {
    TRY(ledger::succeed_step(tx, tenant_, run_.row.id, id, *step.hash, step.outputs, step.from_run, who_));
    step.outputs.clear();
  } else {
    Json error = {{"message", why}};
    if (step.why && why.empty()) {
      why = describe(*step.why);
      error = error_json(*step.why);
    }
    TRY(ledger::transition_step(tx, tenant_, run_.row.id, id, state, who_, {{"error", std::move(error)}}));
  }
  count_end(state);
  const Millis wall = step.begun && state != StepState::kCached ? ports_.clock.monotonic() - step.started : Millis(0);
  tell([id, state, wall, why](RunObserver& o) { o.step_ended(id, state, wall, why); });
  return {};
}

void RunLoop::count_end(StepState state) {
  switch (state) {
    case StepState::kPending: case StepState::kReady: case StepState::kRunning: case StepState::kWaitingApproval: return;
    case StepState::kSucceeded: ++counts_.succeeded; return;
    case StepState::kCached: ++counts_.cached; return;
    case StepState::kFailed: ++counts_.failed; return;
    case StepState::kSkipped: ++counts_.skipped; return;
    case StepState::kCancelled: ++counts_.cancelled; return;
    case StepState::kTimedOut: ++counts_.timed_out; return;
  }
}

Result<void> RunLoop::prepare(ledger::Tx& tx, const Launch& launch) {
  Step& step = steps_[launch.step];
  const PlannedStep& planned = run_.plan.steps[launch.step];
  auto inputs = resolver_.resolve(tx, launch.step);
  if (!inputs && inputs.error().code != Code::kStepInput) return fail(inputs.error());
  if (!inputs) {
    step.why = inputs.error();
    return apply(tx, scheduler_.on(StepFinished{launch.step, AttemptOutcome::kFailed}));
  }
  auto grants = grants_of(tx, tenant_, planned, ports_.network);
  if (!grants && grants.error().code != Code::kSealedNetwork) return fail(grants.error());
  if (!grants) {  // sealed since the run began
    step.why = grants.error();
    return apply(tx, scheduler_.on(StepFinished{launch.step, AttemptOutcome::kFailed}));
  }
  step.hash = step_hash(run_.plan, launch.step, inputs->resolved, ports_.executor.profile());
  if (TRY(reuse(tx, launch.step))) return apply(tx, scheduler_.on(StepFinished{launch.step, AttemptOutcome::kCached}));
  TRY(ledger::start_step(tx, tenant_, run_.row.id, planned.id, launch.attempt, *step.hash, step_inputs_hash(inputs->resolved), who_));
  auto plugin = TRY(resolver_.pinned(tx, run_.plan.plugins[planned.plugin].tree));
  std::shared_ptr<const Tree> image;
  if (const auto& digest = run_.plan.plugins[planned.plugin].image) image = TRY(resolver_.pinned(tx, *digest));
  starts_.push_back(attempt_of(run_.plan, launch, run_.row, run_.folder, std::move(plugin), std::move(inputs->content)));
  starts_.back().network = std::move(*grants);
  starts_.back().image = std::move(image);
  step.begun = true;
  step.started = ports_.clock.monotonic();
  tell([id = planned.id, attempt = launch.attempt](RunObserver& o) { o.step_started(id, attempt); });
  return {};
}

// A result that is on record is worth as much as a new one, as long as its bytes are still there. Not one of a step with
// endpoints, whatever its plugin says: what somebody else will answer stands in no hash.
Result<bool> RunLoop::reuse(const ledger::Reader& reader, std::size_t step) {
  const PlannedStep& planned = run_.plan.steps[step];
  if (run_.no_cache || !planned.network.empty() || !run_.plan.plugins[planned.plugin].deterministic || steps_[step].begun) return false;
  const auto hit = TRY(ledger::cached_step(reader, tenant_, *steps_[step].hash));
  if (!hit) return false;
  std::vector<ledger::ArtifactRow> outputs = TRY(ledger::artifacts_of(reader, tenant_, hit->run, hit->step));
  for (const ledger::ArtifactRow& row : outputs)
    if (!ports_.store.has(row.file.sha256)) return false;
  steps_[step].outputs = std::move(outputs);
  steps_[step].from_run = hit->run;
  return true;
}

Result<void> RunLoop::finish(ledger::Tx& tx, const AtEnd& at_end) {
  const auto steps = TRY(ledger::steps_of(tx, tenant_, run_.row.id));
  Json data = {{"outputsHash", run_outputs_hash(steps).hex()}};
  if (const auto failure = first_failure(steps); failure && *finished_ != RunState::kSucceeded) data["error"] = error_json(*failure);
  TRY(ledger::transition_run(tx, tenant_, run_.row.id, *finished_, who_, data));
  data["runId"] = run_.row.id.str();
  if (!job_canceled_) {
    const jobs::Completion completion{.status = job_end(*finished_), .data = std::move(data), .retryable = false};
    TRY(jobs::complete(tx, tenant_, run_.row.job, run_.lease_token, completion, who_));
  }
  return at_end(tx);
}

}  // namespace airlock::runner
