#include "ledger/project.h"
#include "ledger/states.h"

namespace airlock::ledger {
namespace {

Result<std::string> job_of(const Event& event) {
  constexpr std::string_view kPrefix = "job:";
  if (!event.subject.starts_with(kPrefix))
    return fail(Code::kField, event.kind + ": subject \"" + event.subject + "\" is no job");
  return event.subject.substr(kPrefix.size());
}

struct Held {
  std::uint64_t attempt = 0, token = 0;
};

// Takes the job out of the projection that holds it in state `before.state`.
Result<Held> take(sql::Connection& db, const Event& event, const std::string& job) {
  std::string_view sql;
  switch (TRY(parse_job_state(state_of(event.before)))) {
    case JobState::kPending:
      sql = "DELETE FROM waiting WHERE tenant = ?1 AND job_id = ?2 RETURNING attempt, token";
      break;
    case JobState::kQueued:
      sql =
          "DELETE FROM ready WHERE (tenant, rank, seq) = (SELECT tenant, 9 - priority, submitted_seq FROM jobs"
          " WHERE tenant = ?1 AND job_id = ?2) RETURNING attempt, token";
      break;
    case JobState::kLeased:
      sql =
          "DELETE FROM leases WHERE tenant = ?1 AND job_id = ?2 AND state = 'leased' RETURNING attempt, token";
      break;
    case JobState::kRunning:
      sql =
          "DELETE FROM leases WHERE tenant = ?1 AND job_id = ?2 AND state = 'running' RETURNING attempt, token";
      break;
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kTimedOut:
    case JobState::kCanceled:
      sql = "DELETE FROM finished WHERE tenant = ?1 AND job_id = ?2 RETURNING attempt, token";
      break;
  }
  sql::Statement row = TRY(db.query(sql, event.tenant, job));
  if (!TRY(row.step()))
    return fail(Code::kLedger, event.kind + " " + event.subject + ": it is not " + state_of(event.before));
  return Held{row.count(0), row.count(1)};
}

Result<void> put_waiting(sql::Connection& db, const Event& event, const std::string& job, const Held& held) {
  const EventData data(event);
  TRY(db.run("INSERT INTO waiting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", event.tenant, job,
             TRY(data.text("gate")), TRY(data.maybe_text("gateReason")).value_or(""), event.ts,
             TRY(data.maybe_instant("nextEligibleAt")), held.attempt, held.token));
  return {};
}

Result<void> submitted(sql::Connection& db, const Event& event, const std::string& job) {
  const EventData data(event);
  const std::string dependencies = data.maybe_json("dependencies").value_or("[]");
  TRY(db.run(
      "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
      event.tenant, job, TRY(data.text("jobType")), TRY(data.text("source")), TRY(data.maybe_text("project")),
      TRY(data.count("priority")), TRY(data.digest("payloadDigest")), dependencies,
      TRY(data.text("idempotencyKey")), TRY(data.maybe_text("correlationId")),
      TRY(data.maybe_text("traceparent")), TRY(data.maybe_instant("notBefore")),
      TRY(data.maybe_text("replayOf")), data.maybe_json("retry").value_or("{}"), event.who.actor,
      TRY(data.maybe_text("node")).value_or(""), event.seq, event.ts));
  if (const Json* list = data.find("dependencies"))
    for (const Json& dependency : *list) {
      if (!dependency.is_string()) return data.wrong("dependencies", "a list of job ids");
      TRY(db.run("INSERT INTO job_dependencies VALUES (?1, ?2, ?3)", event.tenant,
                 dependency.get<std::string>(), job));
    }
  return put_waiting(db, event, job, Held{});
}

Result<void> queued(sql::Connection& db, const Event& event, const std::string& job) {
  const Held held = TRY(take(db, event, job));
  return one_row(
      TRY(db.run(
          "INSERT INTO ready SELECT tenant, 9 - priority, submitted_seq, job_id, job_type, source, ?3, ?4, ?5"
          " FROM jobs WHERE tenant = ?1 AND job_id = ?2",
          event.tenant, job, event.ts, held.attempt, held.token)),
      event, "jobs");
}

Result<void> leased(sql::Connection& db, const Event& event, const std::string& job) {
  const EventData data(event);
  TRY(take(db, event, job));
  TRY(db.run("INSERT INTO leases VALUES (?1, ?2, 'leased', ?3, ?4, ?5, ?6, ?7, ?7, ?8, NULL)", event.tenant,
             job, TRY(data.text("leaseId")), TRY(data.text("worker")), TRY(data.count("attempt")),
             TRY(data.count("fencingToken")), event.ts, TRY(data.instant("leaseUntil"))));
  return {};
}

Result<void> ended(sql::Connection& db, const Event& event, const std::string& job) {
  const EventData data(event);
  const Held held = TRY(take(db, event, job));
  TRY(db.run("INSERT INTO finished VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", event.tenant, job,
             state_of(event.after), event.ts, held.attempt, held.token, event.data));
  if (data.find("deadLetter") != nullptr)
    TRY(db.run("INSERT INTO dead_letters VALUES (?1, ?2, ?3, ?4, ?5)", event.tenant, job,
               TRY(data.text("deadLetter")), event.seq, event.ts));
  return {};
}

// Still pending, but another gate holds it now.
Result<void> held_by(sql::Connection& db, const Event& event, const std::string& job) {
  const EventData data(event);
  return one_row(
      TRY(db.run(
          "UPDATE waiting SET gate = ?3, reason = ?4, next_eligible_at = ?5 WHERE tenant = ?1 AND job_id = ?2",
          event.tenant, job, TRY(data.text("gate")), TRY(data.maybe_text("gateReason")).value_or(""),
          TRY(data.maybe_instant("nextEligibleAt")))),
      event, "waiting");
}

Result<void> must_say(const Event& event, JobState state) {
  if (state_of(event.after) == to_text(state)) return {};
  return fail(Code::kField,
              event.kind + " " + event.subject + ": after.state must be " + std::string(to_text(state)));
}

}  // namespace

Result<void> project_job(sql::Connection& db, const Event& event) {
  const std::string job = TRY(job_of(event));
  if (event.kind == "job.submitted")
    return TRY(must_say(event, JobState::kPending)), submitted(db, event, job);
  if (event.kind == "job.held") return TRY(must_say(event, JobState::kPending)), held_by(db, event, job);
  if (event.kind == "job.queued") return TRY(must_say(event, JobState::kQueued)), queued(db, event, job);
  if (event.kind == "job.leased") return TRY(must_say(event, JobState::kLeased)), leased(db, event, job);
  if (event.kind == "job.running") {
    TRY(must_say(event, JobState::kRunning));
    return one_row(
        TRY(db.run(
            "UPDATE leases SET state = 'running', since = ?3 WHERE tenant = ?1 AND job_id = ?2 AND state = 'leased'",
            event.tenant, job, event.ts)),
        event, "leases");
  }
  if (event.kind == "job.retried") {
    TRY(must_say(event, JobState::kPending));
    return put_waiting(db, event, job, TRY(take(db, event, job)));
  }
  for (const JobState state :
       {JobState::kSucceeded, JobState::kFailed, JobState::kTimedOut, JobState::kCanceled})
    if (event.kind == "job." + std::string(to_text(state)))
      return TRY(must_say(event, state)), ended(db, event, job);
  return unknown_kind(event);
}

}  // namespace airlock::ledger
