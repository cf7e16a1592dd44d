// ledger/history: reading the logs as they were hashed, and what proves them.
//
// A leaf is the event's canonical JSON, one line without its line feed: {seq, ts, tenant, kind, subject, actor,
// reason?, ticket?, traceId?, before?, after?, data}. Its leaf hash is RFC 6962's; seq is the leaf index, from 0.
// Reads come in chunks, each its own short read, so that no export pins the write-ahead log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/merkle.h"
#include "ledger/ledger.h"

namespace airlock::ledger {

struct HistoryLine {
  std::uint64_t seq = 0;
  std::string line;      // exactly the bytes that were hashed
  Digest leaf_hash = Digest::of_empty();
};

struct Checkpoint {
  std::uint64_t size = 0;
  Instant at = Instant::from_millis(0);
  Digest root = Digest::of_empty();
  std::string note;      // C2SP signed note, origin airlock/<instance>/<tenant>
};

inline constexpr std::size_t kHistoryChunk = 1000;

Result<std::vector<TenantId>> tenants(const Reader& reader);   // that have a log, sorted

// At most `limit` lines with from <= seq < to, in order. Fewer than `limit` means the end was reached.
Result<std::vector<HistoryLine>> history(const Reader& reader, const TenantId& tenant, std::uint64_t from,
                                         std::uint64_t to, std::size_t limit = kHistoryChunk);

// Every line with from <= seq < to, read chunk by chunk; stops at the first error of `each`.
Result<void> for_each_line(const Reader& reader, const TenantId& tenant, std::uint64_t from, std::uint64_t to,
                           const std::function<Result<void>(const HistoryLine&)>& each);

// Lines of one subject; `and_below` takes those under it too ("run:<id>" then also "run:<id>/step:a"). seq < to.
Result<std::vector<HistoryLine>> history_of(const Reader& reader, const TenantId& tenant, const std::string& subject,
                                            bool and_below, std::uint64_t to);

// The first seq whose ts is at or after `at`; the log's size when there is none.
Result<std::uint64_t> first_seq_at(const Reader& reader, const TenantId& tenant, Instant at);

// The tree: size() is the number of events, nodes() its left edge, root() its head. Empty for an unknown tenant.
Result<CompactRange> log_head(const Reader& reader, const TenantId& tenant);
Result<CompactRange> log_at(const Reader& reader, const TenantId& tenant, std::uint64_t size);

// RFC 6962 sections 2.1.1 and 2.1.2. kUsage when the sizes do not fit the log.
Result<std::vector<Digest>> inclusion_proof(const Reader& reader, const TenantId& tenant, std::uint64_t seq,
                                            std::uint64_t size);
Result<std::vector<Digest>> consistency_proof(const Reader& reader, const TenantId& tenant, std::uint64_t old_size,
                                              std::uint64_t new_size);

Result<std::vector<Checkpoint>> checkpoints(const Reader& reader, const TenantId& tenant);   // by size
Result<std::optional<Checkpoint>> checkpoint_at(const Reader& reader, const TenantId& tenant, std::uint64_t size);
Result<std::optional<Checkpoint>> last_checkpoint(const Reader& reader, const TenantId& tenant);

}  // namespace airlock::ledger
