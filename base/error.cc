#include "base/error.h"

#include <array>

namespace airlock {
namespace {

constexpr auto kTable = std::to_array<CodeInfo>({
#define AIRLOCK_CODE(name, text, exit_status, title, remedy) {Code::name, text, exit_status, title, remedy},
#include "base/error_codes.def"
#undef AIRLOCK_CODE
});

}  // namespace

const CodeInfo& code_info(Code code) { return kTable[static_cast<std::size_t>(code)]; }

std::span<const CodeInfo> all_codes() { return kTable; }

std::string code_text(const Error& error) {
  std::string text(code_info(error.code).text);
  return error.suffix.empty() ? text : text + ":" + error.suffix;
}

std::string describe(const Error& error) {
  const CodeInfo& info = code_info(error.code);
  std::string line(info.title);
  if (!error.context.empty()) line += ": " + printable(error.context);
  return line;
}

std::string printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // C1 controls arrive as 0xC2 0x80..0x9F in UTF-8; some terminals act on them.
    const bool c1 = c == 0xC2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xE0) == 0x80;
    // Bidi overrides and isolates: U+202A..U+202E (E2 80 AA..AE), U+2066..U+2069 (E2 81 A6..A9).
    bool bidi = false;
    if (c == 0xE2 && i + 2 < text.size()) {
      const auto b = static_cast<unsigned char>(text[i + 1]), d = static_cast<unsigned char>(text[i + 2]);
      bidi = (b == 0x80 && d >= 0xAA && d <= 0xAE) || (b == 0x81 && d >= 0xA6 && d <= 0xA9);
    }
    if (c < 0x20 || c == 0x7F || c1 || bidi) {
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 0xF];
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace airlock
