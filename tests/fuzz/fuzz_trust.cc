// A trust-roots document that parses can be written, and is read back as it was.
#include "fuzz.h"
#include "manifests/trust_roots.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto roots = manifests::parse_trust_roots(fuzz::text(data, size));
  if (!roots) return 0;
  const auto text = manifests::write_trust_roots(*roots);
  fuzz::require(text.has_value());
  const auto again = manifests::parse_trust_roots(*text);
  fuzz::require(again && *again == *roots);
  return 0;
}
