// ledger/check_tables: comparisons of tables for ledger/check, inside the ledger. Each gives the first thing wrong.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/check.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

// Every projection of a tenant, row by row, against those that a replay made.
Result<std::optional<Finding>> compare_projections(sql::Connection& stored, sql::Connection& replayed, const std::string& tenant);

// Facts that events name by digest: items of bundles, outputs of steps, documents that must be there.
Result<std::optional<Finding>> check_facts(sql::Connection& db, const std::string& tenant);

// Every document against its digest.
Result<std::optional<Finding>> check_documents(sql::Connection& db);

// Rows of tenants that have no log.
Result<std::optional<Finding>> check_tenants(sql::Connection& db);

// Tenants with a head or with events, sorted.
Result<std::vector<TenantId>> logged_tenants(sql::Connection& db);

// Which table, index or trigger is missing, new or different.
Result<std::string> schema_difference(sql::Connection& stored, sql::Connection& expected);

}  // namespace airlock::ledger
