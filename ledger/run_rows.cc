#include "ledger/run_rows.h"

namespace airlock::ledger {
namespace {

template <class State>
Result<State> stored(Result<State> state) {
  if (!state) return fail(Code::kLedgerTampered, "a row holds a " + state.error().context);
  return state;
}

Result<AttemptRow> read_attempt(const sql::Statement& row) {
  auto run = TRY(row.id<RunId>(0));
  auto step = TRY(row.id<StepId>(1));
  auto exit = TRY(row.json(4));
  auto evidence = TRY(row.json(7));
  const auto outputs_hash = TRY(row.maybe_digest(8));
  auto error = TRY(row.maybe_json(9));
  return AttemptRow{std::move(run), std::move(step), static_cast<std::uint32_t>(row.count(2)),
                    row.text(3),           std::move(exit),       row.instant(5),
                    row.instant(6),        std::move(evidence),       outputs_hash,
                    std::move(error)};
}

std::unexpected<Error> no_run(const TenantId& tenant, const std::string& run) {
  return fail(Code::kNotFound, "run " + printable(run) + " of tenant " + tenant.str());
}

}  // namespace

Result<RunRow> read_run(const sql::Statement& row) {
  auto id = TRY(row.id<RunId>(0));
  auto tenant = TRY(row.id<TenantId>(1));
  auto job = TRY(row.id<JobId>(2));
  auto dag = TRY(row.id<DagId>(3));
  const auto dag_digest = TRY(row.digest(5));
  const auto plan_hash = TRY(row.digest(6));
  const auto inputs_hash = TRY(row.digest(7));
  auto replay_of = TRY(row.maybe_id<RunId>(14));
  const auto state = TRY(stored(parse_run_state(row.bytes(15))));
  const auto outputs_hash = TRY(row.maybe_digest(16));
  auto error = TRY(row.maybe_json(17));
  return RunRow{.id = std::move(id),
                .tenant = std::move(tenant),
                .job = std::move(job),
                .dag = std::move(dag),
                .dag_version = row.text(4),
                .dag_digest = dag_digest,
                .plan_hash = plan_hash,
                .inputs_hash = inputs_hash,
                .run_token = row.text(8),
                .rationale = row.text(9),
                .actor = row.text(10),
                .reason = row.maybe_text(11),
                .ticket = row.maybe_text(12),
                .trace_id = row.maybe_text(13),
                .replay_of = std::move(replay_of),
                .state = state,
                .outputs_hash = outputs_hash,
                .error = std::move(error),
                .created_seq = row.count(18),
                .created_at = row.instant(19),
                .started_at = row.maybe_instant(20),
                .ended_at = row.maybe_instant(21)};
}

Result<StepRow> read_step(const sql::Statement& row) {
  auto run = TRY(row.id<RunId>(0));
  auto step = TRY(row.id<StepId>(1));
  const auto state = TRY(stored(parse_step_state(row.bytes(4))));
  const auto step_hash = TRY(row.maybe_digest(6));
  const auto inputs_hash = TRY(row.maybe_digest(7));
  const auto outputs_hash = TRY(row.maybe_digest(8));
  auto from_run = TRY(row.maybe_id<RunId>(9));
  auto error = TRY(row.maybe_json(10));
  return StepRow{.run = std::move(run),
                 .step = std::move(step),
                 .ordinal = static_cast<std::uint32_t>(row.count(2)),
                 .plugin = row.text(3),
                 .state = state,
                 .attempt = static_cast<std::uint32_t>(row.count(5)),
                 .step_hash = step_hash,
                 .inputs_hash = inputs_hash,
                 .outputs_hash = outputs_hash,
                 .from_run = std::move(from_run),
                 .error = std::move(error),
                 .started_at = row.maybe_instant(11),
                 .ended_at = row.maybe_instant(12)};
}

Result<RunRow> get_run(const Reader& reader, const TenantId& tenant, const RunId& run) {
  sql::Statement row =
      TRY(reader.db().query(std::string(kRunColumns) + " WHERE tenant = ?1 AND run_id = ?2", tenant, run));
  if (!TRY(row.step())) return no_run(tenant, run.str());
  return read_run(row);
}

Result<RunRow> find_run(const Reader& reader, const TenantId& tenant, const std::string& id_or_prefix) {
  if (id_or_prefix.size() < 4)
    return fail(Code::kUsage, "run \"" + printable(id_or_prefix) + "\": give at least 4 characters");
  // ':' is the byte after the digits and above '-'; 'g' follows the last hex digit: the prefix with "g" ends
  // its range.
  sql::Statement rows = TRY(reader.db().query(
      std::string(kRunColumns) +
          " WHERE tenant = ?1 AND run_id >= ?2 AND run_id < ?2 || 'g' ORDER BY run_id LIMIT 2",
      tenant, id_or_prefix));
  if (!TRY(rows.step())) return no_run(tenant, id_or_prefix);
  RunRow found = TRY(read_run(rows));
  if (TRY(rows.step()))
    return fail(Code::kUsage, "run \"" + id_or_prefix + "\" fits several, among them " + found.id.str() +
                                  " and " + rows.text(0));
  return found;
}

Result<std::optional<RunRow>> run_by_token(const Reader& reader, const TenantId& tenant,
                                           const std::string& run_token, const DagId& dag,
                                           const Digest& inputs_hash) {
  sql::Statement row = TRY(reader.db().query(
      std::string(kRunColumns) + " WHERE tenant = ?1 AND run_token = ?2 AND dag_id = ?3 AND inputs_hash = ?4",
      tenant, run_token, dag, inputs_hash));
  if (!TRY(row.step())) return std::optional<RunRow>();
  return std::optional(TRY(read_run(row)));
}

Result<std::vector<RunRow>> list_runs(const Reader& reader, const TenantId& tenant, const RunQuery& query) {
  std::string sql(kRunColumns);
  sql += " WHERE tenant = ?1 AND (?2 IS NULL OR dag_id = ?2) AND (?3 IS NULL OR created_seq < ?3)";
  if (query.unfinished) sql += " AND ended_at IS NULL";
  if (query.after)
    sql += query.newest_first ? " AND (created_at, dag_id, run_id) < (?5, ?6, ?7)"
                              : " AND (created_at, dag_id, run_id) > (?5, ?6, ?7)";
  sql += query.newest_first ? " ORDER BY created_at DESC, dag_id DESC, run_id DESC LIMIT ?4"
                            : " ORDER BY created_at, dag_id, run_id LIMIT ?4";
  sql::Statement rows =
      query.after ? TRY(reader.db().query(sql, tenant, query.dag, query.created_below, query.limit,
                                          query.after->created_at, query.after->dag, query.after->id))
                  : TRY(reader.db().query(sql, tenant, query.dag, query.created_below, query.limit));
  std::vector<RunRow> runs;
  while (TRY(rows.step())) runs.push_back(TRY(read_run(rows)));
  return runs;
}

Result<std::vector<StepRow>> steps_of(const Reader& reader, const TenantId& tenant, const RunId& run) {
  sql::Statement rows = TRY(reader.db().query(
      std::string(kStepColumns) + " WHERE tenant = ?1 AND run_id = ?2 ORDER BY ordinal", tenant, run));
  std::vector<StepRow> steps;
  while (TRY(rows.step())) steps.push_back(TRY(read_step(rows)));
  return steps;
}

Result<std::vector<AttemptRow>> attempts_of(const Reader& reader, const TenantId& tenant, const RunId& run) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT a.run_id, a.step_id, a.attempt, a.outcome, a.exit, a.started_at, a.ended_at, a.evidence, a.outputs_hash, a.error"
      " FROM attempts a JOIN steps s USING (tenant, run_id, step_id) WHERE a.tenant = ?1 AND a.run_id = ?2 ORDER BY s.ordinal, a.attempt",
      tenant, run));
  std::vector<AttemptRow> attempts;
  while (TRY(rows.step())) attempts.push_back(TRY(read_attempt(rows)));
  return attempts;
}

Result<std::vector<ArtifactRow>> artifacts_of(const Reader& reader, const TenantId& tenant, const RunId& run,
                                              const StepId& step) {
  sql::Statement rows =
      TRY(reader.db().query("SELECT path, digest, size, executable, media_type FROM artifacts"
                            " WHERE tenant = ?1 AND run_id = ?2 AND step_id = ?3 ORDER BY path",
                            tenant, run, step));
  std::vector<ArtifactRow> artifacts;
  while (TRY(rows.step())) {
    const auto sha256 = TRY(rows.digest(1));
    artifacts.push_back({TreeEntry{rows.text(0), sha256, rows.count(2), rows.integer(3) != 0}, rows.text(4)});
  }
  return artifacts;
}

Result<std::optional<StepRow>> cached_step(const Reader& reader, const TenantId& tenant,
                                           const Digest& step_hash) {
  sql::Statement row = TRY(reader.db().query(
      std::string(kStepColumns) + " WHERE tenant = ?1 AND step_hash = ?2 AND state = 'succeeded'"
                                  " ORDER BY ended_at DESC, run_id DESC LIMIT 1",
      tenant, step_hash));
  if (!TRY(row.step())) return std::optional<StepRow>();
  return std::optional(TRY(read_step(row)));
}

}  // namespace airlock::ledger
