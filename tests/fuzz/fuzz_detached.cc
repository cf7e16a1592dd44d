// Files of detached signatures: nothing but what a key signed verifies, and every public key file that is read gives the
// same key again when it is written.
#include "fuzz.h"
#include "verify/detached.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  if (const auto key = verify::DetachedKey::parse(input)) {
    const auto pem = verify::write_detached_key(key->key(), verify::DetachedForm::kRaw);
    fuzz::require(verify::read_public_key(*pem).value() == key->key());
  }
  static const auto ours = verify::PrivateKey::from_seed("a key that has never signed....!").value().public_key();
  static const auto checker =
      verify::DetachedKey::parse(verify::write_detached_key(ours, verify::DetachedForm::kMinisign).value()).value();
  fuzz::require(!verify::verify_detached(checker, input, "data"));
  static const auto raw = verify::DetachedKey::parse(ours.pem()).value();
  fuzz::require(!verify::verify_detached(raw, input, "data"));
  return 0;
}
