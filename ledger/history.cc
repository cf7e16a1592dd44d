#include "ledger/history.h"

#include <algorithm>
#include <bit>

#include "ledger/log.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

Result<HistoryLine> read_line(const sql::Statement& row) {
  const auto leaf = TRY(row.digest(2));
  return HistoryLine{row.count(0), row.text(1), leaf};
}

Result<std::uint64_t> size_of(const Reader& reader, const TenantId& tenant) {
  const auto head = TRY(load_head(reader.db(), tenant.str()));
  return head ? head->range.size() : 0;
}

std::unexpected<Error> beyond(const TenantId& tenant, std::uint64_t asked, std::uint64_t size) {
  return fail(Code::kUsage, "the log of tenant " + tenant.str() + " has " + std::to_string(size) +
                                " events, not " + std::to_string(asked));
}

Result<Checkpoint> read_checkpoint(const sql::Statement& row) {
  const auto root = TRY(row.digest(2));
  return Checkpoint{row.count(0), row.instant(1), root, row.text(3)};
}

Result<std::optional<Checkpoint>> one_checkpoint(sql::Statement row) {
  if (!TRY(row.step())) return std::optional<Checkpoint>();
  return std::optional(TRY(read_checkpoint(row)));
}

// RFC 6962 section 2.1.2, SUBPROOF(m, D[from:to], whole).
Result<void> subproof(sql::Connection& db, const std::string& tenant, std::uint64_t m, std::uint64_t from,
                      std::uint64_t to, bool whole, std::vector<Digest>& proof) {
  const std::uint64_t n = to - from;
  if (m == n) {
    if (!whole) proof.push_back(TRY(range_hash(db, tenant, from, to)));
    return {};
  }
  const std::uint64_t split = std::bit_floor(n - 1);
  if (m <= split) {
    TRY(subproof(db, tenant, m, from, from + split, whole, proof));
    proof.push_back(TRY(range_hash(db, tenant, from + split, to)));
  } else {
    TRY(subproof(db, tenant, m - split, from + split, to, false, proof));
    proof.push_back(TRY(range_hash(db, tenant, from, from + split)));
  }
  return {};
}

}  // namespace

Result<std::vector<TenantId>> tenants(const Reader& reader) {
  sql::Statement rows = TRY(reader.db().query("SELECT tenant FROM log_heads ORDER BY tenant"));
  std::vector<TenantId> all;
  while (TRY(rows.step())) all.push_back(TRY(rows.id<TenantId>(0)));
  return all;
}

Result<std::vector<HistoryLine>> history(const Reader& reader, const TenantId& tenant, std::uint64_t from,
                                         std::uint64_t to, std::size_t limit) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT seq, line, leaf_hash FROM job_history WHERE tenant = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq LIMIT ?4",
      tenant, from, std::min<std::uint64_t>(to, INT64_MAX), limit));
  std::vector<HistoryLine> lines;
  while (TRY(rows.step())) lines.push_back(TRY(read_line(rows)));
  return lines;
}

Result<void> for_each_line(const Reader& reader, const TenantId& tenant, std::uint64_t from, std::uint64_t to,
                           const std::function<Result<void>(const HistoryLine&)>& each) {
  for (;;) {
    const std::vector<HistoryLine> chunk = TRY(history(reader, tenant, from, to));
    for (const HistoryLine& line : chunk) TRY(each(line));
    if (chunk.size() < kHistoryChunk) return {};
    from = chunk.back().seq + 1;
  }
}

Result<std::vector<HistoryLine>> history_of(const Reader& reader, const TenantId& tenant,
                                            const std::string& subject, bool and_below, std::uint64_t to) {
  constexpr std::string_view kSelect =
      "SELECT seq, line, leaf_hash FROM job_history WHERE tenant = ?1 AND seq < ?3 AND ";
  // Everything below "run:x" starts with "run:x/"; '0' is the byte after '/'.
  const std::string_view which =
      and_below
          ? "subject >= ?2 AND subject < ?2 || '0' AND (subject = ?2 OR subject > ?2 || '/') ORDER BY seq"
          : "subject = ?2 ORDER BY seq";
  sql::Statement rows = TRY(reader.db().query(std::string(kSelect) + std::string(which), tenant, subject,
                                              std::min<std::uint64_t>(to, INT64_MAX)));
  std::vector<HistoryLine> lines;
  while (TRY(rows.step())) lines.push_back(TRY(read_line(rows)));
  return lines;
}

Result<std::uint64_t> first_seq_at(const Reader& reader, const TenantId& tenant, Instant at) {
  // ts never decreases within a log, so halving finds the place.
  std::uint64_t low = 0, high = TRY(size_of(reader, tenant));
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    sql::Statement row =
        TRY(reader.db().query("SELECT ts FROM job_history WHERE tenant = ?1 AND seq = ?2", tenant, middle));
    if (!TRY(row.step()))
      return fail(Code::kLedgerTampered,
                  "tenant " + tenant.str() + ": seq " + std::to_string(middle) + " is missing");
    if (row.instant(0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

Result<CompactRange> log_head(const Reader& reader, const TenantId& tenant) {
  auto head = TRY(load_head(reader.db(), tenant.str()));
  return head ? std::move(head->range) : CompactRange();
}

Result<CompactRange> log_at(const Reader& reader, const TenantId& tenant, std::uint64_t size) {
  CompactRange head = TRY(log_head(reader, tenant));
  if (size == head.size()) return head;
  if (size > head.size()) return beyond(tenant, size, head.size());
  std::vector<Digest> nodes;
  for (std::uint64_t from = 0; from < size;) {
    const std::uint64_t width = std::bit_floor(size - from);
    nodes.push_back(TRY(range_hash(reader.db(), tenant.str(), from, from + width)));
    from += width;
  }
  return CompactRange::restore(size, std::move(nodes));
}

Result<std::vector<Digest>> inclusion_proof(const Reader& reader, const TenantId& tenant, std::uint64_t seq,
                                            std::uint64_t size) {
  const std::uint64_t have = TRY(size_of(reader, tenant));
  if (size > have || seq >= size) return beyond(tenant, std::max(size, seq + 1), std::min(size, have));
  std::vector<Digest> proof;  // made from the root down, given from the leaf up
  for (std::uint64_t from = 0, to = size; to - from > 1;) {
    const std::uint64_t middle = from + std::bit_floor(to - from - 1);
    const bool left = seq < middle;
    proof.push_back(left ? TRY(range_hash(reader.db(), tenant.str(), middle, to))
                         : TRY(range_hash(reader.db(), tenant.str(), from, middle)));
    (left ? to : from) = middle;
  }
  return std::vector<Digest>(proof.rbegin(), proof.rend());
}

Result<std::vector<Digest>> consistency_proof(const Reader& reader, const TenantId& tenant,
                                              std::uint64_t old_size, std::uint64_t new_size) {
  const std::uint64_t have = TRY(size_of(reader, tenant));
  if (new_size > have || old_size > new_size) return beyond(tenant, std::max(old_size, new_size), have);
  std::vector<Digest> proof;
  if (old_size > 0 && old_size < new_size)
    TRY(subproof(reader.db(), tenant.str(), old_size, 0, new_size, true, proof));
  return proof;
}

Result<std::vector<Checkpoint>> checkpoints(const Reader& reader, const TenantId& tenant) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT size, at, root, note FROM checkpoints WHERE tenant = ?1 ORDER BY size", tenant));
  std::vector<Checkpoint> all;
  while (TRY(rows.step())) all.push_back(TRY(read_checkpoint(rows)));
  return all;
}

Result<std::optional<Checkpoint>> checkpoint_at(const Reader& reader, const TenantId& tenant,
                                                std::uint64_t size) {
  return one_checkpoint(TRY(reader.db().query(
      "SELECT size, at, root, note FROM checkpoints WHERE tenant = ?1 AND size = ?2", tenant, size)));
}

Result<std::optional<Checkpoint>> last_checkpoint(const Reader& reader, const TenantId& tenant) {
  return one_checkpoint(TRY(reader.db().query(
      "SELECT size, at, root, note FROM checkpoints WHERE tenant = ?1 ORDER BY size DESC LIMIT 1", tenant)));
}

}  // namespace airlock::ledger
