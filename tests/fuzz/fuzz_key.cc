// A PEM that is a key gives the same key when it is written and read again.
#include "fuzz.h"
#include "verify/keys.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  if (const auto key = verify::PublicKey::from_pem(input)) {
    fuzz::require(verify::PublicKey::from_pem(key->pem()).value() == *key);
    fuzz::require(verify::PublicKey::from_der(key->der()).value() == *key);
  }
  if (const auto key = verify::PrivateKey::from_pem(input)) {
    const auto again = verify::PrivateKey::from_pem(key->pem().view());
    fuzz::require(again && again->key_id() == key->key_id());
    fuzz::require(key->public_key().verify("m", key->sign("m").value()));
  }
  (void)verify::PublicKey::from_der(input);   // must only not crash
  (void)verify::PrivateKey::from_der(input);  // likewise
  return 0;
}
