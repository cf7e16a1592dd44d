#include "ledger/schema.h"

#include <charconv>

#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

Result<std::int64_t> one_integer(sql::Connection& db, std::string_view sql) {
  sql::Statement row = TRY(db.query(sql));
  if (!TRY(row.step())) return fail(Code::kLedgerCorrupt, db.path() + ": no answer to " + std::string(sql));
  return row.integer(0);
}

// 0 for an empty database.
Result<std::size_t> version_of(sql::Connection& db) {
  if (TRY(one_integer(db, "SELECT count(*) FROM sqlite_schema")) == 0) return std::size_t{0};
  if (TRY(one_integer(db, "PRAGMA application_id")) != kApplicationId)
    return fail(Code::kLedgerCorrupt, db.path() + " is a database of another program");
  sql::Statement row = TRY(db.query("SELECT value FROM meta WHERE key = 'schema_version'"));
  std::size_t version = 0;
  if (!TRY(row.step())) return fail(Code::kLedgerCorrupt, db.path() + " has no schema version");
  const std::string_view text = row.bytes(0);
  if (std::from_chars(text.data(), text.data() + text.size(), version).ec != std::errc() || version == 0)
    return fail(Code::kLedgerCorrupt,
                db.path() + " has the schema version \"" + std::string(text.substr(0, 20)) + "\"");
  return version;
}

Result<void> require_known(const sql::Connection& db, std::size_t version) {
  if (version <= migrations().size()) return {};
  return fail(Code::kLedgerSchema, db.path() + " has schema version " + std::to_string(version) +
                                       ", this airlock knows " + std::to_string(migrations().size()));
}

Result<void> step_up(sql::Connection& db, std::size_t from) {
  TRY(db.script("BEGIN IMMEDIATE"));
  const auto done = [&]() -> Result<void> {
    if (TRY(version_of(db)) != from) return {};  // another process was faster
    TRY(db.script(std::string(migrations()[from])));
    TRY(db.script("PRAGMA application_id = " + std::to_string(kApplicationId)));
    TRY(db.run(
        "INSERT INTO meta VALUES ('schema_version', ?1) ON CONFLICT DO UPDATE SET value = excluded.value",
        std::to_string(from + 1)));
    // COMMIT POINT: a crash leaves before: the older schema; after: the newer one, whole; test:
    // schema_test.cc
    return db.script("COMMIT");
  }();
  if (db.in_transaction()) (void)db.script("ROLLBACK");  // ignoring: the first error is the one to report
  return done;
}

}  // namespace

Result<void> migrate(sql::Connection& db) {
  for (;;) {
    const std::size_t version = TRY(version_of(db));
    TRY(require_known(db, version));
    if (version == migrations().size()) return {};
    TRY(step_up(db, version));
  }
}

Result<void> require_current(sql::Connection& db) {
  const std::size_t version = TRY(version_of(db));
  TRY(require_known(db, version));
  if (version == 0) return fail(Code::kLedgerCorrupt, db.path() + " is empty");
  if (version < migrations().size())
    return fail(Code::kLedgerSchema, db.path() + " has the older schema version " + std::to_string(version) +
                                         " and is opened read-only: open it once for writing");
  return {};
}

Result<std::string> schema_text(sql::Connection& db) {
  sql::Statement rows = TRY(db.query(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name"));
  std::string text;
  while (TRY(rows.step()))
    text.append(rows.bytes(0))
        .append(" ")
        .append(rows.bytes(1))
        .append("\n")
        .append(rows.bytes(2))
        .append("\n");
  return text;
}

}  // namespace airlock::ledger
