// The documents of container images and of trace contexts parse or are refused; what is written of them parses again.
#include "base/trace_context.h"
#include "fuzz.h"
#include "oci/descriptor.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  (void)oci::check_layout_file(text);  // must only not crash, as the next four
  (void)oci::parse_index(text, "fuzz");
  (void)oci::parse_manifest(text, "fuzz");
  (void)oci::parse_config(text, "fuzz");
  (void)oci::parse_docker_manifest(text);
  if (const auto baggage = parse_baggage(text)) {
    const auto again = parse_baggage(write_baggage(*baggage));
    // Escapes may make it longer than baggage may be.
    if (again) fuzz::require(*again == *baggage);
  }
  if (const auto parent = parse_traceparent(text)) fuzz::require(parent->trace_id.size() == 32 && parent->parent_id.size() == 16);
  if (const auto state = parse_tracestate({std::string(text)})) fuzz::require(state->members.size() <= 32);
  return 0;
}
