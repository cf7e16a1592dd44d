#include "jobs/jobs.h"

namespace airlock::jobs {
namespace {

struct Why {
  std::string gate, detail;
};

Why why(const JobStatus& status, Instant now) {
  switch (status.state) {
    case JobState::kPending: return {status.gate.value_or("none"), status.reason.value_or("")};
    case JobState::kQueued: return {"no_worker", "waits for a worker to claim it"};
    case JobState::kLeased:
    case JobState::kRunning:
      if (status.lease_until && *status.lease_until < now)
        return {"lease_expired", "held by " + status.worker.value_or("") + ", whose lease is over"};
      return {"none", "held by " + status.worker.value_or("")};
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kTimedOut:
    case JobState::kCanceled: return {"finished", "ended in attempt " + std::to_string(status.attempt)};
  }
  std::unreachable();
}

}  // namespace

Result<Json> explain(const Reader& reader, const TenantId& tenant, const JobId& job, Instant now) {
  const JobStatus status = TRY(ledger::job_status(reader, tenant, job));
  const Why reason = why(status, now);
  Json out = {{"jobId", job.str()},
              {"state", ledger::to_text(status.state)},
              {"gate", reason.gate},
              {"detail", reason.detail},
              {"since", status.since.text()}};
  if (status.next_eligible_at) out["nextEligibleAt"] = status.next_eligible_at->text();
  return out;
}

}  // namespace airlock::jobs
