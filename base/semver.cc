#include "base/semver.h"

#include <algorithm>
#include <charconv>

namespace airlock {
namespace {

bool numeric(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

bool identifier(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

bool number(std::string_view part, std::uint64_t& out) {
  if (!numeric(part) || (part.size() > 1 && part[0] == '0')) return false;
  return std::from_chars(part.data(), part.data() + part.size(), out).ec == std::errc();
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::weak_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool an = numeric(a), bn = numeric(b);
  if (an && bn) return a.size() != b.size() ? a.size() <=> b.size() : a <=> b;  // no leading zeros, so length decides
  if (an != bn) return an ? std::weak_ordering::less : std::weak_ordering::greater;
  return a <=> b;
}

}  // namespace

Result<SemVer> SemVer::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kBadId, "version \"" + std::string(text.substr(0, 80)) + "\", expected MAJOR.MINOR.PATCH (SemVer 2.0)");
  };
  if (text.size() > 128) return bad();
  SemVer v;
  v.text_ = text;
  std::string_view rest = text;
  if (const auto plus = rest.find('+'); plus != std::string_view::npos) {
    if (!std::ranges::all_of(split(rest.substr(plus + 1), '.'), identifier)) return bad();
    rest = rest.substr(0, plus);
  }
  if (const auto dash = rest.find('-'); dash != std::string_view::npos) {
    for (const std::string_view part : split(rest.substr(dash + 1), '.')) {
      if (!identifier(part) || (numeric(part) && part.size() > 1 && part[0] == '0')) return bad();
      v.pre_.emplace_back(part);
    }
    rest = rest.substr(0, dash);
  }
  const auto core = split(rest, '.');
  if (core.size() != 3 || !number(core[0], v.major_) || !number(core[1], v.minor_) || !number(core[2], v.patch_))
    return bad();
  return v;
}

std::weak_ordering operator<=>(const SemVer& a, const SemVer& b) {
  if (const auto c = a.major_ <=> b.major_; c != 0) return c;
  if (const auto c = a.minor_ <=> b.minor_; c != 0) return c;
  if (const auto c = a.patch_ <=> b.patch_; c != 0) return c;
  if (a.pre_.empty() != b.pre_.empty()) return a.pre_.empty() ? std::weak_ordering::greater : std::weak_ordering::less;
  for (std::size_t i = 0; i < std::min(a.pre_.size(), b.pre_.size()); ++i)
    if (const auto c = compare_identifiers(a.pre_[i], b.pre_[i]); c != 0) return c;
  return a.pre_.size() <=> b.pre_.size();
}

}  // namespace airlock
