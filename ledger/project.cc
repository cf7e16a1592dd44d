#include "ledger/project.h"

#include <charconv>

namespace airlock::ledger {

Result<void> project(sql::Connection& db, const Event& event) {
  const std::size_t dot = event.kind.find('.');
  const std::string_view family = std::string_view(event.kind).substr(0, dot);
  if (family == "job") return project_job(db, event);
  if (family == "run") return project_run(db, event);
  if (family == "step") return project_step(db, event);
  if (family == "bundle") return project_bundle(db, event);
  if (family == "incident") return project_incident(db, event);
  if (family == "approval") return project_approval(db, event);
  if (family == "quota" || family == "throttle") return project_rule(db, event);
  if (family == "airgap") return project_airgap(db, event);
  if (family == "time") return project_time(db, event);
  return {};  // recorded, but nothing follows from it: audit.exported, quarantine.removed ...
}

std::unexpected<Error> unknown_kind(const Event& event) {
  return fail(Code::kField, "event kind \"" + event.kind + "\" does not exist");
}

Result<void> one_row(std::int64_t changed, const Event& event, std::string_view table) {
  if (changed == 1) return {};
  return fail(Code::kLedger, event.kind + " " + event.subject + ": no such row in " + std::string(table));
}

std::string generation_text(std::uint64_t generation) {
  const std::string digits = std::to_string(generation);
  return std::string(20 - digits.size(), '0') + digits;
}

Result<std::uint64_t> parse_generation(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || generation_text(value) != text)
    return fail(Code::kLedgerTampered,
                "a row holds the generation \"" + std::string(text.substr(0, 40)) + "\"");
  return value;
}

Result<void> project_incident(sql::Connection& db, const Event& event) {
  const EventData data(event);
  if (event.kind == "incident.opened") {
    TRY(db.run("INSERT INTO incidents VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6, ?7)", event.tenant,
               event.subject, TRY(data.text("code")), TRY(data.text("about")), TRY(data.text("detail")),
               event.seq, event.ts));
    return {};
  }
  if (event.kind != "incident.acknowledged" && event.kind != "incident.resolved") return unknown_kind(event);
  return one_row(TRY(db.run("UPDATE incidents SET state = ?3 WHERE tenant = ?1 AND incident_id = ?2",
                            event.tenant, event.subject, state_of(event.after))),
                 event, "incidents");
}

Result<void> project_approval(sql::Connection& db, const Event& event) {
  const EventData data(event);
  const RunSubject at = TRY(parse_run_subject(event.subject));
  if (event.kind == "approval.requested") {
    TRY(db.run("INSERT INTO approvals VALUES (?1, ?2, ?3, 'pending', ?4, '[]', ?5, ?6)", event.tenant, at.run,
               at.step, TRY(data.digest("planHash")), event.seq, event.ts));
    return {};
  }
  if (event.kind != "approval.updated") return unknown_kind(event);
  return one_row(
      TRY(db.run(
          "UPDATE approvals SET state = ?4, decisions = ?5 WHERE tenant = ?1 AND run_id = ?2 AND gate_id = ?3",
          event.tenant, at.run, at.step, state_of(event.after), TRY(data.json("decisions")))),
      event, "approvals");
}

// A quota or throttle: `after` is the rule as it now stands, absent when it was lifted.
Result<void> project_rule(sql::Connection& db, const Event& event) {
  const bool quota = event.kind == "quota.changed";
  if (!quota && event.kind != "throttle.changed") return unknown_kind(event);
  const EventData data(event);
  const std::string scope = TRY(data.text("scope")), kind = TRY(data.text("kind"));
  if (!event.after) {
    TRY(db.run(quota ? "DELETE FROM quotas WHERE tenant = ?1 AND scope = ?2 AND kind = ?3"
                     : "DELETE FROM throttles WHERE tenant = ?1 AND scope = ?2 AND kind = ?3",
               event.tenant, scope, kind));
    return {};
  }
  constexpr std::string_view kUpsert =
      " (tenant, scope, kind, body, changed_seq, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET "
      "body = excluded.body, changed_seq = excluded.changed_seq, changed_at = excluded.changed_at";
  TRY(db.run((quota ? "INSERT INTO quotas" : "INSERT INTO throttles") + std::string(kUpsert), event.tenant,
             scope, kind, *event.after, event.seq, event.ts));
  return {};
}

}  // namespace airlock::ledger
