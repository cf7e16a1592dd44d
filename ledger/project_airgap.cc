#include "ledger/project.h"

namespace airlock::ledger {
namespace {

Result<void> put(sql::Connection& db, const Event& event, const std::string& key, const Json& value) {
  TRY(db.run("INSERT INTO airgap_state VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET value = excluded.value, "
             "changed_seq = excluded.changed_seq",
             event.tenant, key, value, event.seq));
  return {};
}

}  // namespace

Result<void> project_airgap(sql::Connection& db, const Event& event) {
  if (event.kind != "airgap.sealed" && event.kind != "airgap.unsealed") return unknown_kind(event);
  const EventData data(event);
  const std::string policy = TRY(data.text("policyHash"));
  Json value{{"state", state_of(event.after)}, {"policyHash", policy}, {"actor", event.who.actor}, {"at", event.ts.text()}};
  if (event.who.reason) value["reason"] = *event.who.reason;
  if (event.who.ticket) value["ticket"] = *event.who.ticket;
  return put(db, event, "seal", value);
}

Result<void> project_time(sql::Connection& db, const Event& event) {
  if (event.kind == "time.reset" || event.kind == "time.stale_override") return {};  // recorded, and no more
  if (event.kind != "time.anchored") return unknown_kind(event);
  const EventData data(event);
  const std::string bundle = TRY(data.text("bundleId"));
  const Instant time = TRY(data.instant("anchorTime"));
  TRY(put(db, event, "anchor:" + bundle, event.data));
  // The tenant's newest: written times have one length, so text order is their order.
  sql::Statement row = TRY(db.query("SELECT json_extract(value, '$.anchorTime') FROM airgap_state WHERE tenant = ?1 AND key = 'anchor'",
                                    event.tenant));
  if (TRY(row.step()) && row.text(0) >= time.text()) return {};
  return put(db, event, "anchor", event.data);
}

}  // namespace airlock::ledger
