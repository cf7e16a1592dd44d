#include "ledger/runs.h"

#include <algorithm>

#include "ledger/event.h"
#include "ledger/run_rows.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

Json state_json(std::string_view state) { return Json{{"state", state}}; }

Result<StepRow> get_step(const Reader& reader, const TenantId& tenant, const RunId& run, const StepId& step) {
  sql::Statement row = TRY(reader.db().query(
      std::string(kStepColumns) + " WHERE tenant = ?1 AND run_id = ?2 AND step_id = ?3", tenant, run, step));
  if (!TRY(row.step())) return fail(Code::kNotFound, "step " + step.str() + " of run " + run.str());
  return read_step(row);
}

// The step, if its run is running and `to` may follow its state.
Result<StepRow> step_that_may(const Reader& reader, const TenantId& tenant, const RunId& run,
                              const StepId& step, StepState to) {
  const RunRow row = TRY(get_run(reader, tenant, run));
  if (is_final(row.state))
    return fail(Code::kRunState, "run " + run.str() + " is " + std::string(to_text(row.state)));
  StepRow found = TRY(get_step(reader, tenant, run, step));
  if (!may_follow(found.state, to))
    return fail(Code::kRunState, "step " + step.str() + " of run " + run.str() + " is " +
                                     std::string(to_text(found.state)) + ", not on the way to " +
                                     std::string(to_text(to)));
  return found;
}

Result<void> append_step(Tx& tx, const TenantId& tenant, const StepRow& from, StepState to, const Who& who,
                         Json data) {
  NewEvent event{
      (to == StepState::kWaitingApproval ? "step.waiting_approval" : "step." + std::string(to_text(to))),
      step_subject(from.run, from.step),
      who,
      state_json(to_text(from.state)),
      state_json(to_text(to)),
      std::move(data)};
  TRY(tx.append(tenant, event));
  return {};
}

Result<void> insert_steps(Tx& tx, const TenantId& tenant, const NewRun& run) {
  std::uint32_t ordinal = 0;
  for (const NewStep& step : run.steps)
    TRY(tx.db().run(
        "INSERT INTO steps (tenant, run_id, step_id, ordinal, plugin, state, attempt) VALUES (?1, ?2, ?3, ?4, ?5, 'pending', 0)",
        tenant, run.id, step.id, ordinal++, step.plugin));
  return {};
}

Json created_data(const NewRun& run, const Digest& plan_hash, const Digest& inputs_hash) {
  Json data = {{"jobId", run.job.str()},
               {"dagId", run.dag.str()},
               {"dagVersion", run.dag_version},
               {"dagDigest", run.dag_digest.hex()},
               {"planHash", plan_hash.hex()},
               {"inputsHash", inputs_hash.hex()},
               {"runToken", run.run_token},
               {"rationale", run.rationale},
               {"stepsDigest", steps_digest(run.steps).hex()}};
  if (run.replay_of) data["replayOf"] = run.replay_of->str();
  return data;
}

}  // namespace

Digest steps_digest(const std::vector<NewStep>& steps) {
  Json listing = Json::array();
  for (const NewStep& step : steps) listing.push_back({step.id.str(), step.plugin});
  return Digest::of(canonical_json(listing));
}

Result<CreatedRun> create_run(Tx& tx, const TenantId& tenant, const NewRun& run, const Who& who) {
  const std::string inputs = canonical_json(run.inputs);
  const Digest inputs_hash = Digest::of(inputs);
  if (auto known = TRY(run_by_token(tx, tenant, run.run_token, run.dag, inputs_hash)))
    return CreatedRun{std::move(*known), false};
  const Digest plan_hash = TRY(tx.put_document(run.plan));
  TRY(tx.put_document(inputs));
  TRY(tx.append(tenant, {"run.created", run_subject(run.id), who, std::nullopt, state_json("pending"),
                         created_data(run, plan_hash, inputs_hash)}));
  TRY(insert_steps(tx, tenant, run));
  return CreatedRun{TRY(get_run(tx, tenant, run.id)), true};
}

Result<void> transition_run(Tx& tx, const TenantId& tenant, const RunId& run, RunState to, const Who& who,
                            Json data) {
  const RunRow row = TRY(get_run(tx, tenant, run));
  if (!may_follow(row.state, to))
    return fail(Code::kRunState, "run " + run.str() + " is " + std::string(to_text(row.state)) +
                                     ", not on the way to " + std::string(to_text(to)));
  const bool resumed = row.state == RunState::kRunning && to == RunState::kRunning;
  TRY(tx.append(tenant, {resumed ? "run.resumed" : "run." + std::string(to_text(to)), run_subject(run), who,
                         state_json(to_text(row.state)), state_json(to_text(to)), std::move(data)}));
  return {};
}

Result<void> record_replay(Tx& tx, const TenantId& tenant, const RunId& run, const Json& data,
                           const Who& who) {
  TRY(get_run(tx, tenant, run));
  TRY(tx.append(tenant, {"run.replayed", run_subject(run), who, std::nullopt, std::nullopt, data}));
  return {};
}

Result<void> start_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step,
                        std::uint32_t attempt, const Digest& step_hash, const Digest& inputs_hash,
                        const Who& who) {
  const StepRow row = TRY(step_that_may(tx, tenant, run, step, StepState::kRunning));
  if (attempt != row.attempt + 1)
    return fail(Code::kRunState, "step " + step.str() + " of run " + run.str() + ": attempt " +
                                     std::to_string(attempt) + " after " + std::to_string(row.attempt));
  return append_step(
      tx, tenant, row, StepState::kRunning, who,
      {{"attempt", attempt}, {"stepHash", step_hash.hex()}, {"inputsHash", inputs_hash.hex()}});
}

Result<void> record_network(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step, std::uint32_t attempt,
                            const Json& decision, const Who& who) {
  Json data = decision;
  data["attempt"] = attempt;
  TRY(tx.append(tenant, {"step.network", step_subject(run, step), who, std::nullopt, std::nullopt, std::move(data)}));
  return {};
}

Result<void> record_attempt(Tx& tx, const TenantId& tenant, const AttemptRow& attempt, const Who& who) {
  const StepRow row = TRY(get_step(tx, tenant, attempt.run, attempt.step));
  if (row.state != StepState::kRunning || attempt.attempt == 0 || attempt.attempt > row.attempt)
    return fail(Code::kRunState, "step " + attempt.step.str() + " of run " + attempt.run.str() + " is " +
                                     std::string(to_text(row.state)) + " in attempt " +
                                     std::to_string(row.attempt) + ", not ending attempt " +
                                     std::to_string(attempt.attempt));
  Json data = {{"attempt", attempt.attempt},
               {"outcome", attempt.outcome},
               {"exit", attempt.exit},
               {"startedAt", attempt.started_at.text()},
               {"endedAt", attempt.ended_at.text()},
               {"evidence", attempt.evidence}};
  if (attempt.outputs_hash) data["outputsHash"] = attempt.outputs_hash->hex();
  if (attempt.error) data["error"] = *attempt.error;
  TRY(tx.append(tenant, {"step.attempt", step_subject(attempt.run, attempt.step), who, std::nullopt,
                         std::nullopt, std::move(data)}));
  return {};
}

Result<void> succeed_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step,
                          const Digest& step_hash, const std::vector<ArtifactRow>& outputs,
                          const std::optional<RunId>& from_run, const Who& who) {
  const StepState to = from_run ? StepState::kCached : StepState::kSucceeded;
  const StepRow row = TRY(step_that_may(tx, tenant, run, step, to));
  Tree tree;
  for (const ArtifactRow& artifact : outputs) {
    tree.push_back(artifact.file);
    TRY(tx.db().run("INSERT INTO artifacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", tenant, run, step,
                    artifact.file.path, artifact.file.sha256, artifact.file.size, artifact.file.executable,
                    artifact.media_type));
  }
  std::ranges::sort(tree, {}, &TreeEntry::path);
  Json data = {{"outputsHash", tree_digest(tree).hex()}, {"stepHash", step_hash.hex()}};
  if (from_run) data["fromRun"] = from_run->str();
  return append_step(tx, tenant, row, to, who, std::move(data));
}

Result<void> transition_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step,
                             StepState to, const Who& who, Json data) {
  switch (to) {
    case StepState::kReady:
    case StepState::kWaitingApproval:
    case StepState::kFailed:
    case StepState::kSkipped:
    case StepState::kCancelled:
    case StepState::kTimedOut: break;
    case StepState::kSucceeded:  // an approval gate that opened; work succeeds with its outputs
      if (TRY(get_step(tx, tenant, run, step)).state == StepState::kWaitingApproval) break;
      [[fallthrough]];
    case StepState::kPending:
    case StepState::kRunning:
    case StepState::kCached:
      return fail(Code::kRunState, "step " + step.str() + " of run " + run.str() + ": " +
                                       std::string(to_text(to)) + " is reached another way");
  }
  const StepRow row = TRY(step_that_may(tx, tenant, run, step, to));
  return append_step(tx, tenant, row, to, who, std::move(data));
}

}  // namespace airlock::ledger
