// ledger/run_rows: how rows of runs, steps, attempts and artifacts are selected and read, inside the ledger.
#pragma once

#include <string_view>
#include <vector>

#include "ledger/runs.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

inline constexpr std::string_view kRunColumns =
    "SELECT run_id, tenant, job_id, dag_id, dag_version, dag_digest, plan_hash, inputs_hash, run_token, rationale, actor, reason,"
    " ticket, trace_id, replay_of, state, outputs_hash, error, created_seq, created_at, started_at, ended_at FROM runs";
inline constexpr std::string_view kStepColumns =
    "SELECT run_id, step_id, ordinal, plugin, state, attempt, step_hash, inputs_hash, outputs_hash, from_run, error, started_at,"
    " ended_at FROM steps";

Result<RunRow> read_run(const sql::Statement& row);
Result<StepRow> read_step(const sql::Statement& row);

// SHA-256 of the canonical JSON [[id, plugin], ...] in plan order: run.created has it as stepsDigest.
Digest steps_digest(const std::vector<NewStep>& steps);

}  // namespace airlock::ledger
