// ledger/jobs: job records and their projections. Decisions (who may claim what, when to retry) stand in jobs/, which
// is also the module that others call; this header is its door to the tables.
//
// `jobs` is immutable after submit. Where a job stands is said by the one projection that holds it: waiting (pending),
// ready (queued), leases (leased, running) or finished.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/states.h"

namespace airlock::ledger {

inline constexpr int kLowestPriority = 0, kHighestPriority = 9, kDefaultPriority = 5;

struct JobRow {
  JobId id;
  TenantId tenant;
  std::string type;                            // "pack-run"
  std::string source;                          // what produced it: "operator", a feed, a schedule
  std::optional<std::string> project;
  int priority = kDefaultPriority;             // 0 to 9, higher goes first
  Digest payload_digest;                       // the payload is document(payload_digest)
  std::vector<JobId> dependencies;
  std::string idempotency_key;
  std::optional<std::string> correlation_id, traceparent;
  std::optional<Instant> not_before;
  std::optional<JobId> replay_of;
  Json retry = Json::object();                 // {maxAttempts, baseMs, factor, capMs}
  std::string actor;
  std::uint64_t submitted_seq = 0;             // of job.submitted in the tenant's log: the order within a priority
  Instant submitted_at = Instant::from_millis(0);
};

struct JobStatus {
  JobState state = JobState::kPending;
  Instant leased_at = Instant::from_millis(0); // leased, running: when the lease was granted
  Instant since = Instant::from_millis(0);     // when it came into this state
  std::uint32_t attempt = 0;                   // leases granted so far
  std::optional<std::string> gate, reason;     // pending: what holds it
  std::optional<Instant> next_eligible_at;     // pending
  std::optional<std::string> lease_id, worker; // leased, running
  std::uint64_t fencing_token = 0;             // the last one granted
  std::optional<Instant> lease_until;          // with what heartbeats added
  std::optional<Json> outcome;                 // finished: data of the ending event
};

Result<JobRow> get_job(const Reader& reader, const TenantId& tenant, const JobId& job);
Result<JobStatus> job_status(const Reader& reader, const TenantId& tenant, const JobId& job);
Result<std::optional<JobRow>> job_by_key(const Reader& reader, const TenantId& tenant, const std::string& idempotency_key);

// Ordered by (submitted_at, id).
struct JobQuery {
  bool newest_first = false;
  std::optional<std::uint64_t> submitted_below = std::nullopt;   // submitted_seq < this
  std::optional<JobRow> after = std::nullopt;
  std::size_t limit = 1000;
};
Result<std::vector<JobRow>> list_jobs(const Reader& reader, const TenantId& tenant, const JobQuery& query = {});

}  // namespace airlock::ledger
