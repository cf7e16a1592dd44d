#include "tests/ledger/support.h"

using namespace airlock;
using namespace airlock::testing;
using jobs::JobState;

namespace {

struct World {
  TempDir dir;
  SeededEntropy entropy{31};
  ManualClock clock{kStart};
  Ledger ledger = open(dir / "ledger.db");

  template <class Work>
  auto write(Work&& work) {
    return ledger.write(clock.now(), std::forward<Work>(work));
  }
  Result<jobs::Submitted> try_submit(const jobs::JobRequest& request, const std::string& who = "acme") {
    return write([&](Tx& tx) { return jobs::submit(tx, tenant(who), request, kAlice); });
  }
  JobId submit(const std::string& key, int priority = ledger::kDefaultPriority, std::uint32_t tries = 3) {
    jobs::JobRequest request = pack_run(new_id<JobId>(entropy), key);
    request.priority = priority;
    request.retry.max_attempts = tries;
    return value(try_submit(request)).id;
  }
  std::vector<jobs::Lease> claim(const jobs::ClaimRequest& request) {
    return value(write([&](Tx& tx) { return jobs::claim(tx, tenant(), request, entropy); }));
  }
  jobs::Lease run(const JobId& job) {
    const jobs::Lease lease = claim({.worker = "w", .job = job}).at(0);
    value(write([&](Tx& tx) { return jobs::start(tx, tenant(), job, lease.token, kAlice); }));
    return lease;
  }
  Result<JobState> complete(const JobId& job, std::uint64_t token, const jobs::Completion& completion) {
    return write([&](Tx& tx) { return jobs::complete(tx, tenant(), job, token, completion, kAlice); });
  }
  JobState state(const JobId& job) { return status(job).state; }
  ledger::JobStatus status(const JobId& job) { return value(ledger::job_status(ledger, tenant(), job)); }
  std::uint64_t size() { return value(ledger::log_head(ledger, tenant())).size(); }
  std::size_t mark() {
    return value(write([&](Tx& tx) { return jobs::mark_eligible(tx, tenant(), kAlice); }));
  }
  std::size_t expire() {
    return value(write([&](Tx& tx) { return jobs::expire_leases(tx, tenant(), kAlice); }));
  }
  Json explain(const JobId& job) { return value(jobs::explain(ledger, tenant(), job, clock.now())); }
};

}  // namespace

TEST_CASE(
    "the same key and payload give the first job, another payload is a conflict, another tenant is free") {
  World w;
  const JobId first = w.submit("key");
  CHECK(w.state(first) == JobState::kQueued);
  const std::uint64_t size = w.size();
  const auto again = value(w.try_submit(pack_run(new_id<JobId>(w.entropy), "key")));
  CHECK(again.id == first);
  CHECK_FALSE(again.created);
  jobs::JobRequest other = pack_run(new_id<JobId>(w.entropy), "key");
  other.payload = {{"dagId", "another"}};
  CHECK(code_of(w.try_submit(other)) == Code::kIdempotencyConflict);
  CHECK(w.size() == size);
  CHECK(value(w.try_submit(pack_run(new_id<JobId>(w.entropy), "key"), "beta")).created);
  CHECK(code_of(ledger::get_job(w.ledger, tenant("beta"), first)) == Code::kNotFound);
  CHECK(code_of(ledger::job_status(w.ledger, tenant("beta"), first)) == Code::kNotFound);
  const auto row = value(ledger::get_job(w.ledger, tenant(), first));
  CHECK(value(ledger::document(w.ledger, row.payload_digest)) == R"({"dagId":"advisory-match","key":"key"})");
  require_sound(w.ledger);
}

TEST_CASE("a request that lacks what a job needs is refused") {
  World w;
  const auto refuse = [&](const std::string& name, Code want,
                          const std::function<void(jobs::JobRequest&)>& spoil) {
    INFO(name);
    jobs::JobRequest request = pack_run(new_id<JobId>(w.entropy), "key");
    spoil(request);
    CHECK(code_of(w.try_submit(request)) == want);
  };
  refuse("no type", Code::kField, [](auto& r) { r.type.clear(); });
  refuse("no source", Code::kField, [](auto& r) { r.source.clear(); });
  refuse("no key", Code::kField, [](auto& r) { r.idempotency_key.clear(); });
  refuse("priority 10", Code::kField, [](auto& r) { r.priority = 10; });
  refuse("priority -1", Code::kField, [](auto& r) { r.priority = -1; });
  refuse("no tries", Code::kField, [](auto& r) { r.retry.max_attempts = 0; });
  refuse("a wait below nothing", Code::kField, [](auto& r) { r.retry.base = Millis(-1); });
  refuse("unknown dependency", Code::kNotFound,
         [&](auto& r) { r.dependencies = {new_id<JobId>(w.entropy)}; });
  CHECK(w.size() == 0);
}

TEST_CASE("jobs are claimed by priority, then in the order they came, each once") {
  World w;
  const JobId low = w.submit("low", 1), first = w.submit("first"), second = w.submit("second"),
              high = w.submit("high", 9);
  auto leases = w.claim({.worker = "w", .max = 3});
  REQUIRE(leases.size() == 3);
  CHECK(leases[0].job == high);
  CHECK(leases[1].job == first);
  CHECK(leases[2].job == second);
  CHECK(leases[0].token == 1);
  CHECK(leases[0].until == kStart + jobs::kLease);
  CHECK(w.claim({.worker = "v", .max = 9, .type = "other"}).empty());
  CHECK(w.claim({.worker = "v", .max = 9, .type = "pack-run"}).at(0).job == low);
  CHECK(w.claim({.worker = "v", .max = 9}).empty());
  CHECK(code_of(w.write([&](Tx& tx) {
          return jobs::claim(tx, tenant(), {.worker = "v", .job = low}, w.entropy);
        })) == Code::kJobState);
  require_sound(w.ledger);
}

TEST_CASE("a job lives from submit to success, and completing it twice changes nothing") {
  World w;
  const JobId job = w.submit("key");
  const jobs::Lease lease = w.run(job);
  CHECK(w.state(job) == JobState::kRunning);
  CHECK(w.explain(job)["gate"] == "none");
  CHECK(value(w.complete(job, lease.token, {.data = {{"outputsHash", "x"}}})) == JobState::kSucceeded);
  const std::uint64_t size = w.size();
  CHECK(value(w.complete(job, lease.token, {})) == JobState::kSucceeded);
  CHECK(code_of(w.complete(job, lease.token, {.status = JobState::kFailed})) == Code::kLeaseLost);
  CHECK(code_of(w.complete(job, lease.token + 1, {})) == Code::kLeaseLost);
  CHECK(code_of(w.write([&](Tx& tx) { return jobs::cancel(tx, tenant(), job, kAlice); })) == Code::kJobState);
  CHECK(w.size() == size);
  CHECK((*w.status(job).outcome)["outputsHash"] == "x");
  CHECK(w.explain(job)["gate"] == "finished");
  require_sound(w.ledger);
}

TEST_CASE("a failure is retried after its delay, and the last one is a dead letter with an incident") {
  World w;
  const JobId job = w.submit("key", 5, 2);
  const jobs::Lease first = w.run(job);
  CHECK(value(w.complete(job, first.token, {.status = JobState::kFailed, .data = {{"error", "boom"}}})) ==
        JobState::kPending);
  const auto next = *w.status(job).next_eligible_at;
  CHECK(next == kStart + jobs::retry_delay({2}, job, 1));
  CHECK(w.explain(job)["gate"] == "backoff");
  CHECK(w.explain(job)["nextEligibleAt"] == next.text());
  CHECK(w.mark() == 0);
  CHECK(value(w.complete(job, first.token, {.status = JobState::kFailed})) ==
        JobState::kPending);  // the same answer again
  w.clock.set(next);
  CHECK(w.mark() == 1);
  CHECK(w.mark() == 0);
  CHECK(w.explain(job)["gate"] == "no_worker");
  const jobs::Lease second = w.run(job);
  CHECK(second.token == 2);
  CHECK(second.attempt == 2);
  CHECK(value(w.complete(job, second.token, {.status = JobState::kTimedOut})) == JobState::kTimedOut);
  const auto letters = value(ledger::list_dead_letters(w.ledger, tenant()));
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].job == job);
  CHECK(value(ledger::list_incidents(w.ledger, tenant())).at(0).subject == "job:" + job.str());
  CHECK(w.claim({.worker = "w"}).empty());
  require_sound(w.ledger);
}

TEST_CASE("a worker may forbid a retry, or ask for a later one") {
  World w;
  const JobId never = w.submit("never"), later = w.submit("later");
  CHECK(value(w.complete(never, w.run(never).token, {.status = JobState::kFailed, .retryable = false})) ==
        JobState::kFailed);
  CHECK(value(ledger::list_dead_letters(w.ledger, tenant())).at(0).reason == "the error is not retryable");
  const Instant hour = kStart + Millis(3'600'000);
  value(w.complete(later, w.run(later).token, {.status = JobState::kFailed, .retry_at = hour}));
  CHECK(w.status(later).next_eligible_at == hour);
  require_sound(w.ledger);
}

TEST_CASE("a worker that comes late changes nothing") {
  World w;
  const JobId job = w.submit("key");
  const jobs::Lease lost = w.run(job);
  w.clock.advance(jobs::kLease + jobs::kClockSkew - Millis(1));
  CHECK(w.expire() == 0);
  w.clock.advance(Millis(1));
  CHECK(w.explain(job)["gate"] == "lease_expired");
  CHECK(w.expire() == 1);
  CHECK(w.state(job) == JobState::kQueued);
  const jobs::Lease held = w.run(job);
  CHECK(held.token == lost.token + 1);
  const std::uint64_t size = w.size();
  CHECK(code_of(w.complete(job, lost.token, {})) == Code::kLeaseLost);
  CHECK(code_of(w.write([&](Tx& tx) { return jobs::heartbeat(tx, tenant(), job, lost.token); })) ==
        Code::kLeaseLost);
  CHECK(code_of(w.write([&](Tx& tx) { return jobs::start(tx, tenant(), job, lost.token, kAlice); })) ==
        Code::kLeaseLost);
  CHECK(code_of(w.write([&](Tx& tx) { return jobs::release(tx, tenant(), job, lost.token, kAlice); })) ==
        Code::kLeaseLost);
  CHECK(w.size() == size);
  CHECK(value(w.complete(job, held.token, {})) == JobState::kSucceeded);
  require_sound(w.ledger);
}

TEST_CASE("a job that kills its workers stops at its last try and becomes a dead letter") {
  World w;
  const JobId job = w.submit("poison", 9, 2), healthy = w.submit("healthy", 1);
  for (int i = 0; i < 2; ++i) {
    w.run(job);
    w.clock.advance(Millis(120'000));
    CHECK(w.expire() == 1);
  }
  CHECK(w.state(job) == JobState::kTimedOut);
  CHECK(value(ledger::list_dead_letters(w.ledger, tenant())).size() == 1);
  CHECK(w.claim({.worker = "w"}).at(0).job == healthy);
  require_sound(w.ledger);
}

TEST_CASE("heartbeats extend a lease, at most for a day, and are no events") {
  World w;
  const JobId job = w.submit("key");
  const jobs::Lease lease = w.run(job);
  const std::uint64_t size = w.size();
  const auto beat = [&] {
    return w.write([&](Tx& tx) { return jobs::heartbeat(tx, tenant(), job, lease.token); });
  };
  for (int minute = 0; minute < 24 * 60; ++minute) {
    w.clock.advance(Millis(60'000));
    if (minute % 97 == 0 || minute > 24 * 60 - 3) CHECK(value(beat()) <= kStart + jobs::kLongestExtension);
  }
  CHECK(w.status(job).lease_until == kStart + jobs::kLongestExtension);
  CHECK(w.size() == size);
  w.clock.advance(jobs::kClockSkew);
  CHECK(w.expire() == 1);
  require_sound(w.ledger);
}

TEST_CASE("a job taken from a dead worker is queued again at once") {
  World w;
  const JobId job = w.submit("key", 5, 1);
  const jobs::Lease lease = w.run(job);
  value(w.write([&](Tx& tx) { return jobs::release(tx, tenant(), job, lease.token, {"alice", "resumed"}); }));
  CHECK(w.state(job) == JobState::kQueued);
  CHECK(value(w.complete(job, w.run(job).token, {})) == JobState::kSucceeded);
  require_sound(w.ledger);
}

TEST_CASE("a job can be canceled from each state that is not final") {
  World w;
  jobs::JobRequest request = pack_run(new_id<JobId>(w.entropy), "pending");
  request.not_before = kStart + Millis(1000);
  const JobId pending = value(w.try_submit(request)).id, queued = w.submit("queued"),
              leased = w.submit("leased"), running = w.submit("running");
  w.claim({.worker = "w", .job = leased});
  const jobs::Lease lease = w.run(running);
  for (const JobId& job : {pending, queued, leased, running}) {
    value(w.write([&](Tx& tx) { return jobs::cancel(tx, tenant(), job, kAlice); }));
    CHECK(w.state(job) == JobState::kCanceled);
    CHECK(code_of(w.write([&](Tx& tx) { return jobs::cancel(tx, tenant(), job, kAlice); })) ==
          Code::kJobState);
  }
  CHECK(code_of(w.complete(running, lease.token, {})) == Code::kLeaseLost);
  CHECK(w.claim({.worker = "w", .max = 9}).empty());
  CHECK(value(ledger::list_dead_letters(w.ledger, tenant())).empty());
  require_sound(w.ledger);
}

TEST_CASE("a job waits for its time and for the jobs before it, and says for which") {
  World w;
  const JobId before = w.submit("before");
  jobs::JobRequest request = pack_run(new_id<JobId>(w.entropy), "after");
  request.dependencies = {before};
  request.not_before = kStart + Millis(10'000);
  const JobId after = value(w.try_submit(request)).id;
  CHECK(w.state(after) == JobState::kPending);
  CHECK(w.explain(after)["gate"] == "dependency");
  CHECK(w.explain(after)["detail"].get<std::string>().find(before.str()) != std::string::npos);
  w.clock.advance(Millis(5000));
  value(w.complete(before, w.run(before).token, {}));
  CHECK(w.explain(after)["gate"] == "not_before");
  CHECK(w.explain(after)["nextEligibleAt"] == (kStart + Millis(10'000)).text());
  CHECK(w.mark() == 0);
  w.clock.set(kStart + Millis(10'000));
  CHECK(w.mark() == 1);
  CHECK(w.state(after) == JobState::kQueued);
  request = pack_run(new_id<JobId>(w.entropy), "third");
  request.dependencies = {before};
  CHECK(w.state(value(w.try_submit(request)).id) == JobState::kQueued);
  require_sound(w.ledger);
}

TEST_CASE("jobs are listed in order, page by page") {
  World w;
  std::vector<JobId> ids;
  for (int i = 0; i < 5; ++i) {
    w.clock.advance(Millis(1));
    ids.push_back(w.submit(std::to_string(i)));
  }
  std::optional<ledger::JobRow> after;
  for (const JobId& id : ids) {
    const auto page = value(ledger::list_jobs(w.ledger, tenant(), {.after = after, .limit = 1}));
    REQUIRE(page.size() == 1);
    CHECK(page[0].id == id);
    after = page[0];
  }
  CHECK(value(ledger::list_jobs(w.ledger, tenant(), {.newest_first = true}))[0].id == ids.back());
  CHECK(value(ledger::list_jobs(
                  w.ledger, tenant(),
                  {.submitted_below = value(ledger::get_job(w.ledger, tenant(), ids[2])).submitted_seq}))
            .size() == 2);
  CHECK(value(ledger::list_jobs(w.ledger, tenant("beta"))).empty());
}
