#include "verify/time/trusted_time.h"

#include <algorithm>
#include <utility>

namespace airlock::verify {
namespace {

constexpr std::uint64_t kHour = 3600;

// The mark, carried on by the time that has certainly passed since.
Instant carried_on(const HighWater& mark, const BootMoment& now) {
  const bool same_boot = !now.boot_id.empty() && now.boot_id == mark.boot.boot_id && now.since_boot >= mark.boot.since_boot;
  return same_boot ? mark.time + (now.since_boot - mark.boot.since_boot) : mark.time;
}

}  // namespace

TrustedTime judge_time(const TimeClaims& claims) {
  TrustedTime time{claims.wall, claims.wall, claims.newest_anchor, false};
  if (claims.high_water) {
    const Instant mark = carried_on(*claims.high_water, claims.boot);
    time.floor = std::max(time.floor.value_or(mark), mark);
  }
  if (!time.floor || claims.wall >= *time.floor) return time;
  time.now = *time.floor;
  time.rolled_back = *time.floor - claims.wall > kClockTolerance;
  return time;
}

Result<void> TrustedTime::require_clock() const {
  if (!rolled_back) return {};
  return fail(Code::kTimeClockRollback, "the clock says " + wall.text() + ", proved was " + floor->text());
}

std::string_view to_string(Freshness freshness) {
  switch (freshness) {
    case Freshness::kFresh: return "fresh";
    case Freshness::kWarn: return "warn";
    case Freshness::kBreach: return "breach";
    case Freshness::kUnanchored: return "unanchored";
  }
  std::unreachable();
}

Staleness judge_staleness(std::string category, const manifests::StalenessBudget& budget, std::optional<Instant> anchor, Instant now) {
  Staleness s{std::move(category), Freshness::kUnanchored, budget, anchor, 0, 0};
  if (!anchor) return s;
  // An anchor of the future has age zero: the clock behind it was judged already.
  s.age_seconds = now > *anchor ? static_cast<std::uint64_t>((now - *anchor).count()) / 1000 : 0;
  s.seconds_remaining = budget.breach_seconds > s.age_seconds ? budget.breach_seconds - s.age_seconds : 0;
  s.freshness = s.seconds_remaining == 0            ? Freshness::kBreach
                : s.age_seconds >= budget.warn_seconds ? Freshness::kWarn
                                                       : Freshness::kFresh;
  return s;
}

const std::map<std::string, manifests::StalenessBudget, std::less<>>& default_budgets() {
  static const std::map<std::string, manifests::StalenessBudget, std::less<>> budgets = {
      {std::string(kAnchorCategory), {1 * kHour, 2 * kHour}},
      {"advisories", {24 * kHour, 72 * kHour}},
      {"mirrors", {24 * kHour, 72 * kHour}},
  };
  return budgets;
}

}  // namespace airlock::verify
