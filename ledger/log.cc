#include "ledger/log.h"

#include <bit>

namespace airlock::ledger {
namespace {

std::string pack(const std::vector<Digest>& nodes) {
  std::string out;
  for (const Digest& node : nodes) out += node.raw();
  return out;
}

Result<std::vector<Digest>> unpack(std::string_view bytes) {
  std::vector<Digest> nodes;
  for (; bytes.size() >= Digest::kSize; bytes.remove_prefix(Digest::kSize))
    nodes.push_back(TRY(Digest::from_raw(bytes.substr(0, Digest::kSize))));
  if (!bytes.empty()) return fail(Code::kLedgerTampered, "log_heads holds a cut node");
  return nodes;
}

// MTH of the 2^level leaves from idx * 2^level.
Result<Digest> subtree(sql::Connection& db, const std::string& tenant, int level, std::uint64_t idx) {
  if (level >= kStoredLevel) {
    sql::Statement row = TRY(db.query(
        "SELECT hash FROM log_nodes WHERE tenant = ?1 AND level = ?2 AND idx = ?3", tenant, level, idx));
    if (TRY(row.step())) return row.digest(0);
    return fail(Code::kLedgerTampered, "tenant " + tenant + ": node " + std::to_string(level) + "/" +
                                           std::to_string(idx) + " is missing");
  }
  const std::uint64_t from = idx << level, to = from + (1ULL << level);
  sql::Statement rows = TRY(
      db.query("SELECT leaf_hash FROM job_history WHERE tenant = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq",
               tenant, from, to));
  CompactRange leaves;
  while (TRY(rows.step())) leaves.append(TRY(rows.digest(0)));
  if (leaves.size() != to - from)
    return fail(Code::kLedgerTampered, "tenant " + tenant + ": an event between seq " + std::to_string(from) +
                                           " and " + std::to_string(to) + " is missing");
  return leaves.root();
}

}  // namespace

Result<std::optional<LogHead>> load_head(sql::Connection& db, const std::string& tenant) {
  sql::Statement row = TRY(
      db.query("SELECT size, nodes, last_ts, checkpoint_size, checkpoint_at FROM log_heads WHERE tenant = ?1",
               tenant));
  if (!TRY(row.step())) return std::optional<LogHead>();
  LogHead head;
  auto range = CompactRange::restore(row.count(0), TRY(unpack(row.bytes(1))));
  if (!range)
    return fail(Code::kLedgerTampered, "tenant " + tenant + ": log_heads: " + range.error().context);
  head.range = std::move(*range);
  head.last_ts = row.instant(2);
  head.checkpoint_size = row.count(3);
  head.checkpoint_at = row.instant(4);
  return std::optional(std::move(head));
}

Result<void> store_head(sql::Connection& db, const std::string& tenant, const LogHead& head) {
  const std::string nodes = pack(head.range.nodes());
  TRY(db.run(
      "INSERT INTO log_heads VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET size = excluded.size,"
      " nodes = excluded.nodes, last_ts = excluded.last_ts, checkpoint_size = excluded.checkpoint_size,"
      " checkpoint_at = excluded.checkpoint_at",
      tenant, head.range.size(), sql::Connection::Blob{nodes}, head.last_ts, head.checkpoint_size,
      head.checkpoint_at));
  return {};
}

Result<void> grow(sql::Connection& db, const std::string& tenant, LogHead& head, const Digest& leaf_hash) {
  const std::uint64_t size = head.range.size();
  // The right edge that this leaf closes: each trailing one bit of the old size is a left neighbour.
  if (std::countr_one(size) >= kStoredLevel) {
    const auto& nodes = head.range.nodes();
    Digest hash = leaf_hash;
    std::size_t left = nodes.size();
    for (int level = 1; ((size >> (level - 1)) & 1) != 0; ++level) {
      hash = merkle_node(nodes[--left], hash);
      if (level < kStoredLevel) continue;
      TRY(db.run("INSERT INTO log_nodes VALUES (?1, ?2, ?3, ?4)", tenant, level, size >> level, hash));
    }
  }
  head.range.append(leaf_hash);
  return {};
}

Result<Digest> range_hash(sql::Connection& db, const std::string& tenant, std::uint64_t from,
                          std::uint64_t to) {
  const std::uint64_t n = to - from;
  if (std::has_single_bit(n) && from % n == 0) {
    const int level = std::countr_zero(n);
    return subtree(db, tenant, level, from >> level);
  }
  const std::uint64_t split = std::bit_floor(n - 1);
  const Digest left = TRY(range_hash(db, tenant, from, from + split));
  const Digest right = TRY(range_hash(db, tenant, from + split, to));
  return merkle_node(left, right);
}

}  // namespace airlock::ledger
