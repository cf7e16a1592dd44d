// ledger/runs: runs, their steps, attempts and artifacts.
//
// Rows are projections of run.* and step.* events. Each function here that changes something appends the event of its
// name and nothing else changes a row. An illegal change is kRunState and writes nothing. All is scoped by tenant: a
// run of another tenant is kNotFound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/tree.h"
#include "ledger/ledger.h"
#include "ledger/states.h"

namespace airlock::ledger {

struct NewStep {
  StepId id;
  std::string plugin;          // name@version, empty for an approval gate
};

struct NewRun {
  RunId id;
  JobId job;                   // of type pack-run, submitted in the same transaction or before
  DagId dag;
  std::string dag_version;
  Digest dag_digest;
  std::string plan;            // canonical JSON; planHash is its SHA-256
  Json inputs;                 // resolved run inputs; inputsHash is the SHA-256 of its canonical form
  std::string run_token;
  std::string rationale;       // why it runs; may be empty
  std::optional<RunId> replay_of;
  std::vector<NewStep> steps;  // in plan order
};

struct RunRow {
  RunId id;
  TenantId tenant;
  JobId job;
  DagId dag;
  std::string dag_version;
  Digest dag_digest, plan_hash, inputs_hash;   // the plan and the inputs are documents of these digests
  std::string run_token, rationale, actor;
  std::optional<std::string> reason, ticket, trace_id;
  std::optional<RunId> replay_of;
  RunState state = RunState::kPending;
  std::optional<Digest> outputs_hash;
  std::optional<Json> error;             // data.error of the ending event
  std::uint64_t created_seq = 0;         // of run.created in the tenant's log
  Instant created_at = Instant::from_millis(0);
  std::optional<Instant> started_at, ended_at;
};

struct StepRow {
  RunId run;
  StepId step;
  std::uint32_t ordinal = 0;             // place in plan order, from 0
  std::string plugin;
  StepState state = StepState::kPending;
  std::uint32_t attempt = 0;             // the last attempt begun; 0 before the first
  std::optional<Digest> step_hash, inputs_hash, outputs_hash;
  std::optional<RunId> from_run;         // of a cached step: the run that did the work
  std::optional<Json> error;
  std::optional<Instant> started_at, ended_at;
};

struct AttemptRow {
  RunId run;
  StepId step;
  std::uint32_t attempt = 1;
  std::string outcome;                   // succeeded | failed | timed_out | cancelled | interrupted
  Json exit = Json::object();            // {"code": n} or {"signal": n}
  Instant started_at = Instant::from_millis(0), ended_at = Instant::from_millis(0);
  Json evidence = Json::object();        // the sandbox's record
  std::optional<Digest> outputs_hash;
  std::optional<Json> error;
};

struct ArtifactRow {
  TreeEntry file;                        // path, digest, size, executable
  std::string media_type;                // empty when the DAG declares none
};

// The run of (tenant, runToken, dagId, inputsHash); `created` is false when it was there already.
struct CreatedRun {
  RunRow run;
  bool created = false;
};
Result<CreatedRun> create_run(Tx& tx, const TenantId& tenant, const NewRun& run, const Who& who);

// run.running, run.succeeded ... ; running to running is run.resumed. `data`: outputsHash, error, as the event has them.
Result<void> transition_run(Tx& tx, const TenantId& tenant, const RunId& run, RunState to, const Who& who,
                            Json data = Json::object());
// run.replayed on the original run: changes no state.
Result<void> record_replay(Tx& tx, const TenantId& tenant, const RunId& run, const Json& data, const Who& who);

// step.running; `attempt` must be the last begun plus one.
Result<void> start_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step, std::uint32_t attempt,
                        const Digest& step_hash, const Digest& inputs_hash, const Who& who);
// step.network: what the step tried to reach in an attempt, granted or not; before that attempt's step.attempt. `decision`
// as in the evidence: {call, protocol, address, port, verdict, count}, or {others: N} for attempts beyond those listed.
Result<void> record_network(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step, std::uint32_t attempt,
                            const Json& decision, const Who& who);

// step.attempt: one finished attempt with its evidence. The step stays running.
Result<void> record_attempt(Tx& tx, const TenantId& tenant, const AttemptRow& attempt, const Who& who);
// step.succeeded, or step.cached when `from_run` is given. outputsHash is computed from `outputs` (any order).
Result<void> succeed_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step, const Digest& step_hash,
                          const std::vector<ArtifactRow>& outputs, const std::optional<RunId>& from_run, const Who& who);
// Every other change of a step: ready, waiting_approval, failed, skipped, cancelled, timed_out. `data.error` is kept.
Result<void> transition_step(Tx& tx, const TenantId& tenant, const RunId& run, const StepId& step, StepState to,
                             const Who& who, Json data = Json::object());

Result<RunRow> get_run(const Reader& reader, const TenantId& tenant, const RunId& run);
// By whole id or by a prefix of at least 4 characters that fits one run only: kNotFound, kUsage when several fit.
Result<RunRow> find_run(const Reader& reader, const TenantId& tenant, const std::string& id_or_prefix);
Result<std::optional<RunRow>> run_by_token(const Reader& reader, const TenantId& tenant, const std::string& run_token,
                                           const DagId& dag, const Digest& inputs_hash);

// Ordered by (created_at, dag, id), or the reverse.
struct RunQuery {
  bool newest_first = false;
  bool unfinished = false;               // only those not ended
  std::optional<DagId> dag = std::nullopt;
  std::optional<std::uint64_t> created_below = std::nullopt;   // created_seq < this
  std::optional<RunRow> after = std::nullopt;                  // go on behind this row
  std::size_t limit = 1000;
};
Result<std::vector<RunRow>> list_runs(const Reader& reader, const TenantId& tenant, const RunQuery& query = {});

Result<std::vector<StepRow>> steps_of(const Reader& reader, const TenantId& tenant, const RunId& run);       // plan order
Result<std::vector<AttemptRow>> attempts_of(const Reader& reader, const TenantId& tenant, const RunId& run);  // (step ordinal, attempt)
Result<std::vector<ArtifactRow>> artifacts_of(const Reader& reader, const TenantId& tenant, const RunId& run,
                                              const StepId& step);                                           // by path

// The latest step of the tenant that succeeded (itself, not cached) with this stepHash.
Result<std::optional<StepRow>> cached_step(const Reader& reader, const TenantId& tenant, const Digest& step_hash);

}  // namespace airlock::ledger
