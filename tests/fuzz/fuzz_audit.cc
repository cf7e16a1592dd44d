// A line is accepted exactly when it is canonical JSON, and every audit document that parses has one spelling.
#include "base/json.h"
#include "fuzz.h"
#include "manifests/audit.h"
#include "manifests/audit_line.h"
#include "manifests/audit_records.h"

using namespace airlock;
using namespace airlock::manifests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  const auto value = parse_json(input, "line");
  CanonicalLine line;
  const auto view = line.parse(input);
  fuzz::require(view.has_value() == (value && canonical_json(*value) == input));
  if (view) {
    fuzz::require(view->text() == input);
    if (const auto event = read_event(*view)) {
      fuzz::require(event->ts.text() == event->ts_text);
      (void)parse_subject(event->subject);
    }
    if (view->kind() == JsonKind::kObject) {
      const std::string replay = write_replay(*view);
      CanonicalLine again;
      fuzz::require(again.parse(std::string_view(replay).substr(0, replay.size() - 1)).has_value());
    }
  }
  if (const auto manifest = parse_audit_manifest(input)) fuzz::require(write_audit_manifest(*manifest) == input);
  if (const auto proof = parse_consistency(input)) fuzz::require(write_consistency(*proof) == input);
  if (const auto range = parse_compact_range(input)) fuzz::require(write_compact_range(range->size, range->nodes) == input);
  (void)parse_audit_statement(input);   // must only not crash
  return 0;
}
