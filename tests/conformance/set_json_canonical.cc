// json-canonical: RFC 8785 (kind jcs), its number format (jcs-number) and OLPC canonical JSON (olpc).
#include <bit>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/olpc_json.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

Result<double> double_of(std::string_view hex) {
  std::uint64_t bits = 0;
  const auto [end, failed] = std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
  if (failed != std::errc{} || end != hex.data() + hex.size()) return fail(Code::kField, "not a hex number: " + std::string(hex));
  const double value = std::bit_cast<double>(bits);
  // JSON has no NaN and no infinity; canonical_number() is for finite values, and parse_json() makes no others.
  if (!std::isfinite(value)) return fail(Code::kJson, "not a finite number");
  return value;
}

void run_numbers(std::string_view lines, Report& report) {
  std::size_t number = 0;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    ++number;
    if (line.empty()) continue;
    const auto comma = line.find(',');
    if (comma == std::string_view::npos) return report.differ("hex,expected", std::string(line), "line " + std::to_string(number));
    const double value = USE(double_of(line.substr(0, comma)), report);
    report.equal("line " + std::to_string(number), line.substr(comma + 1), canonical_number(value));
  }
}

Result<std::string> canonical(const Case& c, std::string_view input) {
  const Json value = TRY(parse_json(input, c.id()));
  if (c.kind() == "olpc") return olpc_canonical_json(value);
  return canonical_json(value);
}

}  // namespace

void run_json_canonical(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind != "jcs" && kind != "jcs-number" && kind != "olpc") return report.differ("a known kind", kind, "nothing to run it with");
  if (kind == "jcs-number" && !c.has_file("input")) return report.judge(c.expect(), double_of(c.text("value").value_or("")));
  const std::string input = USE(c.file("input"), report);
  if (kind == "jcs-number") return run_numbers(input, report);
  const auto got = canonical(c, input);
  report.judge(c.expect(), got);
  if (got && c.has_file("expected")) report.equal("canonical form", USE(c.file("expected"), report), *got);
}

}  // namespace airlock::conformance
