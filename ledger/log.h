// ledger/log: the tree of one log as it lies in the tables log_heads and log_nodes, inside the ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/merkle.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

struct LogHead {
  CompactRange range;
  Instant last_ts = Instant::from_millis(0);
  std::uint64_t checkpoint_size = 0;
  Instant checkpoint_at = Instant::from_millis(0);   // or when the log began
};

// Nodes of this level and up are stored; the rest is computed from leaves.
inline constexpr int kStoredLevel = 8;

Result<std::optional<LogHead>> load_head(sql::Connection& db, const std::string& tenant);
Result<void> store_head(sql::Connection& db, const std::string& tenant, const LogHead& head);

// Grows the tree by a leaf and stores the inner nodes that it completed. The head itself is stored by store_head().
Result<void> grow(sql::Connection& db, const std::string& tenant, LogHead& head, const Digest& leaf_hash);

// RFC 6962's MTH(D[from:to]) of stored leaves, from < to.
Result<Digest> range_hash(sql::Connection& db, const std::string& tenant, std::uint64_t from, std::uint64_t to);

}  // namespace airlock::ledger
