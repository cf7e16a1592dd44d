// An envelope that parses has one canonical form, and never verifies under a key that did not sign it.
#include "fuzz.h"
#include "verify/dsse.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<verify::PublicKey> keys = {
      verify::PrivateKey::from_seed("a key that has never signed....!").value().public_key()};
  const auto envelope = verify::parse_envelope(fuzz::text(data, size));
  if (!envelope) return 0;
  const std::string text = verify::write_envelope(*envelope);
  const auto again = verify::parse_envelope(text);
  fuzz::require(again && verify::write_envelope(*again) == text && again->payload == envelope->payload);
  fuzz::require(!verify::verify_envelope(*envelope, keys, 1, envelope->payload_type));
  return 0;
}
