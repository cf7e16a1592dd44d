#include "jobs/jobs.h"

#include <algorithm>

#include "jobs/change.h"
#include "ledger/sqlite.h"

namespace airlock::jobs {
namespace {

Json submitted_data(const JobRequest& request, const Digest& payload) {
  Json data = {{"jobType", request.type},
               {"source", request.source},
               {"priority", request.priority},
               {"payloadDigest", payload.hex()},
               {"idempotencyKey", request.idempotency_key},
               {"retry", to_json(request.retry)}};
  if (request.project) data["project"] = *request.project;
  if (request.correlation_id) data["correlationId"] = *request.correlation_id;
  if (request.traceparent) data["traceparent"] = *request.traceparent;
  if (request.not_before) data["notBefore"] = request.not_before->text();
  if (request.replay_of) data["replayOf"] = request.replay_of->str();
  for (const JobId& dependency : request.dependencies) data["dependencies"].push_back(dependency.str());
  return data;
}

Result<void> check_request(const Reader& reader, const TenantId& tenant, const JobRequest& request) {
  if (request.type.empty() || request.source.empty() || request.idempotency_key.empty())
    return fail(Code::kField, "a job needs a type, a source and an idempotency key");
  if (request.priority < ledger::kLowestPriority || request.priority > ledger::kHighestPriority)
    return fail(Code::kField, "priority " + std::to_string(request.priority) + " is not between 0 and 9");
  if (request.retry.max_attempts == 0) return fail(Code::kField, "retry.maxAttempts must be at least 1");
  if (request.retry.base < Millis(0) || request.retry.cap < Millis(0))
    return fail(Code::kField, "retry.baseMs and retry.capMs must not be negative");
  for (const JobId& dependency : request.dependencies) TRY(ledger::get_job(reader, tenant, dependency));
  return {};
}

}  // namespace

Result<Submitted> submit(Tx& tx, const TenantId& tenant, const JobRequest& request, const Who& who) {
  TRY(check_request(tx, tenant, request));
  const std::string payload = canonical_json(request.payload);
  const Digest digest = Digest::of(payload);
  if (const auto known = TRY(ledger::job_by_key(tx, tenant, request.idempotency_key))) {
    if (known->payload_digest == digest) return Submitted{known->id, false};
    return fail(Code::kIdempotencyConflict, "key \"" + printable(request.idempotency_key) + "\" of tenant " +
                                                tenant.str() + " belongs to job " + known->id.str() +
                                                " with payload " + known->payload_digest.hex());
  }
  TRY(tx.put_document(payload));
  Json data = submitted_data(request, digest);
  const Gate gate = TRY(gate_of(tx, tenant, request.dependencies, request.not_before, tx.now()));
  add_gate(data, gate);
  TRY(tx.append(tenant, {"job.submitted", job_subject(request.id), who, std::nullopt,
                         Json{{"state", "pending"}}, std::move(data)}));
  if (!gate.holds)
    TRY(change(tx, tenant, request.id, JobState::kPending, JobEvent::kEligible, who, Json::object()));
  return Submitted{request.id, true};
}

Result<std::size_t> mark_eligible(Tx& tx, const TenantId& tenant, const Who& who) {
  std::vector<JobId> due;
  {
    sql::Statement rows = TRY(tx.db().query(
        "SELECT job_id FROM waiting WHERE tenant = ?1 AND next_eligible_at <= ?2 ORDER BY next_eligible_at, job_id",
        tenant, tx.now()));
    while (TRY(rows.step())) due.push_back(TRY(rows.id<JobId>(0)));
  }
  std::size_t moved = 0;
  for (const JobId& job : due) moved += TRY(recheck(tx, tenant, job, who)) ? 1 : 0;
  return moved;
}

Result<std::vector<Lease>> claim(Tx& tx, const TenantId& tenant, const ClaimRequest& request,
                                 Entropy& entropy) {
  const std::vector<JobId> picked = TRY(pick(tx, tenant, request));
  std::vector<Lease> leases;
  for (const JobId& job : picked) {
    const JobStatus status = TRY(ledger::job_status(tx, tenant, job));
    Lease lease{job, uuid7(tx.now(), entropy), status.fencing_token + 1, status.attempt + 1,
                tx.now() + request.lease};
    Json data = {{"leaseId", lease.id},
                 {"fencingToken", lease.token},
                 {"attempt", lease.attempt},
                 {"worker", request.worker},
                 {"leaseUntil", lease.until.text()}};
    TRY(change(tx, tenant, job, status.state, JobEvent::kLease, Who{request.worker}, std::move(data)));
    leases.push_back(std::move(lease));
  }
  return leases;
}

Result<void> start(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token, const Who& who) {
  const JobStatus status = TRY(held_with(tx, tenant, job, token));
  return change(tx, tenant, job, status.state, JobEvent::kStart, who, {{"fencingToken", token}});
}

Result<Instant> heartbeat(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token,
                          Millis lease) {
  const JobStatus status = TRY(held_with(tx, tenant, job, token));
  // At most a day of extensions: what runs longer has to show up again as a new attempt.
  const Instant until =
      std::max(*status.lease_until, std::min(tx.now() + lease, status.leased_at + kLongestExtension));
  TRY(tx.db().run("UPDATE leases SET extended_until = ?3 WHERE tenant = ?1 AND job_id = ?2", tenant, job,
                  until));
  return until;
}

Result<void> release(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token, const Who& who) {
  const JobStatus status = TRY(held_with(tx, tenant, job, token));
  return change(tx, tenant, job, status.state, JobEvent::kRelease, who, {{"fencingToken", token}});
}

Result<JobState> complete(Tx& tx, const TenantId& tenant, const JobId& job, std::uint64_t token,
                          const Completion& completion, const Who& who) {
  const auto held = held_with(tx, tenant, job, token);
  if (!held) {
    if (held.error().code != Code::kLeaseLost) return fail(held.error());
    // Said before, with the same words: the first answer got lost on its way.
    if (TRY(completed_as(tx, tenant, job, token, completion.status)))
      return TRY(ledger::job_status(tx, tenant, job)).state;
    return fail(held.error());
  }
  const JobEvent event = TRY(ending_event(completion.status));
  return finish_attempt(tx, tenant, job, *held, event, completion, who);
}

Result<void> cancel(Tx& tx, const TenantId& tenant, const JobId& job, const Who& who) {
  const JobStatus status = TRY(ledger::job_status(tx, tenant, job));
  return change(tx, tenant, job, status.state, JobEvent::kCancel, who,
                {{"fencingToken", status.fencing_token}});
}

Result<std::size_t> expire_leases(Tx& tx, const TenantId& tenant, const Who& who) {
  std::vector<JobId> over;
  {
    // Few rows: only what is leased now stands here.
    sql::Statement rows = TRY(tx.db().query(
        "SELECT job_id FROM leases WHERE tenant = ?1 AND MAX(lease_until, COALESCE(extended_until, 0)) + ?3 <= ?2 ORDER BY job_id",
        tenant, tx.now(), kClockSkew.count()));
    while (TRY(rows.step())) over.push_back(TRY(rows.id<JobId>(0)));
  }
  for (const JobId& job : over) {
    const JobStatus status = TRY(ledger::job_status(tx, tenant, job));
    const RetryPolicy policy = TRY(policy_of(TRY(ledger::get_job(tx, tenant, job))));
    if (status.attempt >= policy.max_attempts) {
      const Completion completion{JobState::kTimedOut,
                                  {{"error", "the lease of " + *status.worker + " expired"}}};
      TRY(finish_attempt(tx, tenant, job, status, JobEvent::kTimeOut, completion, who));
    } else {
      TRY(change(tx, tenant, job, status.state, JobEvent::kRelease, who,
                 {{"fencingToken", status.fencing_token}, {"expired", true}}));
    }
  }
  return over.size();
}

}  // namespace airlock::jobs
