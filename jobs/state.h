// jobs/state: the life of a job as a pure table: which event takes which state where (formats page 05, "Job").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "ledger/states.h"

namespace airlock::jobs {

using ledger::JobState;

enum class JobEvent {
  kEligible,   // nothing holds it any more
  kLease,      // a worker claimed it
  kStart,      // the worker began
  kRelease,    // the lease expired or was given back
  kSucceed,
  kFail,
  kTimeOut,
  kRetry,      // tries are left
  kCancel,
};

// The state after `event`, or nothing when the event is not legal in `state`. Total: defined for every pair.
std::optional<JobState> next_state(JobState state, JobEvent event);

// The history kind that records it: "job.queued", "job.leased" ...
std::string_view history_kind(JobEvent event);
std::string_view to_text(JobEvent event);

// Stored spellings and the published synonyms: cancelled, completed, scheduled, throttled. kField otherwise.
Result<JobState> parse_job_state(std::string_view text);

struct RetryPolicy {
  std::uint32_t max_attempts = 3;
  Millis base{2000};
  std::uint32_t factor = 2;
  Millis cap{300'000};
};

// How long to wait after `attempt` (from 1) failed: base * factor^(attempt-1), at most cap, then +-20 % that follow
// from (job, attempt), so that a replay waits as long. Never overflows.
Millis retry_delay(const RetryPolicy& policy, const JobId& job, std::uint32_t attempt);

}  // namespace airlock::jobs
