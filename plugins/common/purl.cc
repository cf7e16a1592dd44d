#include "common/purl.h"

#include <algorithm>
#include <array>

#include "base/path.h"

namespace airlock::plugin {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  const bool control = std::ranges::any_of(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (control || !valid_utf8(out)) return std::nullopt;
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

bool type_ok(std::string_view type) {
  const auto ok = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-';
  };
  return !type.empty() && !(type[0] >= '0' && type[0] <= '9') && std::ranges::all_of(type, ok);
}

// PEP 503: runs of - _ . are one -, without regard to case.
std::string pypi_name(std::string_view name) {
  std::string out;
  for (const char c : folded(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && out.ends_with('-')) continue;
    out += separator ? '-' : c;
  }
  return out;
}

}  // namespace

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// The order of the cuts is that of the specification, "How to parse a purl string": from the right, then the left.
Result<Purl> parse_purl(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kField, "package URL " + std::string(text.substr(0, 200)) + ": " + std::string(why));
  };
  std::string_view rest = text.substr(0, text.rfind('#'));
  rest = rest.substr(0, rest.rfind('?'));
  if (folded(rest.substr(0, 4)) != "pkg:") return bad("does not start with pkg:");
  rest = trimmed(rest.substr(4));
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return bad("no name");
  Purl purl;
  purl.type = folded(rest.substr(0, slash));
  if (!type_ok(purl.type)) return bad("malformed type");
  rest = trimmed(rest.substr(slash));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos && at > 0) {
    const auto version = percent_decoded(rest.substr(at + 1));
    if (!version) return bad("malformed version");
    purl.version = *version;
    rest = trimmed(rest.substr(0, at));
  }
  const auto package = percent_decoded(rest);
  if (!package || package->empty()) return bad("malformed name");
  purl.package = *package;
  return purl;
}

std::optional<PackageName> osv_package(const Purl& purl) {
  if (purl.type == "golang") return PackageName{"Go", purl.package == "std" ? "stdlib" : purl.package};
  if (purl.type == "pypi") return PackageName{"PyPI", pypi_name(purl.package)};
  if (purl.type == "maven") {
    const auto slash = purl.package.rfind('/');
    if (slash == std::string::npos) return std::nullopt;
    return PackageName{"Maven", purl.package.substr(0, slash) + ":" + purl.package.substr(slash + 1)};
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSameName = {
      {{"cargo", "crates.io"}, {"gem", "RubyGems"}, {"npm", "npm"}, {"nuget", "NuGet"}}};
  for (const auto& [type, ecosystem] : kSameName)
    if (purl.type == type) return PackageName{std::string(ecosystem), purl.package};
  return std::nullopt;
}

}  // namespace airlock::plugin
