// verify/note_lines: the grammar that signed notes, checkpoints and tlog proofs share (C2SP signed-note, tlog-checkpoint,
// tlog-proof): lines that end in a newline, numbers with one spelling. Private to verify. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::verify {

// Takes the first line off `rest`, without its newline; false when no whole line is left.
inline bool take_line(std::string_view& rest, std::string_view& line) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

// A decimal number without sign and leading zeros.
inline std::optional<std::uint64_t> whole_number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failed != std::errc{} || std::to_string(value) != digits) return std::nullopt;
  return value;
}

}  // namespace airlock::verify
