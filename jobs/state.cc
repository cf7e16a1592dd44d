#include "jobs/state.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/digest.h"

namespace airlock::jobs {

std::optional<JobState> next_state(JobState state, JobEvent event) {
  const bool held = state == JobState::kLeased || state == JobState::kRunning;
  const auto to = [](bool legal, JobState next) { return legal ? std::optional(next) : std::nullopt; };
  switch (event) {
    case JobEvent::kEligible: return to(state == JobState::kPending, JobState::kQueued);
    case JobEvent::kLease: return to(state == JobState::kQueued, JobState::kLeased);
    case JobEvent::kStart: return to(state == JobState::kLeased, JobState::kRunning);
    case JobEvent::kRelease: return to(held, JobState::kQueued);
    case JobEvent::kSucceed: return to(state == JobState::kRunning, JobState::kSucceeded);
    case JobEvent::kFail: return to(state == JobState::kRunning, JobState::kFailed);
    case JobEvent::kTimeOut: return to(held, JobState::kTimedOut);
    case JobEvent::kRetry:
      return to(state == JobState::kFailed || state == JobState::kTimedOut, JobState::kPending);
    case JobEvent::kCancel: return to(!ledger::is_final(state), JobState::kCanceled);
  }
  std::unreachable();
}

std::string_view history_kind(JobEvent event) {
  switch (event) {
    case JobEvent::kEligible:
    case JobEvent::kRelease: return "job.queued";
    case JobEvent::kLease: return "job.leased";
    case JobEvent::kStart: return "job.running";
    case JobEvent::kSucceed: return "job.succeeded";
    case JobEvent::kFail: return "job.failed";
    case JobEvent::kTimeOut: return "job.timed_out";
    case JobEvent::kRetry: return "job.retried";
    case JobEvent::kCancel: return "job.canceled";
  }
  std::unreachable();
}

std::string_view to_text(JobEvent event) {
  switch (event) {
    case JobEvent::kEligible: return "eligible";
    case JobEvent::kLease: return "lease";
    case JobEvent::kStart: return "start";
    case JobEvent::kRelease: return "release";
    case JobEvent::kSucceed: return "succeed";
    case JobEvent::kFail: return "fail";
    case JobEvent::kTimeOut: return "time out";
    case JobEvent::kRetry: return "retry";
    case JobEvent::kCancel: return "cancel";
  }
  std::unreachable();
}

Result<JobState> parse_job_state(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, JobState>, 4> kSynonyms = {
      {{"cancelled", JobState::kCanceled},
       {"completed", JobState::kSucceeded},
       {"scheduled", JobState::kQueued},
       {"throttled", JobState::kPending}}};
  for (const auto& [synonym, state] : kSynonyms)
    if (text == synonym) return state;
  return ledger::parse_job_state(text);
}

Millis retry_delay(const RetryPolicy& policy, const JobId& job, std::uint32_t attempt) {
  std::int64_t wait = std::min(policy.base, policy.cap).count();
  // Stops at the cap, so that neither attempt 60 nor a factor of a million overflows; a base of nothing stays
  // nothing.
  for (std::uint32_t i = 1; i < attempt && policy.factor > 1 && wait > 0 && wait < policy.cap.count(); ++i)
    wait = wait > policy.cap.count() / policy.factor ? policy.cap.count() : wait * policy.factor;
  const Digest seed = Digest::of("airlock retry " + job.str() + " " + std::to_string(attempt));
  std::uint32_t draw = 0;
  for (const char c : seed.raw().substr(0, 4)) draw = draw << 8 | static_cast<unsigned char>(c);
  const std::int64_t permille = 800 + draw % 401;  // 800 to 1200
  return Millis(wait / 1000 * permille + wait % 1000 * permille / 1000);
}

}  // namespace airlock::jobs
