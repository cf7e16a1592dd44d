#include "base/time.h"

#include <time.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace airlock {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

bool digits(std::string_view text, std::size_t at, std::size_t n, int& out) {
  out = 0;
  for (std::size_t i = at; i < at + n; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

std::unexpected<Error> bad(std::string_view text) { return fail(Code::kBadTime, std::string(text.substr(0, 60))); }

Millis read_clock(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return Millis(static_cast<std::int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000);
}

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> kDurations = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> kSizes = {{{"", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};

template <std::size_t N>
Result<std::uint64_t> scaled(std::string_view text, const std::array<Unit, N>& units, std::string_view what) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  if (ec == std::errc())
    for (const Unit& unit : units)
      if (suffix == unit.suffix && value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.factor)
        return value * unit.factor;
  return fail(Code::kField, std::string(what) + " \"" + std::string(text.substr(0, 40)) + "\"");
}

}  // namespace

Result<Instant> Instant::parse(std::string_view text) {
  // 0123456789012345678
  // YYYY-MM-DDTHH:MM:SS[.f]Z
  if (text.size() < 20 || text.size() > 30 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return bad(text);
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  if (!digits(text, 0, 4, y) || !digits(text, 5, 2, mo) || !digits(text, 8, 2, d) || !digits(text, 11, 2, h) ||
      !digits(text, 14, 2, mi) || !digits(text, 17, 2, s))
    return bad(text);
  const year_month_day date{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)),
                            std::chrono::day(static_cast<unsigned>(d))};
  if (y < 1 || !date.ok() || h > 23 || mi > 59 || s > 59) return bad(text);
  int fraction = 0;
  if (text.size() > 20) {
    const std::size_t n = text.size() - 21;
    if (text[19] != '.' || n < 1) return bad(text);
    std::string ms(text.substr(20, n));
    int ignored = 0;
    if (!digits(ms, 0, n, ignored)) return bad(text);
    ms.resize(3, '0');
    digits(ms, 0, 3, fraction);
  }
  const auto days = sys_days(date).time_since_epoch().count();
  return from_millis((static_cast<std::int64_t>(days) * 86'400 + h * 3600 + mi * 60 + s) * 1000 + fraction);
}

std::string Instant::text() const {
  const auto t = std::chrono::sys_time<Millis>(Millis(ms_));
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const year_month_day date{day};
  const std::chrono::hh_mm_ss<Millis> clock{t - day};
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return buffer;
}

std::string Instant::compact() const {
  std::string out;
  for (const char c : text().substr(0, 19))
    if (c != '-' && c != ':') out += c;
  return out + "Z";
}

Instant SystemClock::now() { return Instant::from_millis(read_clock(CLOCK_REALTIME).count()); }
Millis SystemClock::monotonic() { return read_clock(CLOCK_BOOTTIME); }

Result<Millis> parse_duration(std::string_view text) {
  return Millis(static_cast<std::int64_t>(TRY(scaled(text, kDurations, "duration"))));
}

std::string format_duration(Millis d) {
  const auto ms = static_cast<std::uint64_t>(d.count());
  std::size_t best = 0;
  for (std::size_t i = 1; i < kDurations.size(); ++i)
    if (ms != 0 && ms % kDurations[i].factor == 0) best = i;
  return std::to_string(ms / kDurations[best].factor) + std::string(kDurations[best].suffix);
}

Result<std::uint64_t> parse_size(std::string_view text) { return scaled(text, kSizes, "size"); }

}  // namespace airlock
