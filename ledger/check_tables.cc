#include "ledger/check_tables.h"

#include <sqlite3.h>

#include <array>
#include <map>

#include "base/encoding.h"
#include "base/tree.h"
#include "ledger/catalog_rows.h"

namespace airlock::ledger {
namespace {

struct Projection {
  std::string_view table, key, values;  // columns; what heartbeats and rate limits move is not among them
};

constexpr std::array<Projection, 20> kProjections = {{
    {"job_history", "seq", "ts, subject, leaf_hash"},
    {"log_heads", "tenant", "size, nodes, last_ts, checkpoint_size, checkpoint_at"},
    {"log_nodes", "level, idx", "hash"},
    {"jobs", "job_id",
     "job_type, source, project, priority, payload_digest, dependencies, idempotency_key, correlation_id, traceparent, not_before,"
     " replay_of, retry, actor, node, submitted_seq, submitted_at"},
    {"job_dependencies", "depends_on, job_id", "tenant"},
    {"waiting", "job_id", "gate, reason, since, next_eligible_at, attempt, token"},
    {"ready", "rank, seq", "job_id, job_type, source, since, attempt, token"},
    {"leases", "job_id", "state, lease_id, worker, attempt, token, since, leased_at, lease_until"},
    {"finished", "job_id", "state, at, attempt, token, outcome"},
    {"dead_letters", "job_id", "reason, seq, at"},
    {"runs", "run_id",
     "state, job_id, dag_id, dag_version, dag_digest, plan_hash, inputs_hash, run_token, steps_digest, rationale, actor, reason,"
     " ticket, trace_id, replay_of, created_seq, created_at, outputs_hash, error, started_at, ended_at"},
    {"steps", "run_id, step_id",
     "state, ordinal, plugin, attempt, step_hash, inputs_hash, outputs_hash, from_run, error, started_at, ended_at"},
    {"attempts", "run_id, step_id, attempt",
     "outcome, exit, started_at, ended_at, evidence, outputs_hash, error"},
    {"bundle_catalog", "bundle_id, generation",
     "version, kind, manifest_sha256, items_digest, imported_at, active"},
    {"bundle_floors", "bundle_id", "generation"},
    {"dags", "dag_id, version", "digest, bundle_id, generation"},
    {"dag_edges", "dag_id, version, from_step, to_step", "tenant"},
    {"incidents", "incident_id", "code, state, about, detail, opened_seq, opened_at"},
    {"approvals", "run_id, gate_id", "state, plan_hash, decisions, requested_seq, requested_at"},
    {"airgap_state", "key", "value, changed_seq"},  // the site's own rows, under no tenant, follow from no event
}};
constexpr std::array<Projection, 2> kRules = {
    {{"quotas", "scope, kind", "body, changed_seq, changed_at"},
     {"throttles", "scope, kind", "body, changed_seq, changed_at"}}};

// Tables whose rows belong to a tenant with a log.
constexpr std::array<std::string_view, 5> kFacts = {"checkpoints", "artifacts", "bundle_items", "sources", "schedules"};

int count_columns(std::string_view list) {
  int n = 1;
  for (const char c : list) n += c == ',' ? 1 : 0;
  return n;
}

std::string shown(const sql::Statement& row, int column) {
  if (row.null(column)) return "nothing";
  if (row.type(column) == SQLITE_BLOB) return to_hex(row.bytes(column).substr(0, 32));
  return "\"" + printable(row.bytes(column).substr(0, 80)) + "\"";
}

std::string key_of(const sql::Statement& row, int keys) {
  std::string text;
  for (int i = 0; i < keys; ++i) text += (i > 0 ? " " : "") + printable(row.bytes(i).substr(0, 80));
  return text;
}

bool same(const sql::Statement& a, const sql::Statement& b, int column) {
  return a.type(column) == b.type(column) && a.bytes(column) == b.bytes(column);
}

std::string column_name(std::string_view list, int index) {
  for (; index > 0; --index) list.remove_prefix(list.find(',') + 1);
  const std::size_t from = list.find_first_not_of(' ');
  return std::string(list.substr(from, list.find(',') - from));
}

Result<std::optional<std::string>> compare(sql::Connection& stored, sql::Connection& replayed,
                                           const std::string& tenant, const Projection& p) {
  const std::string sql = "SELECT " + std::string(p.key) + ", " + std::string(p.values) + " FROM " +
                          std::string(p.table) + " WHERE tenant = ?1 ORDER BY " + std::string(p.key);
  const std::string table(p.table);
  const int keys = count_columns(p.key), all = keys + count_columns(p.values);
  sql::Statement have = TRY(stored.query(sql, tenant)), want = TRY(replayed.query(sql, tenant));
  for (;;) {
    const bool more = TRY(have.step()), expected = TRY(want.step());
    if (!more && !expected) return std::optional<std::string>();
    for (int i = 0; more && expected && i < keys; ++i)
      if (!same(have, want, i))
        return std::optional(table + ": a row is missing or was added near " + key_of(have, keys) + " / " +
                             key_of(want, keys));
    if (!expected) return std::optional(table + ": row " + key_of(have, keys) + " follows from no event");
    if (!more) return std::optional(table + ": row " + key_of(want, keys) + " is missing");
    for (int i = keys; i < all; ++i)
      if (!same(have, want, i))
        return std::optional(table + ": row " + key_of(have, keys) + " has " +
                             column_name(p.values, i - keys) + " " + shown(have, i) + ", its events say " +
                             shown(want, i));
  }
}

Result<std::optional<std::string>> check_outputs(sql::Connection& db, const std::string& tenant) {
  sql::Statement rows = TRY(db.query(
      "SELECT s.run_id, s.step_id, s.outputs_hash, a.path, a.digest, a.size, a.executable FROM steps s LEFT JOIN artifacts a"
      " USING (tenant, run_id, step_id) WHERE s.tenant = ?1 AND (s.state IN ('succeeded', 'cached') OR a.path IS NOT NULL)"
      " ORDER BY s.run_id, s.step_id, a.path",
      tenant));
  Tree tree;
  std::string at;
  std::optional<Digest> expected;
  const auto bad = [&]() { return !at.empty() && expected && tree_digest(tree) != *expected; };
  while (TRY(rows.step())) {
    const std::string step = rows.text(0) + "/" + rows.text(1);
    if (step != at) {
      if (bad()) return std::optional("artifacts: step " + at + " has not the outputs that its events name");
      at = step;
      tree.clear();
      expected = TRY(rows.maybe_digest(2));
      if (!expected && !rows.null(3))
        return std::optional("artifacts: step " + at + " did not succeed, but has outputs");
    }
    if (rows.null(3)) continue;
    const Digest sha256 = TRY(rows.digest(4));
    tree.push_back({rows.text(3), sha256, rows.count(5), rows.integer(6) != 0});
  }
  if (bad()) return std::optional("artifacts: step " + at + " has not the outputs that its events name");
  return std::optional<std::string>();
}

Result<std::optional<std::string>> check_items(sql::Connection& db, const std::string& tenant) {
  sql::Statement rows = TRY(
      db.query("SELECT bundle_id, generation, items_digest FROM bundle_catalog WHERE tenant = ?1", tenant));
  while (TRY(rows.step()))
    if (TRY(items_digest(db, tenant, rows.text(0), rows.text(1))) != TRY(rows.digest(2)))
      return std::optional("bundle_items: " + rows.text(0) + " " + rows.text(1) +
                           " has not the items that its import recorded");
  sql::Statement stray = TRY(db.query(
      "SELECT bundle_id, path FROM bundle_items i WHERE tenant = ?1 AND NOT EXISTS (SELECT 1 FROM bundle_catalog c"
      " WHERE c.tenant = i.tenant AND c.bundle_id = i.bundle_id AND c.generation = i.generation) LIMIT 1",
      tenant));
  if (TRY(stray.step()))
    return std::optional("bundle_items: " + stray.text(0) + " " + stray.text(1) + " belongs to no bundle");
  return std::optional<std::string>();
}

Result<std::optional<std::string>> check_references(sql::Connection& db, const std::string& tenant) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kReferences = {
      {{"jobs", "payload_digest"},
       {"runs", "plan_hash"},
       {"runs", "inputs_hash"},
       {"bundle_catalog", "manifest_sha256"},
       {"dags", "digest"}}};
  for (const auto& [table, column] : kReferences) {
    sql::Statement row = TRY(db.query("SELECT " + std::string(column) + " FROM " + std::string(table) +
                                          " WHERE tenant = ?1 AND " + std::string(column) +
                                          " NOT IN (SELECT digest FROM documents) LIMIT 1",
                                      tenant));
    if (TRY(row.step()))
      return std::optional("documents: " + shown(row, 0) + " is missing, " + std::string(table) +
                           " names it");
  }
  return std::optional<std::string>();
}

Result<std::map<std::string, std::string>> schema_items(sql::Connection& db) {
  sql::Statement rows = TRY(db.query(
      "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"));
  std::map<std::string, std::string> items;
  while (TRY(rows.step())) items.emplace(rows.text(0), rows.text(1));
  return items;
}

}  // namespace

Result<std::optional<Finding>> compare_projections(sql::Connection& stored, sql::Connection& replayed,
                                                   const std::string& tenant) {
  const auto compare_all = [&](const auto& projections) -> Result<std::optional<Finding>> {
    for (const Projection& projection : projections)
      if (auto what = TRY(compare(stored, replayed, tenant, projection)))
        return std::optional(Finding{tenant, std::nullopt, std::move(*what)});
    return std::optional<Finding>();
  };
  if (auto finding = TRY(compare_all(kProjections))) return finding;
  return compare_all(kRules);
}

Result<std::optional<Finding>> check_facts(sql::Connection& db, const std::string& tenant) {
  for (const auto check : {check_outputs, check_items, check_references})
    if (auto what = TRY(check(db, tenant)))
      return std::optional(Finding{tenant, std::nullopt, std::move(*what)});
  return std::optional<Finding>();
}

Result<std::optional<Finding>> check_documents(sql::Connection& db) {
  sql::Statement rows = TRY(db.query("SELECT digest, bytes FROM documents"));
  while (TRY(rows.step())) {
    const auto digest = rows.digest(0);
    if (!digest || Digest::of(rows.bytes(1)) != *digest)
      return std::optional(Finding{"", std::nullopt, "documents: " + shown(rows, 0) + " was changed"});
  }
  return std::optional<Finding>();
}

Result<std::vector<TenantId>> logged_tenants(sql::Connection& db) {
  sql::Statement rows = TRY(db.query(
      "SELECT tenant FROM log_heads UNION SELECT tenant FROM checkpoints UNION SELECT DISTINCT tenant FROM job_history ORDER BY 1"));
  std::vector<TenantId> tenants;
  while (TRY(rows.step())) tenants.push_back(TRY(rows.id<TenantId>(0)));
  return tenants;
}

Result<std::optional<Finding>> check_tenants(sql::Connection& db) {
  const auto stray = [&](std::string_view table) -> Result<std::optional<Finding>> {
    const std::string name(table);
    sql::Statement row = TRY(db.query(
        "SELECT tenant FROM " + name +
        " WHERE tenant <> '' AND tenant NOT IN (SELECT tenant FROM job_history WHERE seq = 0) LIMIT 1"));
    if (!TRY(row.step())) return std::optional<Finding>();
    return std::optional(Finding{row.text(0), std::nullopt, name + ": rows of a tenant without a log"});
  };
  for (const Projection& projection : kProjections)
    if (auto finding = TRY(stray(projection.table))) return finding;
  for (const Projection& projection : kRules)
    if (auto finding = TRY(stray(projection.table))) return finding;
  for (const std::string_view table : kFacts)
    if (auto finding = TRY(stray(table))) return finding;
  return std::optional<Finding>();
}

Result<std::string> schema_difference(sql::Connection& stored, sql::Connection& expected) {
  const auto have = TRY(schema_items(stored)), want = TRY(schema_items(expected));
  for (const auto& [name, sql] : want) {
    const auto found = have.find(name);
    if (found == have.end()) return name + " is missing";
    if (found->second != sql) return name + " is different";
  }
  for (const auto& [name, sql] : have)
    if (!want.contains(name)) return name + " was added";
  return std::string("nothing");
}

}  // namespace airlock::ledger
