#include "jobs/state.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/entropy.h"

using namespace airlock;
using namespace airlock::jobs;

namespace {

constexpr JobState kStates[] = {JobState::kPending,  JobState::kQueued,    JobState::kLeased,
                                JobState::kRunning,  JobState::kSucceeded, JobState::kFailed,
                                JobState::kTimedOut, JobState::kCanceled};
constexpr JobEvent kEvents[] = {JobEvent::kEligible, JobEvent::kLease,   JobEvent::kStart,
                                JobEvent::kRelease,  JobEvent::kSucceed, JobEvent::kFail,
                                JobEvent::kTimeOut,  JobEvent::kRetry,   JobEvent::kCancel};

// A letter for each state, upper case so that '.' stands out as "refused".
char letter(JobState state) {
  switch (state) {
    case JobState::kPending: return 'P';
    case JobState::kQueued: return 'Q';
    case JobState::kLeased: return 'L';
    case JobState::kRunning: return 'R';
    case JobState::kSucceeded: return 'S';
    case JobState::kFailed: return 'F';
    case JobState::kTimedOut: return 'T';
    case JobState::kCanceled: return 'C';
  }
  return '?';
}

}  // namespace

TEST_CASE("every event in every state does what the table says, and nothing else") {
  const std::string table[] = {
      // eligible lease start release succeed fail timeout retry cancel
      "Q.......C",  // pending
      ".L......C",  // queued
      "..RQ..T.C",  // leased
      "...QSFT.C",  // running
      ".........",  // succeeded
      ".......P.",  // failed
      ".......P.",  // timed out
      ".........",  // canceled
  };
  for (std::size_t s = 0; s < std::size(kStates); ++s)
    for (std::size_t e = 0; e < std::size(kEvents); ++e) {
      INFO(ledger::to_text(kStates[s]) << ", " << to_text(kEvents[e]));
      const auto next = next_state(kStates[s], kEvents[e]);
      CHECK((next ? letter(*next) : '.') == table[s][e]);
    }
}

TEST_CASE("only a retry leaves a final state, and only after a failure") {
  for (const JobState state : kStates)
    for (const JobEvent event : kEvents)
      if (ledger::is_final(state) && next_state(state, event)) {
        CHECK(event == JobEvent::kRetry);
        CHECK((state == JobState::kFailed || state == JobState::kTimedOut));
      }
}

TEST_CASE("the kind of an event names the state it leads to") {
  for (const JobState state : kStates)
    for (const JobEvent event : kEvents)
      if (const auto next = next_state(state, event); next && event != JobEvent::kRetry)
        CHECK(history_kind(event) == "job." + std::string(ledger::to_text(*next)));
  CHECK(history_kind(JobEvent::kRetry) == "job.retried");
}

TEST_CASE("published synonyms are understood, other words are not") {
  CHECK(*parse_job_state("cancelled") == JobState::kCanceled);
  CHECK(*parse_job_state("completed") == JobState::kSucceeded);
  CHECK(*parse_job_state("scheduled") == JobState::kQueued);
  CHECK(*parse_job_state("throttled") == JobState::kPending);
  for (const JobState state : kStates) CHECK(*parse_job_state(ledger::to_text(state)) == state);
  for (const char* word : {"", "Queued", "done", "canceled "})
    CHECK(parse_job_state(word).error().code == Code::kField);
}

TEST_CASE("retries wait 2 s, then twice as long each time up to 5 minutes, within a fifth") {
  SeededEntropy entropy(1);
  const RetryPolicy policy;
  for (int i = 0; i < 50; ++i) {
    const JobId job = *JobId::parse(uuid7(Instant::from_millis(0), entropy));
    std::int64_t base = 2000;
    for (std::uint32_t attempt = 1; attempt < 70; ++attempt) {
      const std::int64_t wait = retry_delay(policy, job, attempt).count();
      CHECK(wait >= base * 8 / 10);
      CHECK(wait <= base * 12 / 10);
      CHECK(retry_delay(policy, job, attempt).count() == wait);
      base = std::min<std::int64_t>(base * 2, 300'000);
    }
  }
}

TEST_CASE("the jitter differs between jobs and attempts, and no policy overflows") {
  SeededEntropy entropy(2);
  std::set<std::int64_t> waits;
  for (int i = 0; i < 100; ++i)
    waits.insert(retry_delay({}, *JobId::parse(uuid7(Instant::from_millis(0), entropy)), 1).count());
  CHECK(waits.size() > 60);
  const JobId job = *JobId::parse("01234567-0000-7000-8000-000000000001");
  const RetryPolicy wild{UINT32_MAX, Millis(INT64_MAX / 4), UINT32_MAX, Millis(INT64_MAX / 2)};
  for (const std::uint32_t attempt : {0U, 1U, 2U, 60U, UINT32_MAX})
    CHECK(retry_delay(wild, job, attempt).count() > 0);
  CHECK(retry_delay({3, Millis(0), 2, Millis(1000)}, job, UINT32_MAX).count() == 0);
  CHECK(retry_delay({3, Millis(100), 1, Millis(1000)}, job, UINT32_MAX).count() <= 120);
}
