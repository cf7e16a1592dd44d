// ledger/states: the states of jobs, runs and steps, their text, and which change may follow which.
//
// Pure. Spellings are those of the formats page; a job is `canceled`, a run or a step `cancelled`.
#pragma once

#include <string_view>

#include "base/result.h"

namespace airlock::ledger {

enum class JobState { kPending, kQueued, kLeased, kRunning, kSucceeded, kFailed, kTimedOut, kCanceled };
enum class RunState { kPending, kRunning, kWaitingApproval, kSucceeded, kFailed, kCancelled, kTimedOut };
enum class StepState {
  kPending, kReady, kRunning, kWaitingApproval, kSucceeded, kCached, kFailed, kSkipped, kCancelled, kTimedOut
};

std::string_view to_text(JobState state);
std::string_view to_text(RunState state);
std::string_view to_text(StepState state);

// The exact stored spellings; kField for anything else.
Result<JobState> parse_job_state(std::string_view text);
Result<RunState> parse_run_state(std::string_view text);
Result<StepState> parse_step_state(std::string_view text);

bool is_final(JobState state);
bool is_final(RunState state);
bool is_final(StepState state);

// Runs: pending -> running -> ends, with waiting_approval between; running -> running is a resume.
// Steps: running -> running is the next attempt. Nothing leaves a final state.
bool may_follow(RunState from, RunState to);
bool may_follow(StepState from, StepState to);

}  // namespace airlock::ledger
