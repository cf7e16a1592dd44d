// A bundle statement that parses can be written, and is read back as it was.
#include "fuzz.h"
#include "manifests/bundle.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = manifests::parse_bundle_statement(fuzz::text(data, size));
  if (!manifest) return 0;
  const auto text = manifests::write_bundle_statement(*manifest);
  fuzz::require(text.has_value());
  const auto again = manifests::parse_bundle_statement(*text);
  fuzz::require(again && *again == *manifest);
  return 0;
}
