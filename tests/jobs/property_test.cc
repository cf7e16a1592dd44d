// Random interleavings of everything that can happen to a few jobs, against the rules that must hold in each
// of them.
#include "tests/ledger/support.h"

#include <rapidcheck.h>
#include <map>

using namespace airlock;
using namespace airlock::testing;
using jobs::JobState;

namespace {

enum class Action {
  kSubmit,
  kClaim,
  kStart,
  kHeartbeat,
  kSucceed,
  kFail,
  kTimeOut,
  kCancel,
  kRelease,
  kExpire,
  kMark,
  kWait
};

struct Step {
  Action action = Action::kWait;
  std::size_t job = 0;
  std::uint64_t late = 0;  // 0: the current token, else an older one
};

rc::Gen<Step> any_step() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 12), rc::gen::inRange<std::size_t>(0, 3),
                                     rc::gen::weightedElement<std::uint64_t>({{4, 0}, {1, 1}, {1, 2}})),
                      [](const std::tuple<int, std::size_t, std::uint64_t>& t) {
                        return Step{static_cast<Action>(std::get<0>(t)), std::get<1>(t), std::get<2>(t)};
                      });
}

struct World {
  TempDir dir;
  SeededEntropy entropy{41};
  ManualClock clock{kStart};
  Ledger ledger = open(dir / "ledger.db", writable());
  std::vector<JobId> ids;

  std::uint64_t token(const Step& step) {
    const std::uint64_t now = value(ledger::job_status(ledger, tenant(), ids[step.job])).fencing_token;
    return now > step.late ? now - step.late : 0;
  }

  Result<void> act(Tx& tx, const Step& step, std::uint64_t token) {
    const TenantId t = tenant();
    const JobId& job = ids[step.job];
    const auto complete = [&](JobState status) -> Result<void> {
      TRY(jobs::complete(tx, t, job, token, {.status = status}, kAlice));
      return {};
    };
    switch (step.action) {
      case Action::kSubmit:
        TRY(jobs::submit(tx, t, pack_run(new_id<JobId>(entropy), std::to_string(step.job)), kAlice));
        return {};
      case Action::kClaim: TRY(jobs::claim(tx, t, {.worker = "w", .max = 1 + step.late}, entropy)); return {};
      case Action::kStart: return jobs::start(tx, t, job, token, kAlice);
      case Action::kHeartbeat: TRY(jobs::heartbeat(tx, t, job, token)); return {};
      case Action::kSucceed: return complete(JobState::kSucceeded);
      case Action::kFail: return complete(JobState::kFailed);
      case Action::kTimeOut: return complete(JobState::kTimedOut);
      case Action::kCancel: return jobs::cancel(tx, t, job, kAlice);
      case Action::kRelease: return jobs::release(tx, t, job, token, kAlice);
      case Action::kExpire: TRY(jobs::expire_leases(tx, t, kAlice)); return {};
      case Action::kMark: TRY(jobs::mark_eligible(tx, t, kAlice)); return {};
      case Action::kWait: clock.advance(Millis(25'000)); return {};
    }
    std::unreachable();
  }
};

// What the history alone says of each job: every event starts where the one before it ended.
std::map<std::string, std::string> states_in_history(const Ledger& ledger) {
  std::map<std::string, std::string> states;
  std::map<std::string, std::uint64_t> tokens;
  value(ledger::for_each_line(
      ledger, tenant(), 0, UINT64_MAX, [&](const ledger::HistoryLine& line) -> Result<void> {
        const Json event = TRY(parse_json(line.line, "event"));
        const std::string subject = event["subject"], kind = event["kind"];
        if (!kind.starts_with("job.")) return {};
        const std::string before =
            event.contains("before") ? event["before"]["state"].get<std::string>() : "";
        RC_ASSERT(states[subject] == before);
        const bool finished =
            before == "succeeded" || before == "canceled" || before == "failed" || before == "timed_out";
        if (finished) RC_ASSERT(kind == "job.retried");
        if (kind == "job.leased") {
          const std::uint64_t token = event["data"]["fencingToken"];
          RC_ASSERT(token == tokens[subject] + 1);
          tokens[subject] = token;
        }
        states[subject] = event["after"]["state"].get<std::string>();
        return {};
      }));
  return states;
}

}  // namespace

TEST_CASE(
    "whatever happens in whatever order, a finished job stays finished and history explains every state") {
  const bool holds = rc::check("random interleavings", [] {
    World w;
    for (std::size_t i = 0; i < 3; ++i) {
      w.ids.push_back(new_id<JobId>(w.entropy));
      jobs::JobRequest request = pack_run(w.ids.back(), std::to_string(i));
      request.retry.max_attempts = 2;
      value(w.ledger.write(kStart, [&](Tx& tx) { return jobs::submit(tx, tenant(), request, kAlice); }));
    }
    const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
    for (const Step& step : steps) {
      std::vector<ledger::JobStatus> before;
      for (const JobId& id : w.ids) before.push_back(value(ledger::job_status(w.ledger, tenant(), id)));
      const std::uint64_t size = value(ledger::log_head(w.ledger, tenant())).size();
      const std::uint64_t token = w.token(step);
      const auto done = w.ledger.write(w.clock.now(), [&](Tx& tx) { return w.act(tx, step, token); });
      if (!done) {
        RC_ASSERT(done.error().code == Code::kJobState || done.error().code == Code::kLeaseLost);
        RC_ASSERT(value(ledger::log_head(w.ledger, tenant())).size() == size);
      }
      for (std::size_t i = 0; i < w.ids.size(); ++i) {
        const auto after = value(ledger::job_status(w.ledger, tenant(), w.ids[i]));
        if (ledger::is_final(before[i].state))
          RC_ASSERT(after.state == before[i].state);  // a retry leaves in the same commit
        RC_ASSERT(after.fencing_token >= before[i].fencing_token);
      }
    }
    const auto derived = states_in_history(w.ledger);
    for (const JobId& id : w.ids)
      RC_ASSERT(derived.at("job:" + id.str()) ==
                ledger::to_text(value(ledger::job_status(w.ledger, tenant(), id)).state));
    const auto report = check(w.ledger);
    RC_ASSERT(text_of(report) == "");
  });
  CHECK(holds);
}
