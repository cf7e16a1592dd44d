// cli/render: how airlock writes for people and for programs. Data goes to stdout, everything else to stderr.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace airlock::cli {

enum class Format { kHuman, kJson, kNdjson };

// One look at the terminal at start: colours only on a terminal without NO_COLOR, progress only on one.
struct Terminal {
  bool stdout_colour = false;
  bool stderr_colour = false;
  bool stderr_is_tty = false;
  static Terminal detect();
};

enum class Tone { kPlain, kGood, kBad, kWarn, kDim, kBold };
std::string paint(std::string_view text, Tone tone, bool colour);

// Columns padded to their widest cell; cells are made printable. No trailing blanks.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A check as import and audit verification report it.
struct CheckLine {
  std::string name;
  bool ok;
  std::string seen;
};
std::string check_list(const std::vector<CheckLine>& checks, bool colour);
std::string check_line(const CheckLine& check, std::size_t name_width, bool colour);  // one of them

// "airlock: error[CODE]: title: context" and "  remedy: ..." on stderr.
void print_error(const Error& error, std::string_view program, const Terminal& terminal);
Json error_json(const Error& error);

std::string human_bytes(std::uint64_t bytes);       // "1.5 MiB"
std::string human_duration(std::int64_t millis);    // "1.2 s", "3 min 4 s"

// Writes all of it to stdout; a closed or full stdout is an error, not silence.
Result<void> write_stdout(std::string_view text);
void write_stderr(std::string_view text);

// One line on stderr that is rewritten in place, on a terminal only.
class StatusLine {
 public:
  explicit StatusLine(bool enabled) : enabled_(enabled) {}
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  void show(std::string_view text);
  void clear();
  bool enabled() const { return enabled_; }

 private:
  bool enabled_;
  bool shown_ = false;
};

}  // namespace airlock::cli
