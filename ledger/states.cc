#include "ledger/states.h"

#include <array>
#include <string>
#include <utility>

namespace airlock::ledger {
namespace {

template <class State, std::size_t N>
using Names = std::array<std::pair<State, std::string_view>, N>;

constexpr Names<JobState, 8> kJobNames = {{{JobState::kPending, "pending"},
                                           {JobState::kQueued, "queued"},
                                           {JobState::kLeased, "leased"},
                                           {JobState::kRunning, "running"},
                                           {JobState::kSucceeded, "succeeded"},
                                           {JobState::kFailed, "failed"},
                                           {JobState::kTimedOut, "timed_out"},
                                           {JobState::kCanceled, "canceled"}}};
constexpr Names<RunState, 7> kRunNames = {{{RunState::kPending, "pending"},
                                           {RunState::kRunning, "running"},
                                           {RunState::kWaitingApproval, "waiting_approval"},
                                           {RunState::kSucceeded, "succeeded"},
                                           {RunState::kFailed, "failed"},
                                           {RunState::kCancelled, "cancelled"},
                                           {RunState::kTimedOut, "timed_out"}}};
constexpr Names<StepState, 10> kStepNames = {{{StepState::kPending, "pending"},
                                              {StepState::kReady, "ready"},
                                              {StepState::kRunning, "running"},
                                              {StepState::kWaitingApproval, "waiting_approval"},
                                              {StepState::kSucceeded, "succeeded"},
                                              {StepState::kCached, "cached"},
                                              {StepState::kFailed, "failed"},
                                              {StepState::kSkipped, "skipped"},
                                              {StepState::kCancelled, "cancelled"},
                                              {StepState::kTimedOut, "timed_out"}}};

template <class State, std::size_t N>
std::string_view text_of(const Names<State, N>& names, State state) {
  for (const auto& [value, text] : names)
    if (value == state) return text;
  std::unreachable();
}

template <class State, std::size_t N>
Result<State> state_of(const Names<State, N>& names, std::string_view text, std::string_view what) {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  return fail(Code::kField,
              std::string(what) + " \"" + std::string(text.substr(0, 40)) + "\" is not a state");
}

}  // namespace

std::string_view to_text(JobState state) { return text_of(kJobNames, state); }
std::string_view to_text(RunState state) { return text_of(kRunNames, state); }
std::string_view to_text(StepState state) { return text_of(kStepNames, state); }

Result<JobState> parse_job_state(std::string_view text) { return state_of(kJobNames, text, "job state"); }
Result<RunState> parse_run_state(std::string_view text) { return state_of(kRunNames, text, "run state"); }
Result<StepState> parse_step_state(std::string_view text) { return state_of(kStepNames, text, "step state"); }

bool is_final(JobState state) {
  switch (state) {
    case JobState::kPending:
    case JobState::kQueued:
    case JobState::kLeased:
    case JobState::kRunning: return false;
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kTimedOut:
    case JobState::kCanceled: return true;
  }
  std::unreachable();
}

bool is_final(RunState state) {
  switch (state) {
    case RunState::kPending:
    case RunState::kRunning:
    case RunState::kWaitingApproval: return false;
    case RunState::kSucceeded:
    case RunState::kFailed:
    case RunState::kCancelled:
    case RunState::kTimedOut: return true;
  }
  std::unreachable();
}

bool is_final(StepState state) {
  switch (state) {
    case StepState::kPending:
    case StepState::kReady:
    case StepState::kRunning:
    case StepState::kWaitingApproval: return false;
    case StepState::kSucceeded:
    case StepState::kCached:
    case StepState::kFailed:
    case StepState::kSkipped:
    case StepState::kCancelled:
    case StepState::kTimedOut: return true;
  }
  std::unreachable();
}

bool may_follow(RunState from, RunState to) {
  if (is_final(from)) return false;
  switch (to) {
    case RunState::kPending: return false;
    case RunState::kRunning: return true;  // running to running: resumed
    case RunState::kWaitingApproval: return from == RunState::kRunning;
    case RunState::kSucceeded: return from == RunState::kRunning;
    case RunState::kFailed:
    case RunState::kCancelled:
    case RunState::kTimedOut: return true;
  }
  std::unreachable();
}

bool may_follow(StepState from, StepState to) {
  if (is_final(from)) return false;
  const bool before_start = from == StepState::kPending || from == StepState::kReady;
  switch (to) {
    case StepState::kPending: return false;
    case StepState::kReady: return from == StepState::kPending;
    case StepState::kRunning:
      return from != StepState::kWaitingApproval;  // running to running: the next attempt
    case StepState::kWaitingApproval: return before_start;
    case StepState::kSucceeded: return from == StepState::kRunning || from == StepState::kWaitingApproval;
    case StepState::kCached:
    case StepState::kSkipped: return before_start;
    case StepState::kFailed:
    case StepState::kCancelled:
    case StepState::kTimedOut: return true;
  }
  std::unreachable();
}

}  // namespace airlock::ledger
