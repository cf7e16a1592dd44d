// A document that parses has one canonical form, which parses to the same; the forms over which others sign never crash.
#include "base/json.h"
#include "base/olpc_json.h"
#include "fuzz.h"
#include "manifests/cyclonedx.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = parse_json(fuzz::text(data, size), "fuzz");
  if (!value) return 0;
  const std::string canonical = canonical_json(*value);
  const auto again = parse_json(canonical, "fuzz");
  fuzz::require(again.has_value());
  fuzz::require(canonical_json(*again) == canonical);
  (void)olpc_canonical_json(*value);           // must only not crash
  (void)manifests::check_cyclonedx(*value);    // likewise
  return 0;
}
