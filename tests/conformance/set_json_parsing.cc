// json-parsing: raw byte files through the one strict JSON parser. Where the set recommends an answer for signed
// documents (`strict`), that is the one airlock has to give: its parser reads nothing but documents that are signed or
// will be.
#include "base/json.h"
#include "sets.h"

namespace airlock::conformance {

void run_json_parsing(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("input"), report);
  const auto got = parse_json(bytes, c.id());
  report.judge(c.strict().value_or(c.expect()), got);
  if (!got) return;
  // What was accepted must survive being written and read again.
  const std::string written = canonical_json(*got);
  const auto again = parse_json(written, "written again");
  if (!again) return report.differ("the same value", "an error", describe(again.error()));
  report.equal("written twice", written, canonical_json(*again));
}

}  // namespace airlock::conformance
