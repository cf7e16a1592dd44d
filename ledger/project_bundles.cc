#include "ledger/project.h"

namespace airlock::ledger {
namespace {

Result<void> project_dags(sql::Connection& db, const Event& event, const std::string& bundle,
                          const std::string& generation) {
  const EventData data(event);
  const Json* dags = data.find("dags");
  if (dags == nullptr) return {};
  for (const Json& dag : *dags) {
    ObjectReader reader = TRY(ObjectReader::of(dag, event.kind + " data.dags"));
    const std::string id = TRY(reader.string("dagId")), version = TRY(reader.string("version"));
    const Digest digest = TRY(reader.digest("digest"));
    // dagId@version is immutable: the first bundle that brought it stays its source.
    TRY(db.run("INSERT INTO dags VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING", event.tenant, id,
               version, digest, bundle, generation));
    for (const Json& edge : *TRY(reader.array("edges"))) {
      if (!edge.is_array() || edge.size() != 2 || !edge[0].is_string() || !edge[1].is_string())
        return data.wrong("dags", "a list with edges [from, to]");
      TRY(db.run("INSERT INTO dag_edges VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING", event.tenant, id,
                 version, edge[0].get<std::string>(), edge[1].get<std::string>()));
    }
  }
  return {};
}

Result<void> imported(sql::Connection& db, const Event& event) {
  const EventData data(event);
  const std::string bundle = TRY(data.text("bundleId")),
                    generation = generation_text(TRY(data.count("generation")));
  const bool activated = TRY(data.boolean("activated"));
  if (activated)
    TRY(db.run("UPDATE bundle_catalog SET active = 0 WHERE tenant = ?1 AND bundle_id = ?2 AND active = 1",
               event.tenant, bundle));
  TRY(
      db.run("INSERT INTO bundle_catalog VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
             " ON CONFLICT DO UPDATE SET active = MAX(active, excluded.active)",
             event.tenant, bundle, generation, TRY(data.text("version")), TRY(data.text("kind")),
             TRY(data.digest("manifestSha256")), TRY(data.digest("itemsDigest")), event.ts, activated));
  TRY(
      db.run("INSERT INTO bundle_floors VALUES (?1, ?2, ?3)"
             " ON CONFLICT DO UPDATE SET generation = MAX(generation, excluded.generation)",
             event.tenant, bundle, generation));
  return project_dags(db, event, bundle, generation);
}

}  // namespace

Result<void> project_bundle(sql::Connection& db, const Event& event) {
  if (event.kind == "bundle.imported") return imported(db, event);
  if (event.kind == "bundle.rejected" || event.kind == "bundle.dry_run" || event.kind == "bundle.reimported") return {};
  if (event.kind != "bundle.pruned") return unknown_kind(event);
  const EventData data(event);
  return one_row(
      TRY(db.run(
          "DELETE FROM bundle_catalog WHERE tenant = ?1 AND bundle_id = ?2 AND generation = ?3 AND active = 0",
          event.tenant, TRY(data.text("bundleId")), generation_text(TRY(data.count("generation"))))),
      event, "bundle_catalog");
}

}  // namespace airlock::ledger
