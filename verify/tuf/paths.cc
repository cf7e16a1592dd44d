#include "verify/tuf/paths.h"

#include <algorithm>

#include "base/digest.h"

namespace airlock::verify::tuf {
namespace {

// Length in bytes of the first character of UTF-8 text; 1 where it is not UTF-8. '?' stands for one character.
std::size_t first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return std::min(size, text.size());
}

struct Bracket {
  std::size_t size = 0;  // of the expression in the pattern; 0: there is no closing bracket, '[' stands for itself
  bool matched = false;
};

// "[abc]", "[a-z]", "[!abc]"; a ']' that comes first stands for itself. UTF-8 characters compare as their bytes do.
Bracket match_bracket(std::string_view pattern, std::string_view character) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '!';
  if (negated) ++at;
  const std::size_t close = pattern.find(']', at + 1);
  if (close == std::string_view::npos) return {};
  bool found = false;
  while (at < close) {
    const std::string_view low = pattern.substr(at, first_character(pattern.substr(at)));
    at += low.size();
    if (at + 1 < close && pattern[at] == '-') {
      const std::string_view high = pattern.substr(at + 1, first_character(pattern.substr(at + 1)));
      at += 1 + high.size();
      found = found || (low <= character && character <= high);
    } else {
      found = found || low == character;
    }
  }
  return {close + 1, found != negated};
}

// One part without slashes. Backtracks to the last '*' only, so the work is bounded by the product of the sizes.
bool matches_part(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    const std::string_view character = text.substr(t, first_character(text.substr(t)));
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
      continue;
    }
    std::size_t consumed = 0;  // bytes of the pattern that stand for this character
    if (p < pattern.size()) {
      const Bracket bracket = pattern[p] == '[' ? match_bracket(pattern.substr(p), character) : Bracket{};
      if (bracket.size > 0) consumed = bracket.matched ? bracket.size : 0;
      else if (pattern[p] == '?') consumed = 1;
      else if (pattern.substr(p).starts_with(character)) consumed = character.size();
    }
    if (consumed > 0) {
      p += consumed;
      t += character.size();
    } else if (star != std::string_view::npos) {
      p = star + 1;
      resume += first_character(text.substr(resume));
      t = resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::string percent_encode(std::string_view name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char ch : name) {
    const auto c = static_cast<unsigned char>(ch);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '~';
    if (plain) {
      out += ch;
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 0xF];
    }
  }
  return out;
}

std::string file_name(std::string_view role) { return percent_encode(role) + ".json"; }

std::string file_name(std::string_view role, std::uint64_t version) { return std::to_string(version) + "." + file_name(role); }

bool matches(std::string_view pattern, std::string_view path) {
  while (true) {
    const auto a = pattern.find('/'), b = path.find('/');
    if ((a == std::string_view::npos) != (b == std::string_view::npos)) return false;
    if (!matches_part(pattern.substr(0, a), path.substr(0, b))) return false;
    if (a == std::string_view::npos) return true;
    pattern.remove_prefix(a + 1);
    path.remove_prefix(b + 1);
  }
}

bool is_delegated(const DelegatedRole& role, std::string_view target_path) {
  if (!role.hash_prefixes.empty()) {
    const std::string hash = Digest::of(target_path).hex();
    return std::ranges::any_of(role.hash_prefixes, [&](const std::string& prefix) { return hash.starts_with(prefix); });
  }
  return std::ranges::any_of(role.paths, [&](const std::string& pattern) { return matches(pattern, target_path); });
}

std::string succinct_role_of(const SuccinctRoles& roles, std::string_view target_path) {
  const Digest hash = Digest::of(target_path);
  std::uint32_t first = 0;
  for (const char c : hash.raw().substr(0, 4)) first = (first << 8) | static_cast<unsigned char>(c);
  const std::uint32_t bin = first >> (32 - roles.bit_length);
  // As many hex digits as the number of the last bin has.
  const std::size_t digits = static_cast<std::size_t>((roles.bit_length + 3) / 4);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string suffix(digits, '0');
  for (std::size_t i = 0; i < digits; ++i) suffix[digits - 1 - i] = kHex[(bin >> (4 * i)) & 0xF];
  return roles.name_prefix + "-" + suffix;
}

std::string with_hash(std::string_view target_path, std::string_view hash) {
  const auto slash = target_path.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  return std::string(target_path.substr(0, base)) + std::string(hash) + "." + std::string(target_path.substr(base));
}

}  // namespace airlock::verify::tuf
