#include "runner/run_record.h"

#include <unistd.h>

#include "jobs/jobs.h"

namespace airlock::runner {
namespace {

using ledger::RunRow;
using ledger::Tx;
using ledger::Who;

constexpr int kOperatorPriority = ledger::kDefaultPriority, kReplayPriority = 8;

jobs::JobRequest job_request(const RunDraft& draft, const JobId& job, const RunId& run, const ledger::NewRun& row) {
  jobs::JobRequest request{.id = job, .type = "pack-run", .source = "operator", .idempotency_key = {}};
  const std::string inputs = Digest::of(canonical_json(row.inputs)).hex();
  request.payload = {{"runId", run.str()}, {"dagId", row.dag.str()}, {"dagVersion", row.dag_version},
                     {"dagDigest", row.dag_digest.hex()}, {"planHash", Digest::of(row.plan).hex()},
                     {"inputsHash", inputs}, {"runToken", row.run_token}, {"noCache", draft.no_cache}};
  request.idempotency_key = "run:" + row.run_token + ":" + row.dag.str() + ":" + inputs;
  request.priority = draft.replay_of ? kReplayPriority : kOperatorPriority;
  if (draft.replay_of) request.replay_of = draft.replay_of->job;
  // A lease that runs out says that the process died, not that the run failed: the job waits to be taken up again.
  request.retry.max_attempts = 1'000'000;
  return request;
}

ledger::NewRun new_run(const RunDraft& draft, const JobId& job, const RunId& run) {
  const Plan& plan = draft.planned.plan;
  ledger::NewRun row{.id = run, .job = job, .dag = plan.dag, .dag_version = plan.version.str(), .dag_digest = plan.dag_digest,
                     .plan = write_plan(plan), .inputs = plan.inputs, .run_token = draft.run_token,
                     .rationale = draft.rationale, .replay_of = std::nullopt, .steps = {}};
  if (draft.replay_of) row.replay_of = draft.replay_of->id;
  for (const PlannedStep& step : plan.steps) row.steps.push_back({step.id, plan.plugins[step.plugin].ref.str()});
  return row;
}

Result<std::uint64_t> lease(Tx& tx, const TenantId& tenant, const JobId& job, Entropy& entropy, const Who& who) {
  const auto leases = TRY(jobs::claim(tx, tenant, {.worker = "airlock run, pid " + std::to_string(::getpid()), .job = job}, entropy));
  if (leases.empty()) return fail(Code::kJobState, "job " + job.str() + " cannot be leased now");
  TRY(jobs::start(tx, tenant, job, leases.front().token, who));
  return leases.front().token;
}

// Takes the job over from a process that is gone: the run's lock, which we hold, proves that.
Result<std::uint64_t> take_lease(Tx& tx, const RunRow& run, Entropy& entropy, const Who& who) {
  const ledger::JobStatus status = TRY(ledger::job_status(tx, run.tenant, run.job));
  switch (status.state) {
    case ledger::JobState::kLeased: case ledger::JobState::kRunning:
      TRY(jobs::release(tx, run.tenant, run.job, status.fencing_token, who));
      break;
    case ledger::JobState::kPending: TRY(jobs::mark_eligible(tx, run.tenant, who)); break;
    case ledger::JobState::kQueued: break;
    case ledger::JobState::kSucceeded: case ledger::JobState::kFailed: case ledger::JobState::kTimedOut:
    case ledger::JobState::kCanceled:
      return fail(Code::kJobState, "job " + run.job.str() + " of run " + run.id.str() + " is " + std::string(to_text(status.state)));
  }
  return lease(tx, run.tenant, run.job, entropy, who);
}

Result<bool> wants_no_cache(const ledger::Reader& reader, const RunRow& run) {
  const ledger::JobRow job = TRY(ledger::get_job(reader, run.tenant, run.job));
  const Json payload = TRY(parse_json(TRY(ledger::document(reader, job.payload_digest)), "payload of job " + run.job.str()));
  return payload.value("noCache", false);
}

Result<Plan> stored_plan(const ledger::Reader& reader, const RunRow& run, const std::vector<ledger::StepRow>& steps) {
  const auto text = ledger::document(reader, run.plan_hash);
  if (!text) return fail(Code::kPlanMismatch, "run " + run.id.str() + ": " + text.error().context);
  Plan plan = TRY(read_plan(*text));
  bool same = plan.steps.size() == steps.size();
  for (std::size_t i = 0; same && i < steps.size(); ++i) same = plan.steps[i].id == steps[i].step;
  if (!same) return fail(Code::kPlanMismatch, "run " + run.id.str() + ": the recorded steps are not those of plan " + run.plan_hash.hex());
  return plan;
}

// What the scheduler needs to know, and `interrupted` for attempts that a dead process left open.
Result<std::vector<StepProgress>> settle_attempts(Tx& tx, const RunRow& run, const std::vector<ledger::StepRow>& steps, const Who& who) {
  std::vector<StepProgress> progress(steps.size());
  std::map<StepId, std::pair<std::uint32_t, std::uint32_t>> recorded;  // last attempt with an end, failures
  for (const ledger::AttemptRow& attempt : TRY(ledger::attempts_of(tx, run.tenant, run.id))) {
    auto& [last, failures] = recorded[attempt.step];
    last = std::max(last, attempt.attempt);
    if (attempt.outcome == "failed" || attempt.outcome == "timed_out") ++failures;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const ledger::StepRow& step = steps[i];
    const auto [last, failures] = recorded[step.step];
    progress[i] = {is_final(step.state) ? step.state : StepState::kPending, step.attempt, failures};
    if (step.state != StepState::kRunning || last == step.attempt) continue;
    TRY(ledger::record_attempt(tx, run.tenant,
                               {.run = run.id, .step = step.step, .attempt = step.attempt, .outcome = "interrupted",
                                .started_at = step.started_at.value_or(tx.now()), .ended_at = tx.now(),
                                .outputs_hash = std::nullopt, .error = error_json({Code::kInterrupted, "the process that executed the run ended"})},
                               who));
  }
  return progress;
}

}  // namespace

Result<std::optional<OpenRun>> create_run(const RunPorts& ports, RunDraft draft, const Who& who) {
  const Instant now = ports.clock.now();
  const RunId run = TRY(RunId::parse(uuid7(now, ports.entropy)));
  const JobId job = TRY(JobId::parse(uuid7(now, ports.entropy)));
  const ledger::NewRun row = new_run(draft, job, run);
  RunFolder folder = TRY(RunFolder::acquire(ports.runs_folder, run));  // held before anybody can see the run
  std::uint64_t token = 0;
  const auto record = [&]() -> Result<std::optional<RunRow>> {
    Tx tx = TRY(begin_patiently(ports.ledger, ports.clock));
    const Digest inputs = inputs_hash(draft.planned.plan);
    if (TRY(ledger::run_by_token(tx, draft.tenant, row.run_token, row.dag, inputs))) return std::optional<RunRow>();
    TRY(jobs::submit(tx, draft.tenant, job_request(draft, job, run, row), who));
    token = TRY(lease(tx, draft.tenant, job, ports.entropy, who));
    TRY(ledger::create_run(tx, draft.tenant, row, who));
    for (const auto& [digest, tree] : draft.planned.trees) TRY(tx.put_document(tree_listing(tree)));
    TRY(ledger::transition_run(tx, draft.tenant, run, RunState::kRunning, who));
    // COMMIT POINT: before, an empty folder; after, a running run that resume_run can take up; test: "killed at any
    // commit, a run is taken up and ends as an undisturbed one"
    TRY(tx.commit());
    return std::optional(TRY(ledger::get_run(ports.ledger, draft.tenant, run)));
  };
  auto recorded = record();
  if (!recorded || !*recorded) folder.abandon();
  if (!recorded) return fail(recorded.error());
  if (!*recorded) return std::optional<OpenRun>();
  return std::optional<OpenRun>(OpenRun{std::move(**recorded), std::move(draft.planned.plan), std::move(draft.planned.trees),
                                        token, std::move(folder), {}, draft.no_cache});
}

Result<OpenRun> take_up(const RunPorts& ports, const TenantId& tenant, const RunId& run, const Who& who) {
  RunFolder folder = TRY(RunFolder::acquire(ports.runs_folder, run));
  Tx tx = TRY(begin_patiently(ports.ledger, ports.clock));
  RunRow row = TRY(ledger::get_run(tx, tenant, run));
  const std::vector<ledger::StepRow> steps = TRY(ledger::steps_of(tx, tenant, run));
  Plan plan = TRY(stored_plan(tx, row, steps));
  TRY(check_endpoints(tx, tenant, plan, ports.network));
  const bool no_cache = TRY(wants_no_cache(tx, row));
  const std::uint64_t token = TRY(take_lease(tx, row, ports.entropy, who));
  std::vector<StepProgress> progress = TRY(settle_attempts(tx, row, steps, who));
  TRY(ledger::transition_run(tx, tenant, run, RunState::kRunning, who));
  // COMMIT POINT: before, the run as its dead process left it; after, ours, with every attempt accounted for; test:
  // "killed at any commit, a run is taken up and ends as an undisturbed one"
  TRY(tx.commit());
  return OpenRun{std::move(row), std::move(plan), {}, token, std::move(folder), std::move(progress), no_cache};
}

Result<void> close_run(Tx& tx, const RunRow& run, RunState end, const Who& who, const Error& why) {
  const Json data = {{"error", error_json(why)}};
  for (const ledger::StepRow& step : TRY(ledger::steps_of(tx, run.tenant, run.id)))
    if (!is_final(step.state)) TRY(ledger::transition_step(tx, run.tenant, run.id, step.step, StepState::kCancelled, who, data));
  Json ending = data;
  ending["outputsHash"] = run_outputs_hash(TRY(ledger::steps_of(tx, run.tenant, run.id))).hex();
  return ledger::transition_run(tx, run.tenant, run.id, end, who, std::move(ending));
}

Result<Tx> begin_patiently(ledger::Ledger& ledger, Clock& clock) {
  const Millis give_up = clock.monotonic() + jobs::kHeartbeatEvery;
  for (;;) {
    auto tx = ledger.begin(clock.now());  // waits for the busy timeout by itself
    if (tx || tx.error().code != Code::kLedgerBusy || clock.monotonic() >= give_up) return tx;
  }
}

}  // namespace airlock::runner
