// jobs/change: the steps that the verbs of jobs/jobs.h are made of, inside the module.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/jobs.h"

namespace airlock::jobs {

std::string job_subject(const JobId& job);
Json to_json(const RetryPolicy& policy);
Result<RetryPolicy> policy_of(const JobRow& job);

// The one way a job changes: the table of jobs/state.h allows it, then its event is appended.
Result<void> change(Tx& tx, const TenantId& tenant, const JobId& job, JobState from, JobEvent event, const Who& who, Json data);

// What holds a job back, as job.submitted, job.held and job.retried tell it.
struct Gate {
  bool holds = false;
  std::string name = "none", reason;               // dependency, not_before, backoff
  std::optional<Instant> next_eligible_at = std::nullopt;
};
Result<Gate> gate_of(const Reader& reader, const TenantId& tenant, const std::vector<JobId>& dependencies,
                     const std::optional<Instant>& not_before, Instant now);
void add_gate(Json& data, const Gate& gate);

// Looks again at a pending job: queues it (true), or notes which gate holds it now if that is another one.
Result<bool> recheck(Tx& tx, const TenantId& tenant, const JobId& job, const Who& who);

// The jobs a claim takes, best first.
Result<std::vector<JobId>> pick(const Reader& reader, const TenantId& tenant, const ClaimRequest& request);

// The job's status if its current lease has this token, else kLeaseLost.
Result<JobStatus> held_with(const Reader& reader, const TenantId& tenant, const JobId& job, std::uint64_t token);

// Whether history says that the attempt with this token ended so.
Result<bool> completed_as(const Reader& reader, const TenantId& tenant, const JobId& job, std::uint64_t token, JobState status);

Result<JobEvent> ending_event(JobState status);

// Ends an attempt: the ending event, then a retry, or a dead letter and its incident, or the dependants it frees.
Result<JobState> finish_attempt(Tx& tx, const TenantId& tenant, const JobId& job, const JobStatus& held, JobEvent event,
                                const Completion& completion, const Who& who);

}  // namespace airlock::jobs
