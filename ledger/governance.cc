#include "ledger/governance.h"

#include "ledger/history.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

Result<std::vector<GovernanceRow>> read_rules(sql::Statement rows) {
  std::vector<GovernanceRow> rules;
  while (TRY(rows.step())) {
    auto rule = TRY(rows.json(2));
    rules.push_back({rows.text(0), rows.text(1), std::move(rule), rows.count(3), rows.instant(4)});
  }
  return rules;
}

}  // namespace

Result<std::string> open_incident(Tx& tx, const TenantId& tenant, const std::string& code,
                                  const std::string& about, const std::string& detail, const Who& who) {
  const std::string id = "incident:" + std::to_string(TRY(log_head(tx, tenant)).size());
  TRY(tx.append(tenant, {"incident.opened",
                         id,
                         who,
                         std::nullopt,
                         Json{{"state", "open"}},
                         {{"code", code}, {"about", about}, {"detail", detail}}}));
  return id;
}

Result<std::vector<IncidentRow>> list_incidents(const Reader& reader, const TenantId& tenant) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT incident_id, code, state, about, detail, opened_seq, opened_at FROM incidents WHERE tenant = ?1 ORDER BY opened_seq",
      tenant));
  std::vector<IncidentRow> incidents;
  while (TRY(rows.step()))
    incidents.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.count(5),
                         rows.instant(6)});
  return incidents;
}

Result<std::vector<ApprovalRow>> list_approvals(const Reader& reader, const TenantId& tenant) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT run_id, gate_id, state, plan_hash, decisions, requested_seq, requested_at FROM approvals WHERE tenant = ?1 ORDER BY requested_seq",
      tenant));
  std::vector<ApprovalRow> approvals;
  while (TRY(rows.step())) {
    auto run = TRY(rows.id<RunId>(0));
    auto gate = TRY(rows.id<StepId>(1));
    const auto plan_hash = TRY(rows.digest(3));
    auto decisions = TRY(rows.json(4));
    approvals.push_back({std::move(run), std::move(gate), rows.text(2), plan_hash, std::move(decisions), rows.count(5),
                         rows.instant(6)});
  }
  return approvals;
}

Result<std::vector<GovernanceRow>> list_throttles(const Reader& reader, const TenantId& tenant) {
  return read_rules(TRY(reader.db().query(
      "SELECT scope, kind, body, changed_seq, changed_at FROM throttles WHERE tenant = ?1 ORDER BY scope, kind",
      tenant)));
}

Result<std::vector<GovernanceRow>> list_quotas(const Reader& reader, const TenantId& tenant) {
  return read_rules(TRY(reader.db().query(
      "SELECT scope, kind, body, changed_seq, changed_at FROM quotas WHERE tenant = ?1 ORDER BY scope, kind",
      tenant)));
}

Result<std::vector<DeadLetterRow>> list_dead_letters(const Reader& reader, const TenantId& tenant) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT job_id, reason, seq, at FROM dead_letters WHERE tenant = ?1 ORDER BY seq", tenant));
  std::vector<DeadLetterRow> letters;
  while (TRY(rows.step()))
    letters.push_back({TRY(rows.id<JobId>(0)), rows.text(1), rows.count(2), rows.instant(3)});
  return letters;
}

}  // namespace airlock::ledger
