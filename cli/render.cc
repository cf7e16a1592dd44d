#include "cli/render.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/io.h"

namespace airlock::cli {
namespace {

// Width in terminal cells, near enough: UTF-8 continuation bytes take none.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Terminal Terminal::detect() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool plain = (no_color != nullptr && *no_color != '\0') || (term != nullptr && std::string_view(term) == "dumb");
  Terminal t;
  t.stderr_is_tty = ::isatty(STDERR_FILENO) == 1;
  t.stdout_colour = !plain && ::isatty(STDOUT_FILENO) == 1;
  t.stderr_colour = !plain && t.stderr_is_tty;
  return t;
}

std::string paint(std::string_view text, Tone tone, bool colour) {
  if (!colour || tone == Tone::kPlain) return std::string(text);
  const char* code = "";
  switch (tone) {
    case Tone::kPlain: break;
    case Tone::kGood: code = "\x1b[32m"; break;
    case Tone::kBad: code = "\x1b[31m"; break;
    case Tone::kWarn: code = "\x1b[33m"; break;
    case Tone::kDim: code = "\x1b[2m"; break;
    case Tone::kBold: code = "\x1b[1m"; break;
  }
  return std::string(code) + std::string(text) + "\x1b[0m";
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], width(printable(row[i])));
    }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = printable(row[i]);
      line += cell;
      if (i + 1 < row.size()) line += std::string(widths[i] - width(cell) + 2, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

std::string check_list(const std::vector<CheckLine>& checks, bool colour) {
  std::size_t widest = 0;
  for (const CheckLine& c : checks) widest = std::max(widest, width(c.name));
  std::string out;
  for (const CheckLine& c : checks) out += check_line(c, widest, colour);
  return out;
}

std::string check_line(const CheckLine& check, std::size_t name_width, bool colour) {
  const std::size_t blanks = std::max(name_width, width(check.name)) - width(check.name) + 2;
  return "  " + paint(check.ok ? "ok  " : "FAIL", check.ok ? Tone::kGood : Tone::kBad, colour) + "  " + check.name + std::string(blanks, ' ') +
         printable(check.seen) + "\n";
}

void print_error(const Error& error, std::string_view program, const Terminal& terminal) {
  const CodeInfo& info = code_info(error.code);
  write_stderr(std::string(program) + ": " +
               paint("error[" + code_text(error) + "]", Tone::kBad, terminal.stderr_colour) + ": " + describe(error) +
               "\n  remedy: " + std::string(info.remedy) + "\n");
}

Json error_json(const Error& error) {
  const CodeInfo& info = code_info(error.code);
  return {{"error",
           {{"code", code_text(error)}, {"message", describe(error)}, {"remedy", info.remedy}, {"exitStatus", info.exit_status}}}};
}

std::string human_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::string human_duration(std::int64_t millis) {
  std::array<char, 40> text{};
  if (millis < 1000) std::snprintf(text.data(), text.size(), "%d ms", static_cast<int>(millis));
  else if (millis < 60'000) std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(millis) / 1000);
  else std::snprintf(text.data(), text.size(), "%lld min %lld s", static_cast<long long>(millis / 60'000),
                     static_cast<long long>(millis % 60'000 / 1000));
  return text.data();
}

Result<void> write_stdout(std::string_view text) {
  const auto written = write_all(STDOUT_FILENO, text, "standard output");
  // Never kDiskFull, which promises that nothing was changed: what is told here has been done.
  if (!written) return fail(Code::kIo, written.error().context);
  return {};
}

void write_stderr(std::string_view text) {
  (void)write_all(STDERR_FILENO, text, "standard error");  // ignoring: there is nowhere left to say it
}

void StatusLine::show(std::string_view text) {
  if (!enabled_) return;
  winsize size{};
  const std::size_t columns = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  write_stderr("\r\x1b[K" + std::string(text.substr(0, columns - 1)));
  shown_ = true;
}

void StatusLine::clear() {
  if (shown_) write_stderr("\r\x1b[K");
  shown_ = false;
}

}  // namespace airlock::cli
