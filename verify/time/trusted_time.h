// verify/time/trusted_time: what time it is where nobody can be asked. Pure decisions; the state lies in the ledger.
//
// A gapped machine's clock is a claim. What is proved is a floor: the newest verified anchor, and the high-water mark,
// which is the highest time ever seen here, carried on by the monotonic clock for as long as the machine has not been
// started again. Trusted time is the clock where it stands above the floor, else the floor. A clock behind the floor by
// more than kClockTolerance has been set back: it is reported, and every expiry goes by the floor.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/boot.h"
#include "base/time.h"
#include "manifests/bundle.h"

namespace airlock::verify {

inline constexpr Millis kClockTolerance{5'000};  // what slewing and leap seconds may explain

struct HighWater {
  Instant time;
  BootMoment boot;  // when it was written
  friend bool operator==(const HighWater&, const HighWater&) = default;
};

struct TimeClaims {
  Instant wall;
  BootMoment boot;
  std::optional<HighWater> high_water;
  std::optional<Instant> newest_anchor;
};

struct TrustedTime {
  Instant now;
  Instant wall;
  std::optional<Instant> floor;  // absent: nothing was ever proved here
  bool rolled_back = false;

  Result<void> require_clock() const;  // kTimeClockRollback with both times
  HighWater mark(const BootMoment& boot) const { return {now, boot}; }
};
TrustedTime judge_time(const TimeClaims& claims);

enum class Freshness { kFresh, kWarn, kBreach, kUnanchored };
std::string_view to_string(Freshness freshness);  // "fresh", "warn", "breach", "unanchored"

// age = now - anchor; remaining = max(0, breach - age).
struct Staleness {
  std::string category;
  Freshness freshness = Freshness::kUnanchored;
  manifests::StalenessBudget budget;
  std::optional<Instant> anchor;
  std::uint64_t age_seconds = 0, seconds_remaining = 0;
};
Staleness judge_staleness(std::string category, const manifests::StalenessBudget& budget, std::optional<Instant> anchor, Instant now);

inline constexpr std::string_view kAnchorCategory = "anchor";

// Budgets that hold where a manifest says nothing: anchor 1 h / 2 h; mirrors and advisories 24 h / 72 h.
const std::map<std::string, manifests::StalenessBudget, std::less<>>& default_budgets();

}  // namespace airlock::verify
