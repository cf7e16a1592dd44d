// ledger/connect: how the connections of a ledger are opened, inside the ledger.
#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

// Makes the file with its whole schema under a temporary name and gives it its name at the end, so that a file of that
// name is never half-made. Another process that was faster is fine.
Result<void> create_file(const std::string& path);

Result<std::unique_ptr<sql::Connection>> open_reader(const std::string& path, const Options& options);
Result<std::unique_ptr<sql::Connection>> open_writer(const std::string& path, const Options& options);

// An empty ledger of the current schema that lives in a temporary file of SQLite's, for replays.
Result<std::unique_ptr<sql::Connection>> open_scratch();

}  // namespace airlock::ledger
