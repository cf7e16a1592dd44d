// jobs: the queue. Submit, claim under a lease, start, heartbeat, complete, cancel, retry, explain.
//
// Decisions are those of jobs/state.h; this header carries them out on the ledger, one event each, in the caller's
// transaction. A lease has a fencing token that grows with every lease of the job: a call that carries an old token is
// kLeaseLost and changes nothing. An event that the state does not allow is kJobState. Another tenant's job is
// kNotFound. Times are those of tx.now().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "jobs/state.h"
#include "ledger/jobs.h"

namespace airlock::jobs {

using ledger::JobRow;
using ledger::JobStatus;
using ledger::Reader;
using ledger::Tx;
using ledger::Who;

inline constexpr Millis kLease{60'000}, kHeartbeatEvery{20'000}, kLongestExtension{24 * 3'600'000}, kClockSkew{5'000};

struct JobRequest {
  JobId id;                                    // uuid7 of the caller's entropy; unused when the key is known already
  std::string type;                            // "pack-run"
  std::string source;                          // "operator"
  std::optional<std::string> project = std::nullopt;
  int priority = ledger::kDefaultPriority;     // 0 to 9, higher goes first
  Json payload = Json::object();
  std::vector<JobId> dependencies = {};        // of the same tenant; all must succeed first
  std::string idempotency_key;
  std::optional<std::string> correlation_id = std::nullopt, traceparent = std::nullopt;
  std::optional<Instant> not_before = std::nullopt;
  std::optional<JobId> replay_of = std::nullopt;
  RetryPolicy retry = {};
};

struct Submitted {
  JobId id;
  bool created = false;                        // false: the idempotency key was known, this is the first job
};

// job.submitted, and job.queued at once when nothing holds it. kIdempotencyConflict when the key is known with another
// payload digest; kNotFound when a dependency does not exist.
Result<Submitted> submit(Tx& tx, const TenantId& tenant, const JobRequest& request, const Who& who);

// Moves every pending job whose gates are open by now to queued; gives how many.
Result<std::size_t> mark_eligible(Tx& tx, const TenantId& tenant, const Who& who);

struct Lease {
  JobId job;
  std::string id;                              // uuid
  std::uint64_t token = 0;                     // fencing token
  std::uint32_t attempt = 1;
  Instant until = Instant::from_millis(0);
};

struct ClaimRequest {
  std::string worker;                          // who holds the lease, as people should see it
  std::size_t max = 1;
  std::optional<std::string> type = std::nullopt;
  std::optional<JobId> job = std::nullopt;     // only this one; kJobState when it is not queued
  Millis lease = kLease;
};

// job.leased for up to `max` queued jobs: by priority, then in the order they were submitted. Empty when none waits.
Result<std::vector<Lease>> claim(Tx& tx, const TenantId& tenant, const ClaimRequest& request, Entropy& entropy);

// job.running.
Result<void> start(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token, const Who& who);

// Extends the lease and gives its new end. Not an event: it changes when the lease would end, not what the job is.
Result<Instant> heartbeat(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token, Millis lease = kLease);

// Gives the lease back before its end: the job is queued again. Also what takes a job from a worker known to be dead.
Result<void> release(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token, const Who& who);

struct Completion {
  JobState status = JobState::kSucceeded;      // succeeded, failed, timed_out or canceled
  Json data = Json::object();                  // stands in the event: outputs, error
  bool retryable = true;                       // failed, timed_out: false goes straight to the dead letters
  std::optional<Instant> retry_at = std::nullopt;  // not before this
};

// Ends the attempt. A failure with tries left is followed by job.retried (pending, with the time it is next eligible);
// without, by a dead letter and an incident. Again with the same token and status: nothing happens, success.
Result<JobState> complete(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token,
                          const Completion& completion, const Who& who);

Result<void> cancel(Tx& tx, const TenantId& tenant, const JobId& job, const Who& who);

// Every lease that ended by now: back to queued, or timed out when no tries are left. Gives how many.
Result<std::size_t> expire_leases(Tx& tx, const TenantId& tenant, const Who& who);

// Why a job is not running: {jobId, state, gate, since, nextEligibleAt?, detail}; the same in every place it is shown.
Result<Json> explain(const Reader& reader, const TenantId& tenant, const JobId& job, Instant now);

}  // namespace airlock::jobs
