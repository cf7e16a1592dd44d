// The rules that events must keep among themselves, on histories written by hand.
#include <catch2/catch.hpp>

#include "audit/projection.h"
#include "audit/verify/history_index.h"
#include "base/json.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;

namespace {

const std::string kJob = "job:0190f2a0-0000-7000-8000-000000000001", kRun = "run:0190f2a0-0000-7000-8000-000000000002";
const std::string kStep = kRun + "/step:a";

struct Event {
  std::string kind, subject, before, after;   // states; empty: none
  Json data = Json::object();
  std::string actor = "u";
  std::string reason = "", ticket = "";
};

std::string line_of(const Event& e, std::uint64_t seq) {
  Json json = {{"seq", seq}, {"ts", "2026-11-21T08:00:0" + std::to_string(seq % 10) + ".000Z"}, {"tenant", "acme"}, {"kind", e.kind},
               {"subject", e.subject}, {"actor", e.actor}, {"data", e.data}};
  if (!e.before.empty()) json["before"] = {{"state", e.before}};
  if (!e.after.empty()) json["after"] = {{"state", e.after}};
  if (!e.reason.empty()) json["reason"] = e.reason;
  if (!e.ticket.empty()) json["ticket"] = e.ticket;
  return canonical_json(json);
}

// The reason of the first refusal, or "".
std::string refusal(const std::vector<Event>& events, bool whole = true) {
  HistoryIndex index(whole);
  std::uint64_t seq = 0;
  for (const Event& e : events) {
    const std::string line = line_of(e, seq++);
    manifests::CanonicalLine parser;
    if (const auto ok = index.add(must(manifests::read_event(must(parser.parse(line))))); !ok) {
      CHECK(ok.error().code == Code::kAuditCrossCheck);
      return ok.error().context;
    }
  }
  return "";
}

const Event kSubmitted{"job.submitted", kJob, "", "pending"}, kQueued{"job.queued", kJob, "pending", "queued"},
    kLeased{"job.leased", kJob, "queued", "leased"}, kRunning{"job.running", kJob, "leased", "running"},
    kFailed{"job.failed", kJob, "running", "failed"}, kRetried{"job.retried", kJob, "failed", "pending"};
const Event kCreated{"run.created", kRun, "", "pending"}, kBegun{"run.running", kRun, "pending", "running"};
const Event kStepRunning{"step.running", kStep, "pending", "running", {{"attempt", 1}}};
const Event kAttempt{"step.attempt", kStep, "", "", {{"attempt", 1}, {"outcome", "succeeded"}, {"exit", {{"code", 0}}}, {"evidence", {{"layers", 7}}}}};
const Event kStepSucceeded{"step.succeeded", kStep, "running", "succeeded"};

Event with_data(Event e, const char* key, Json value) {
  e.data[key] = std::move(value);
  return e;
}
Event without(Event e, const char* key) {
  e.data.erase(key);
  return e;
}

}  // namespace

TEST_CASE("histories that keep the rules are accepted") {
  CHECK(refusal({kSubmitted, kQueued, kLeased, kRunning, kFailed, kRetried, kQueued, kLeased, kRunning, {"job.succeeded", kJob, "running", "succeeded"}}) == "");
  CHECK(refusal({kSubmitted, kQueued, kLeased, {"job.queued", kJob, "leased", "queued"}}) == "");   // the lease expired
  CHECK(refusal({kSubmitted, {"job.held", kJob, "pending", "pending"}, {"job.canceled", kJob, "pending", "canceled"}}) == "");
  CHECK(refusal({kCreated, kBegun, kStepRunning, kAttempt, kStepSucceeded, {"run.succeeded", kRun, "running", "succeeded"}, {"run.replayed", kRun, "", ""}}) == "");
  CHECK(refusal({kCreated, kBegun, {"run.resumed", kRun, "running", "running"}}) == "");
  CHECK(refusal({kCreated, kBegun, {"step.cached", kStep, "pending", "cached"}}) == "");
  CHECK(refusal({{"quota.changed", "quota:feed", "", "", Json::object(), "u", "because", "T-1"}}) == "");
  CHECK(refusal({{"breaker.opened", "breaker:feed", "", "", Json::object(), "system:breaker", "10 of 20 failed", ""}}) == "");
  CHECK(refusal({{"approval.requested", kStep, "", "pending"}, {"approval.updated", kStep, "pending", "approved"}}) == "");
  CHECK(refusal({kRunning, {"job.succeeded", kJob, "running", "succeeded"}}, false) == "");   // began before the window
}

TEST_CASE("histories that break a rule are refused with the reason") {
  const auto refused = [](const std::vector<Event>& events, const std::string& why) {
    const std::string got = refusal(events);
    INFO(got);
    CHECK(got.find(why) != std::string::npos);
  };
  refused({kQueued}, "comes before the event that would have made its subject");
  refused({kBegun}, "comes before the event");
  refused({kStepRunning}, "comes before the event");
  refused({kSubmitted, kSubmitted}, "was there already");
  refused({kCreated, kCreated}, "was there already");
  refused({kSubmitted, {"job.leased", kJob, "queued", "leased"}}, "says it was queued, but the event before left it pending");
  refused({kSubmitted, {"job.queued", kJob, "pending", "leased"}}, "does not say the state that it leads to");
  refused({kSubmitted, {"job.queued", kJob, "pending", ""}}, "does not say the state");
  refused({kSubmitted, {"job.canceled", kJob, "pending", "canceled"}, {"job.queued", kJob, "canceled", "queued"}}, "which is an end");
  refused({kSubmitted, {"job.canceled", kJob, "pending", "canceled"}, {"job.retried", kJob, "canceled", "pending"}}, "which is an end");
  refused({kCreated, {"run.succeeded", kRun, "pending", "succeeded"}, kBegun}, "but the event before left it succeeded");
  refused({kCreated, {"run.failed", kRun, "pending", "failed"}, {"run.running", kRun, "failed", "running"}}, "which is an end");
  refused({{"job.submitted", kRun, "", "pending"}}, "another kind of subject");
  refused({{"run.created", kStep, "", "pending"}}, "another kind of subject");
  refused({{"job.submitted", "job:not-a-uuid", "", "pending"}}, "not a job or run id");
  refused({kCreated, kBegun, kStepRunning, without(kAttempt, "evidence")}, "no sandbox evidence");
  refused({kCreated, kBegun, kStepRunning, with_data(kAttempt, "evidence", Json::object())}, "no sandbox evidence");
  refused({kCreated, kBegun, kStepRunning, with_data(kAttempt, "evidence", "yes")}, "no sandbox evidence");
  refused({kCreated, kBegun, kStepRunning, without(without(kAttempt, "evidence"), "exit")}, "no sandbox evidence");
  refused({kCreated, kBegun, kStepRunning, kStepSucceeded}, "no attempt of it succeeded");
  refused({kCreated, kBegun, kStepRunning, with_data(kAttempt, "outcome", "failed"), kStepSucceeded}, "no attempt of it succeeded");
  refused({{"quota.changed", "quota:feed", "", "", Json::object(), "u", "", "T-1"}}, "without a reason");
  refused({{"quota.changed", "quota:feed", "", "", Json::object(), "u", "because", ""}}, "without a ticket");
  refused({{"quota.changed", "quota:feed", "", "", Json::object(), "", "because", "T-1"}}, "without an actor");
  refused({{"throttle.changed", "t", "", "", Json::object(), "systematic", "because", ""}}, "without a ticket");
}

TEST_CASE("an attempt that was cut off before its program ran needs no evidence") {
  Event cut = with_data(without(without(kAttempt, "evidence"), "exit"), "outcome", "interrupted");
  CHECK(refusal({kCreated, kBegun, kStepRunning, cut, {"step.running", kStep, "running", "running", {{"attempt", 2}}}}) == "");
}

TEST_CASE("folding a history in two parts and joining them gives the record of the whole") {
  const std::vector<Event> events = {kCreated, kBegun, kStepRunning, kAttempt, kStepSucceeded,
                                     {"run.failed", kRun, "running", "failed", {{"error", {{"code", "x"}}}}}};
  const auto fold = [&](std::size_t from, std::size_t to) {
    Projection out(manifests::SubjectType::kRun);
    for (std::size_t i = from; i < to; ++i) {
      const std::string line = line_of(events[i], i);
      manifests::CanonicalLine parser;
      const auto event = must(manifests::read_event(must(parser.parse(line))));
      out.add(event, manifests::parse_subject(event.subject));
    }
    return out;
  };
  const std::string whole = fold(0, events.size()).line();
  for (std::size_t cut = 1; cut < events.size(); ++cut) {
    INFO("cut before event " << cut);
    Projection first = fold(0, cut);
    first.join(fold(cut, events.size()));
    CHECK(first.line() == whole);
    // A part that was put aside as its line and read again is the same part.
    const std::string aside = fold(0, cut).line();
    manifests::CanonicalLine parser;
    Projection again = must(Projection::read(manifests::SubjectType::kRun, must(parser.parse(aside))));
    CHECK(again.line() == aside);
    again.join(fold(cut, events.size()));
    CHECK(again.line() == whole);
  }
}

TEST_CASE("a fingerprint tells texts apart, short and long") {
  const std::string fourteen(14, 'a'), fifteen(15, 'a'), sixteen(16, 'a');
  CHECK(!Fingerprint());
  CHECK(Fingerprint(""));
  CHECK(Fingerprint("") != Fingerprint());
  CHECK(Fingerprint(fourteen) != Fingerprint(fifteen));
  CHECK(Fingerprint(fifteen) != Fingerprint(sixteen));
  CHECK(Fingerprint(sixteen) == Fingerprint(std::string(16, 'a')));
}
