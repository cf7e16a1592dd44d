// base/time: instants in UTC milliseconds, the clock port, and durations as the documents write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock {

using Millis = std::chrono::milliseconds;

// Milliseconds since 1970-01-01T00:00:00Z. Written as YYYY-MM-DDTHH:MM:SS.mmmZ, always 24 characters.
class Instant {
 public:
  static constexpr Instant from_millis(std::int64_t ms) { return Instant(ms); }
  // YYYY-MM-DDTHH:MM:SSZ with an optional fraction of one to nine digits (cut to milliseconds); years 0001 to 9999.
  static Result<Instant> parse(std::string_view text);

  constexpr std::int64_t millis() const { return ms_; }
  std::string text() const;           // 2026-11-21T11:32:00.000Z
  std::string compact() const;        // 20261121T113200Z, for folder names

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant a, Millis d) { return Instant(a.ms_ + d.count()); }
  friend constexpr Instant operator-(Instant a, Millis d) { return Instant(a.ms_ - d.count()); }
  friend constexpr Millis operator-(Instant a, Instant b) { return Millis(a.ms_ - b.ms_); }

 private:
  explicit constexpr Instant(std::int64_t ms) : ms_(ms) {}
  std::int64_t ms_;
};

// Time is passed in: only the edges of the program hold a Clock, and each operation reads it once.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;                // wall clock: a claim
  virtual Millis monotonic() = 0;           // for timeouts; origin arbitrary
};

class SystemClock : public Clock {
 public:
  Instant now() override;
  Millis monotonic() override;
};

// Stands still until told otherwise.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Instant start) : now_(start) {}
  Instant now() override { return now_; }
  Millis monotonic() override { return mono_; }
  void advance(Millis d) { now_ = now_ + d; mono_ += d; }
  void set(Instant t) { now_ = t; }

 private:
  Instant now_;
  Millis mono_{0};
};

// "250ms", "2s", "5m", "1h", "3d": a whole number and one unit. The reverse picks the largest exact unit.
Result<Millis> parse_duration(std::string_view text);
std::string format_duration(Millis d);

// "512", "64KiB", "256MiB", "1GiB", "2TiB": bytes.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace airlock
