// ledger/schema: the tables, as versioned forward-only steps, and the check that they are still what they were.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::sql {
class Connection;
}

namespace airlock::ledger {

inline constexpr int kApplicationId = 0x41495231;   // "AIR1", in the file's header (PRAGMA application_id)

// ledger/schema/NNN_*.sql in order; migration i takes a ledger from version i to version i + 1.
std::span<const std::string_view> migrations();

// Brings an empty or older ledger to the newest version, each step in one transaction. kLedgerSchema when the ledger
// is newer than this program, kLedgerCorrupt when the file is some other database.
Result<void> migrate(sql::Connection& db);
// The same judgement without changing anything: kLedgerSchema also when the ledger is older.
Result<void> require_current(sql::Connection& db);

// The SQL of every table, index and trigger, in one canonical text: equal in two ledgers of one version.
Result<std::string> schema_text(sql::Connection& db);

}  // namespace airlock::ledger
