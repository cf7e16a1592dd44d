// manifests/audit_records: what a line of jobs.jsonl and runs.jsonl says, stated once as tables over history
// events.
//
// A record is a projection of its subject's events: some members come from the first event, some from `data`
// of the latest event that carries them, `state` from the latest `after`. The writer projects values, the
// checker projects fingerprints of values; both read these tables and nothing else of each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "manifests/audit_line.h"

namespace airlock::manifests {

// Every state of a job, run or step.
enum class AuditState : std::uint8_t {
  kPending,
  kQueued,
  kLeased,
  kReady,
  kRunning,
  kWaitingApproval,
  kSucceeded,
  kCached,
  kFailed,
  kSkipped,
  kCancelled,
  kCanceled,
  kTimedOut
};
std::string_view to_text(AuditState state);
std::optional<AuditState> parse_audit_state(std::string_view text);

// Only jobs, runs and steps are followed from event to event; incidents, approvals and throttles have states
// of their own, and an approval's subject is the step that waits for it.
bool is_followed(std::string_view kind);  // job.*, run.*, step.*

// A history event as it stands in a line; valid as long as the line. Strings are between their quotes.
struct EventView {
  std::uint64_t seq = 0;
  Instant ts = Instant::from_millis(0);
  std::string_view ts_text, tenant, kind, subject;
  std::array<std::optional<std::string_view>, 4> who;  // kFromFirst, whole JSON texts
  std::optional<AuditState> before, after;             // before.state, after.state; of followed kinds only
  LineValue data;
};
Result<EventView> read_event(const LineValue& line);  // kAuditLine with the member

// "job:ID", "run:ID", "run:ID/step:STEP", or something else.
enum class SubjectType : std::uint8_t { kJob, kRun, kStep, kOther };
struct Subject {
  SubjectType type = SubjectType::kOther;
  std::string_view id;    // of the job or run
  std::string_view step;  // of the step
};
Subject parse_subject(std::string_view subject);

// Members that a record copies from the subject's first event ("timestamp" from its ts).
inline constexpr std::size_t kActor = 0, kReason = 1, kTicket = 2, kTraceId = 3;
inline constexpr std::array<std::string_view, 4> kFromFirst = {"actor", "reason", "ticket", "traceId"};

// Members that a record copies from `data` of the latest event that carries them.
inline constexpr std::array<std::string_view, 11> kJobData = {
    "attempt",       "correlationId", "dependencies", "idempotencyKey", "jobType", "notBefore",
    "payloadDigest", "priority",      "project",      "replayOf",       "source"};
inline constexpr std::array<std::string_view, 11> kRunData = {
    "dagDigest",   "dagId",    "dagVersion", "error",    "inputsHash", "jobId",
    "outputsHash", "planHash", "rationale",  "replayOf", "runToken"};
inline constexpr std::array<std::string_view, 5> kStepData = {"error", "fromRun", "inputsHash", "outputsHash",
                                                              "stepHash"};

// The whole line of each record, in canonical order. Besides the above a record has: jobId | runId | stepId;
// tenant, timestamp, firstSeq (jobs, runs); state, lastSeq; startedAt (first event after which it was
// running), endedAt (the event that ended it; absent while it has not); runs: replay (data of the last
// run.replayed), steps (by stepId bytes); steps: attempts (data of each step.attempt, in order).
inline constexpr std::array<std::string_view, 23> kJobMembers = {
    "actor",          "attempt", "correlationId", "dependencies", "endedAt",   "firstSeq",
    "idempotencyKey", "jobId",   "jobType",       "lastSeq",      "notBefore", "payloadDigest",
    "priority",       "project", "reason",        "replayOf",     "source",    "startedAt",
    "state",          "tenant",  "ticket",        "timestamp",    "traceId"};
inline constexpr std::array<std::string_view, 25> kRunMembers = {
    "actor",      "dagDigest", "dagId",     "dagVersion",  "endedAt",   "error",     "firstSeq",
    "inputsHash", "jobId",     "lastSeq",   "outputsHash", "planHash",  "rationale", "reason",
    "replay",     "replayOf",  "runId",     "runToken",    "startedAt", "state",     "steps",
    "tenant",     "ticket",    "timestamp", "traceId"};
inline constexpr std::array<std::string_view, 11> kStepMembers = {
    "attempts",    "endedAt",   "error", "fromRun",  "inputsHash", "lastSeq",
    "outputsHash", "startedAt", "state", "stepHash", "stepId"};

bool is_ended(AuditState state);
bool creates_subject(std::string_view kind);  // job.submitted, run.created: the first event of its subject

// The state that an event of this kind leaves behind; nullopt for kinds that leave the state alone or that
// this version does not know.
std::optional<AuditState> state_after(std::string_view kind);

// replay/RUN.json follows from the run's line in runs.jsonl alone: the exact file for it.
std::string write_replay(const LineValue& run_record);

}  // namespace airlock::manifests
