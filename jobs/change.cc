#include "jobs/change.h"

#include <algorithm>

#include "ledger/governance.h"
#include "ledger/history.h"
#include "ledger/sqlite.h"

namespace airlock::jobs {
namespace {

std::string text_of(JobState state) { return std::string(ledger::to_text(state)); }

bool spends_a_try(JobEvent event) { return event == JobEvent::kFail || event == JobEvent::kTimeOut; }

Result<void> wake_dependants(Tx& tx, const TenantId& tenant, const JobId& job, const Who& who) {
  std::vector<JobId> dependants;
  {
    sql::Statement rows =
        TRY(tx.db().query("SELECT job_id FROM job_dependencies JOIN waiting USING (tenant, job_id)"
                          " WHERE tenant = ?1 AND depends_on = ?2 ORDER BY job_id",
                          tenant, job));
    while (TRY(rows.step())) dependants.push_back(TRY(rows.id<JobId>(0)));
  }
  for (const JobId& dependant : dependants) TRY(recheck(tx, tenant, dependant, who));
  return {};
}

std::string why_dead(const JobStatus& held, const RetryPolicy& policy, const Completion& completion) {
  if (!completion.retryable) return "the error is not retryable";
  return "attempt " + std::to_string(held.attempt) + " of " + std::to_string(policy.max_attempts) + " failed";
}

}  // namespace

std::string job_subject(const JobId& job) { return "job:" + job.str(); }

Json to_json(const RetryPolicy& policy) {
  return {{"maxAttempts", policy.max_attempts},
          {"baseMs", policy.base.count()},
          {"factor", policy.factor},
          {"capMs", policy.cap.count()}};
}

Result<RetryPolicy> policy_of(const JobRow& job) {
  ObjectReader reader = TRY(ObjectReader::of(job.retry, "job " + job.id.str() + " retry"));
  RetryPolicy policy;
  policy.max_attempts = static_cast<std::uint32_t>(TRY(reader.uint_or("maxAttempts", policy.max_attempts)));
  policy.base = Millis(TRY(reader.uint_or("baseMs", static_cast<std::uint64_t>(policy.base.count()))));
  policy.factor = static_cast<std::uint32_t>(TRY(reader.uint_or("factor", policy.factor)));
  policy.cap = Millis(TRY(reader.uint_or("capMs", static_cast<std::uint64_t>(policy.cap.count()))));
  return policy;
}

Result<void> change(Tx& tx, const TenantId& tenant, const JobId& job, JobState from, JobEvent event,
                    const Who& who, Json data) {
  const auto to = next_state(from, event);
  if (!to)
    return fail(Code::kJobState,
                "job " + job.str() + " is " + text_of(from) + ": cannot " + std::string(to_text(event)));
  TRY(tx.append(tenant, {std::string(history_kind(event)), job_subject(job), who,
                         Json{{"state", text_of(from)}}, Json{{"state", text_of(*to)}}, std::move(data)}));
  return {};
}

Result<Gate> gate_of(const Reader& reader, const TenantId& tenant, const std::vector<JobId>& dependencies,
                     const std::optional<Instant>& not_before, Instant now) {
  for (const JobId& dependency : dependencies) {
    const JobState state = TRY(ledger::job_status(reader, tenant, dependency)).state;
    if (state != JobState::kSucceeded)
      return Gate{true, "dependency", "job " + dependency.str() + " has not succeeded", std::nullopt};
  }
  if (not_before && now < *not_before)
    return Gate{true, "not_before", "it was asked not to start earlier", not_before};
  return Gate{};
}

void add_gate(Json& data, const Gate& gate) {
  data["gate"] = gate.name;
  if (!gate.reason.empty()) data["gateReason"] = gate.reason;
  if (gate.next_eligible_at) data["nextEligibleAt"] = gate.next_eligible_at->text();
}

Result<bool> recheck(Tx& tx, const TenantId& tenant, const JobId& job, const Who& who) {
  const JobRow row = TRY(ledger::get_job(tx, tenant, job));
  const JobStatus status = TRY(ledger::job_status(tx, tenant, job));
  if (status.gate == "backoff" && status.next_eligible_at && tx.now() < *status.next_eligible_at)
    return false;
  const Gate gate = TRY(gate_of(tx, tenant, row.dependencies, row.not_before, tx.now()));
  if (!gate.holds) {
    TRY(change(tx, tenant, job, JobState::kPending, JobEvent::kEligible, who, Json::object()));
    return true;
  }
  if (gate.name == status.gate && gate.reason == status.reason) return false;
  Json data = Json::object();
  add_gate(data, gate);
  const Json pending = {{"state", "pending"}};
  TRY(tx.append(tenant, {"job.held", job_subject(job), who, pending, pending, std::move(data)}));
  return false;
}

Result<std::vector<JobId>> pick(const Reader& reader, const TenantId& tenant, const ClaimRequest& request) {
  if (request.job) {
    const JobState state = TRY(ledger::job_status(reader, tenant, *request.job)).state;
    if (state != JobState::kQueued)
      return fail(Code::kJobState, "job " + request.job->str() + " is " + text_of(state) + ": cannot lease");
    return std::vector<JobId>{*request.job};
  }
  sql::Statement rows = TRY(reader.db().query(
      "SELECT job_id FROM ready WHERE tenant = ?1 AND (?2 IS NULL OR job_type = ?2) ORDER BY rank, seq LIMIT ?3",
      tenant, request.type, static_cast<std::uint64_t>(request.max)));
  std::vector<JobId> jobs;
  while (TRY(rows.step())) jobs.push_back(TRY(rows.id<JobId>(0)));
  return jobs;
}

Result<JobStatus> held_with(const Reader& reader, const TenantId& tenant, const JobId& job,
                            std::uint64_t token) {
  JobStatus status = TRY(ledger::job_status(reader, tenant, job));
  if (!status.lease_id)
    return fail(Code::kLeaseLost, "job " + job.str() + " is " + text_of(status.state) + ", token " +
                                      std::to_string(token) + " holds nothing");
  if (status.fencing_token != token)
    return fail(Code::kLeaseLost, "job " + job.str() + ": token " + std::to_string(token) +
                                      ", the lease has " + std::to_string(status.fencing_token));
  return status;
}

Result<bool> completed_as(const Reader& reader, const TenantId& tenant, const JobId& job, std::uint64_t token,
                          JobState status) {
  const std::string kind = "job." + text_of(status);
  for (const ledger::HistoryLine& line :
       TRY(ledger::history_of(reader, tenant, job_subject(job), false, UINT64_MAX))) {
    const Json event = TRY(parse_json(line.line, "event"));
    const auto data = event.find("data");
    if (event.value("kind", "") == kind && data != event.end() &&
        data->value("fencingToken", std::uint64_t{0}) == token)
      return true;
  }
  return false;
}

Result<JobEvent> ending_event(JobState status) {
  switch (status) {
    case JobState::kSucceeded: return JobEvent::kSucceed;
    case JobState::kFailed: return JobEvent::kFail;
    case JobState::kTimedOut: return JobEvent::kTimeOut;
    case JobState::kCanceled: return JobEvent::kCancel;
    case JobState::kPending:
    case JobState::kQueued:
    case JobState::kLeased:
    case JobState::kRunning: break;
  }
  return fail(Code::kJobState, "a job cannot be completed as " + text_of(status));
}

Result<JobState> finish_attempt(Tx& tx, const TenantId& tenant, const JobId& job, const JobStatus& held,
                                JobEvent event, const Completion& completion, const Who& who) {
  const RetryPolicy policy = TRY(policy_of(TRY(ledger::get_job(tx, tenant, job))));
  const bool again = spends_a_try(event) && completion.retryable && held.attempt < policy.max_attempts;
  const bool dead = spends_a_try(event) && !again;
  Json data = completion.data;
  data["fencingToken"] = held.fencing_token;
  data["attempt"] = held.attempt;
  if (dead) data["deadLetter"] = why_dead(held, policy, completion);
  TRY(change(tx, tenant, job, held.state, event, who, std::move(data)));
  if (again) {
    const Instant earliest = tx.now() + retry_delay(policy, job, held.attempt);
    const Instant next = completion.retry_at ? std::max(*completion.retry_at, earliest) : earliest;
    Json retry = {{"fencingToken", held.fencing_token}, {"attempt", held.attempt}};
    add_gate(retry, Gate{true, "backoff", "attempt " + std::to_string(held.attempt) + " failed", next});
    TRY(change(tx, tenant, job, completion.status, JobEvent::kRetry, who, std::move(retry)));
    return JobState::kPending;
  }
  if (dead)
    TRY(ledger::open_incident(tx, tenant, "dead_letter", job_subject(job), why_dead(held, policy, completion),
                              who));
  if (event == JobEvent::kSucceed) TRY(wake_dependants(tx, tenant, job, who));
  return completion.status;
}

}  // namespace airlock::jobs
