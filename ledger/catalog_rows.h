// ledger/catalog_rows: what the catalog shares with ledger/check, inside the ledger.
#pragma once

#include <string>

#include "ledger/sqlite.h"

namespace airlock::ledger {

// Tree digest (base/tree.h) of the items of one catalog row, read one by one.
Result<Digest> items_digest(sql::Connection& db, const std::string& tenant, const std::string& bundle, const std::string& generation);

}  // namespace airlock::ledger
