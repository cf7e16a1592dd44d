// Prints docs/errors.md from the table of codes; scripts/gen-docs writes the file, a test compares it.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"

int main() {
  std::string out =
      "# Errors\n\n"
      "Every refusal of `airlock` and `airlock-verify` carries one of these codes. Scripts may match on the code and on the\n"
      "exit status; both are stable. The text beside them may improve. On stderr a refusal looks like this:\n\n"
      "```text\nairlock: error[CODE]: what went wrong: where\n  remedy: what to do about it\n```\n\n"
      "This page is generated from `base/error_codes.def` by `scripts/gen-docs`; a test keeps the two equal.\n\n"
      "| code | exit | what went wrong | remedy |\n| --- | --- | --- | --- |\n";
  std::vector<airlock::CodeInfo> codes(airlock::all_codes().begin(), airlock::all_codes().end());
  std::ranges::sort(codes, {}, &airlock::CodeInfo::text);
  const auto cell = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? "\\|" : std::string(1, c);
    return escaped;
  };
  for (const airlock::CodeInfo& info : codes)
    out += "| `" + cell(info.text) + "` | " + std::to_string(info.exit_status) + " | " + cell(info.title) + " | " + cell(info.remedy) + " |\n";
  return std::fputs(out.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}
