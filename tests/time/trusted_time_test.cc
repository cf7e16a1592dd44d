#include <catch2/catch.hpp>

#include "tests/verify/support.h"
#include "verify/time/trusted_time.h"

namespace airlock::verify::test {
namespace {

Instant at(std::int64_t seconds) { return Instant::from_millis(seconds * 1000); }
BootMoment boot(std::string id, std::int64_t seconds) { return {std::move(id), Millis(seconds * 1000)}; }

}  // namespace

TEST_CASE("C090 Trusted time is the clock above the floor, and the floor where the clock was set back") {
  struct Case {
    const char* name;
    std::int64_t wall;
    std::optional<HighWater> mark;
    std::optional<std::int64_t> anchor;
    std::int64_t now;
    bool rolled_back;
  };
  const HighWater mark{at(1000), boot("a", 100)};
  const std::vector<Case> cases = {
      {"nothing was ever proved: the clock is all there is", 500, std::nullopt, std::nullopt, 500, false},
      {"the clock stands above the mark", 1500, mark, std::nullopt, 1500, false},
      {"the clock stands on the carried mark", 1100, mark, std::nullopt, 1100, false},
      {"the mark is carried on by the monotonic clock of the same boot", 1040, mark, std::nullopt, 1100, true},
      {"a little behind is slewing, not setting back", 1096, mark, std::nullopt, 1100, false},
      {"exactly the tolerance is still none", 1095, mark, std::nullopt, 1100, false},
      {"behind the newest anchor", 1500, mark, 2000, 2000, true},
      {"an anchor below the mark changes nothing", 1500, mark, 900, 1500, false},
      {"without a mark the anchor alone is the floor", 100, std::nullopt, 2000, 2000, true},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const TrustedTime time =
        judge_time({at(c.wall), boot("a", 200), c.mark, c.anchor ? std::optional(at(*c.anchor)) : std::nullopt});
    CHECK(time.now == at(c.now));
    CHECK(time.wall == at(c.wall));
    CHECK(time.rolled_back == c.rolled_back);
    CHECK(code_of(time.require_clock()) == (c.rolled_back ? Code::kTimeClockRollback : kAccepted));
  }
}

TEST_CASE("A mark of another boot, of none, or of the future of this one is not carried on") {
  const auto now_with = [](const HighWater& mark, const BootMoment& moment) {
    return judge_time({at(1), moment, mark, std::nullopt}).now;
  };
  CHECK(now_with({at(1000), boot("a", 100)}, boot("a", 160)) == at(1060));
  CHECK(now_with({at(1000), boot("a", 100)}, boot("b", 160)) == at(1000));
  CHECK(now_with({at(1000), boot("", 100)}, boot("", 160)) == at(1000));
  CHECK(now_with({at(1000), boot("a", 100)}, boot("a", 50)) == at(1000));
}

TEST_CASE("C067 Staleness goes from fresh to warn to breach at its very seconds") {
  const manifests::StalenessBudget budget{100, 300};
  struct Case {
    std::int64_t age;
    Freshness want;
    std::uint64_t remaining;
  };
  for (const Case& c : {Case{-50, Freshness::kFresh, 300}, Case{0, Freshness::kFresh, 300}, Case{99, Freshness::kFresh, 201},
                        Case{100, Freshness::kWarn, 200}, Case{299, Freshness::kWarn, 1}, Case{300, Freshness::kBreach, 0},
                        Case{10'000, Freshness::kBreach, 0}}) {
    const Staleness s = judge_staleness("x", budget, at(5000), at(5000 + c.age));
    INFO(c.age);
    CHECK(s.freshness == c.want);
    CHECK(s.seconds_remaining == c.remaining);
  }
  CHECK(judge_staleness("x", budget, std::nullopt, at(1)).freshness == Freshness::kUnanchored);
  CHECK(default_budgets().find("anchor")->second.breach_seconds == 7200);
  CHECK(default_budgets().find("advisories")->second.warn_seconds == 86'400);
  CHECK(default_budgets().find("mirrors")->second.breach_seconds == 259'200);
}

TEST_CASE("This machine says which boot it is in, and for how long") {
  const BootMoment first = read_boot_moment(), second = read_boot_moment();
  CHECK(first.boot_id.size() == 36);
  CHECK(first.boot_id == second.boot_id);
  CHECK(first.since_boot <= second.since_boot);
}

}  // namespace airlock::verify::test
