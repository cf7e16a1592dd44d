#include "ledger/jobs.h"

#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

constexpr std::string_view kJobColumns =
    "SELECT job_id, tenant, job_type, source, project, priority, payload_digest, dependencies, idempotency_key, correlation_id,"
    " traceparent, not_before, replay_of, retry, actor, submitted_seq, submitted_at FROM jobs WHERE tenant = ?1";

Result<std::vector<JobId>> read_dependencies(const Json& list) {
  std::vector<JobId> ids;
  for (const Json& id : list) {
    auto parsed = JobId::parse(id.is_string() ? id.get<std::string>() : std::string());
    if (!parsed) return fail(Code::kLedgerTampered, "a row holds a " + parsed.error().context);
    ids.push_back(std::move(*parsed));
  }
  return ids;
}

Result<JobRow> read_job(const sql::Statement& row) {
  auto id = TRY(row.id<JobId>(0));
  auto tenant = TRY(row.id<TenantId>(1));
  const auto payload_digest = TRY(row.digest(6));
  auto dependencies = TRY(read_dependencies(TRY(row.json(7))));
  auto replay_of = TRY(row.maybe_id<JobId>(12));
  auto retry = TRY(row.json(13));
  return JobRow{.id = std::move(id),
                .tenant = std::move(tenant),
                .type = row.text(2),
                .source = row.text(3),
                .project = row.maybe_text(4),
                .priority = static_cast<int>(row.integer(5)),
                .payload_digest = payload_digest,
                .dependencies = std::move(dependencies),
                .idempotency_key = row.text(8),
                .correlation_id = row.maybe_text(9),
                .traceparent = row.maybe_text(10),
                .not_before = row.maybe_instant(11),
                .replay_of = std::move(replay_of),
                .retry = std::move(retry),
                .actor = row.text(14),
                .submitted_seq = row.count(15),
                .submitted_at = row.instant(16)};
}

Result<std::optional<JobRow>> read_one(sql::Statement row) {
  if (!TRY(row.step())) return std::optional<JobRow>();
  return std::optional(TRY(read_job(row)));
}

std::string job_sql(std::string_view rest) { return std::string(kJobColumns) + std::string(rest); }

Result<std::optional<JobStatus>> when_waiting(const Reader& reader, const TenantId& tenant,
                                              const JobId& job) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT since, attempt, gate, reason, next_eligible_at, token FROM waiting WHERE tenant = ?1 AND job_id = ?2",
      tenant, job));
  if (!TRY(row.step())) return std::optional<JobStatus>();
  JobStatus status;
  status.since = row.instant(0);
  status.attempt = static_cast<std::uint32_t>(row.count(1));
  status.gate = row.text(2);
  status.reason = row.text(3);
  status.next_eligible_at = row.maybe_instant(4);
  status.fencing_token = row.count(5);
  return std::optional(std::move(status));
}

Result<std::optional<JobStatus>> when_ready(const Reader& reader, const TenantId& tenant, const JobId& job) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT since, attempt, token FROM ready WHERE (tenant, rank, seq) ="
      " (SELECT tenant, 9 - priority, submitted_seq FROM jobs WHERE tenant = ?1 AND job_id = ?2)",
      tenant, job));
  if (!TRY(row.step())) return std::optional<JobStatus>();
  JobStatus status;
  status.state = JobState::kQueued;
  status.since = row.instant(0);
  status.attempt = static_cast<std::uint32_t>(row.count(1));
  status.fencing_token = row.count(2);
  return std::optional(std::move(status));
}

Result<std::optional<JobStatus>> when_leased(const Reader& reader, const TenantId& tenant, const JobId& job) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT since, attempt, token, state, lease_id, worker, leased_at, MAX(lease_until, COALESCE(extended_until, 0))"
      " FROM leases WHERE tenant = ?1 AND job_id = ?2",
      tenant, job));
  if (!TRY(row.step())) return std::optional<JobStatus>();
  JobStatus status;
  status.since = row.instant(0);
  status.attempt = static_cast<std::uint32_t>(row.count(1));
  status.fencing_token = row.count(2);
  status.state = TRY(parse_job_state(row.bytes(3)));
  status.lease_id = row.text(4);
  status.worker = row.text(5);
  status.leased_at = row.instant(6);
  status.lease_until = row.instant(7);
  return std::optional(std::move(status));
}

Result<std::optional<JobStatus>> when_finished(const Reader& reader, const TenantId& tenant,
                                               const JobId& job) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT at, attempt, token, state, outcome FROM finished WHERE tenant = ?1 AND job_id = ?2", tenant,
      job));
  if (!TRY(row.step())) return std::optional<JobStatus>();
  JobStatus status;
  status.since = row.instant(0);
  status.attempt = static_cast<std::uint32_t>(row.count(1));
  status.fencing_token = row.count(2);
  status.state = TRY(parse_job_state(row.bytes(3)));
  status.outcome = TRY(row.json(4));
  return std::optional(std::move(status));
}

}  // namespace

Result<JobRow> get_job(const Reader& reader, const TenantId& tenant, const JobId& job) {
  auto row = TRY(read_one(TRY(reader.db().query(job_sql(" AND job_id = ?2"), tenant, job))));
  if (!row) return fail(Code::kNotFound, "job " + job.str() + " of tenant " + tenant.str());
  return std::move(*row);
}

Result<JobStatus> job_status(const Reader& reader, const TenantId& tenant, const JobId& job) {
  for (const auto look : {when_leased, when_waiting, when_ready, when_finished})
    if (auto status = TRY(look(reader, tenant, job))) return std::move(*status);
  TRY(get_job(reader, tenant, job));
  return fail(Code::kLedgerTampered,
              "job " + job.str() + " of tenant " + tenant.str() + " stands in no projection");
}

Result<std::optional<JobRow>> job_by_key(const Reader& reader, const TenantId& tenant,
                                         const std::string& idempotency_key) {
  return read_one(TRY(reader.db().query(job_sql(" AND idempotency_key = ?2"), tenant, idempotency_key)));
}

Result<std::vector<JobRow>> list_jobs(const Reader& reader, const TenantId& tenant, const JobQuery& query) {
  std::string rest = " AND (?2 IS NULL OR submitted_seq < ?2)";
  if (query.after)
    rest += query.newest_first ? " AND (submitted_at, job_id) < (?4, ?5)"
                               : " AND (submitted_at, job_id) > (?4, ?5)";
  rest += query.newest_first ? " ORDER BY submitted_at DESC, job_id DESC LIMIT ?3"
                             : " ORDER BY submitted_at, job_id LIMIT ?3";
  sql::Statement rows =
      query.after ? TRY(reader.db().query(job_sql(rest), tenant, query.submitted_below, query.limit,
                                          query.after->submitted_at, query.after->id))
                  : TRY(reader.db().query(job_sql(rest), tenant, query.submitted_below, query.limit));
  std::vector<JobRow> jobs;
  while (TRY(rows.step())) jobs.push_back(TRY(read_job(rows)));
  return jobs;
}

}  // namespace airlock::ledger
