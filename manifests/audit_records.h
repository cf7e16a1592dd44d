// manifests/audit_records: what a line of jobs.jsonl and runs.jsonl says, stated once as tables over history events.
//
// A record is a projection of its subject's events: some members come from the first event, some from `data` of the
// latest event that carries them, `state` from the latest `after`. The writer projects values, the checker projects
// fingerprints of values; both read these tables and nothing else of each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace airlock::manifests {

// Members of a history event, in canonical order.
inline constexpr std::array<std::string_view, 12> kEventMembers = {
    "actor", "after", "before", "data", "kind", "reason", "seq", "subject", "tenant", "ticket", "traceId", "ts"};

// "job:ID", "run:ID", "run:ID/step:STEP", or something else.
enum class SubjectType : std::uint8_t { kJob, kRun, kStep, kOther };
struct Subject {
  SubjectType type = SubjectType::kOther;
  std::string_view id;     // of the job or run
  std::string_view step;   // of the step
};
Subject parse_subject(std::string_view subject);

// Members that a record copies from the subject's first event ("timestamp" from its ts).
inline constexpr std::array<std::string_view, 4> kFromFirst = {"actor", "reason", "ticket", "traceId"};

// Members that a record copies from `data` of the latest event that carries them.
inline constexpr std::array<std::string_view, 6> kJobData = {"attempt",       "idempotencyKey", "jobType",
                                                             "payloadDigest", "priority",       "source"};
inline constexpr std::array<std::string_view, 10> kRunData = {"dagDigest", "dagId", "dagVersion", "error", "inputsHash", "jobId",
                                                              "outputsHash", "planHash", "rationale", "runToken"};
inline constexpr std::array<std::string_view, 5> kStepData = {"error", "fromRun", "inputsHash", "outputsHash", "stepHash"};

// Besides these a record has: jobId | runId | stepId; tenant, timestamp, firstSeq (jobs, runs); state, lastSeq;
// startedAt (first event after which it was running), endedAt (the event that ended it; absent while it has not);
// runs: replay (data of run.replayed), steps (by stepId bytes); steps: attempts (data of each step.attempt, in order).

bool is_ended(SubjectType type, std::string_view state);

// The state that an event of this kind leaves behind; nullopt for kinds that leave the state alone or that this version
// does not know.
std::optional<std::string_view> state_after(std::string_view kind);

}  // namespace airlock::manifests
