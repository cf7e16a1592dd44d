#include "base/ids.h"

#include <algorithm>

namespace airlock {
namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool slug_char(char c) { return lower_or_digit(c) || c == '.' || c == '_' || c == '-'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

bool id_rule::Slug::ok(std::string_view text) {
  return !text.empty() && text.size() <= 128 && lower_or_digit(text[0]) && std::ranges::all_of(text, slug_char);
}

bool id_rule::Step::ok(std::string_view text) {
  if (text.ends_with(']')) {
    const auto open = text.rfind('[');
    if (open == std::string_view::npos) return false;
    const std::string_view number = text.substr(open + 1, text.size() - open - 2);
    if (number.empty() || number.size() > 5 || !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    text = text.substr(0, open);
  }
  return !text.empty() && text.size() <= 128 && (lower_or_digit(text[0]) || upper(text[0])) &&
         std::ranges::all_of(text, [](char c) { return slug_char(c) || upper(c); });
}

bool id_rule::Uuid::ok(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (hyphen ? text[i] != '-' : !hex) return false;
  }
  return true;
}

std::unexpected<Error> bad_id(std::string_view kind, std::string_view text, std::string_view form) {
  return fail(Code::kBadId, std::string(kind) + " \"" + std::string(text.substr(0, 80)) + "\", expected " + std::string(form));
}

}  // namespace airlock
