#include "runner/run.h"

#include "jobs/jobs.h"
#include "runner/catalog.h"
#include "runner/replay.h"

namespace airlock::runner {
namespace {

using ledger::Who;

Result<Planned> plan_now(const RunPorts& ports, const RunRequest& request) {
  const ledger::Snapshot snapshot = TRY(ports.ledger.snapshot());  // one instant: an import may go on meanwhile
  return plan_run(snapshot, ports.store, request.tenant, request.dag, request.inputs);
}

Result<RunReport> continue_run(const RunPorts& ports, const ledger::RunRow& row, const RunOptions& options, RunObserver& observer) {
  if (is_final(row.state)) return report_run(ports.ledger, row.tenant, row.id);
  auto run = take_up(ports, row.tenant, row.id, options.who);
  if (!run) {
    // It may have ended between our look and the lock.
    if (is_final(TRY(ledger::get_run(ports.ledger, row.tenant, row.id)).state)) return report_run(ports.ledger, row.tenant, row.id);
    return fail(run.error());
  }
  return TRY(execute_run(ports, options, observer, std::move(*run))).report;
}

// The run that the token names. One that a living process executes is reported as it stands.
Result<RunReport> existing_run(const RunPorts& ports, const ledger::RunRow& row, const RunOptions& options, RunObserver& observer) {
  auto report = continue_run(ports, row, options, observer);
  if (!report && report.error().code == Code::kBusy) report = report_run(ports.ledger, row.tenant, row.id);
  if (report) report->existed = true;
  return report;
}

}  // namespace

Result<RunReport> start_run(const RunPorts& ports, const RunRequest& request, const RunOptions& options, RunObserver& observer) {
  Planned planned = TRY(plan_now(ports, request));
  const DagId dag = planned.plan.dag;
  const Digest inputs = inputs_hash(planned.plan);
  const std::string token = request.run_token.empty() ? uuid7(ports.clock.now(), ports.entropy) : request.run_token;
  auto known = TRY(ledger::run_by_token(ports.ledger, request.tenant, token, dag, inputs));
  if (!known) {
    TRY(check_endpoints(ports.ledger, request.tenant, planned.plan, ports.network));
    Who who = options.who;
    if (!who.trace_id) who.trace_id = new_trace_id(ports.entropy);
    auto created = TRY(create_run(ports, {request.tenant, std::move(planned), token, request.rationale, std::nullopt, options.no_cache}, who));
    if (created) return TRY(execute_run(ports, options, observer, std::move(*created))).report;
    known = TRY(ledger::run_by_token(ports.ledger, request.tenant, token, dag, inputs));
  }
  return existing_run(ports, *known, options, observer);
}

Result<RunReport> resume_run(const RunPorts& ports, const TenantId& tenant, const RunId& run, const RunOptions& options, RunObserver& observer) {
  return continue_run(ports, TRY(ledger::get_run(ports.ledger, tenant, run)), options, observer);
}

Result<void> cancel_run(const CancelPorts& ports, const TenantId& tenant, const RunId& run, const Who& who) {
  const ledger::RunRow before = TRY(ledger::get_run(ports.ledger, tenant, run));
  if (is_final(before.state)) return fail(Code::kRunState, "run " + run.str() + " is " + std::string(to_text(before.state)));
  const auto folder = RunFolder::acquire(ports.runs_folder, run);
  if (!folder && folder.error().code != Code::kBusy) return fail(folder.error());
  ledger::Tx tx = TRY(begin_patiently(ports.ledger, ports.clock));
  const ledger::RunRow row = TRY(ledger::get_run(tx, tenant, run));
  if (is_final(row.state)) return fail(Code::kRunState, "run " + run.str() + " is " + std::string(to_text(row.state)));
  if (!is_final(TRY(ledger::job_status(tx, tenant, row.job)).state)) TRY(jobs::cancel(tx, tenant, row.job, who));
  // Nobody executes it: nobody else will end it. Otherwise its process sees that its job is canceled.
  if (folder) TRY(close_run(tx, row, RunState::kCancelled, {who.actor, who.reason, who.ticket, row.trace_id}, {Code::kInterrupted, "canceled by " + who.actor}));
  // COMMIT POINT: before, nothing has changed; after, the job is canceled, and with it the run if no process has it;
  // test: "a run whose process is gone is cancelled in the ledger"
  return tx.commit();
}

}  // namespace airlock::runner
