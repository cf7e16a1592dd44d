// Whatever a private key file says, opening it costs bounded memory and ends in a key or in one of the known refusals.
#include "fuzz.h"
#include "verify/key_container.h"
#include "verify/key_import.h"

using namespace airlock;

namespace {

template <class T>
bool known(const Result<T>& result) {
  if (result) return true;
  const Code code = result.error().code;
  return code == Code::kKeyContainer || code == Code::kKeyPassphrase || code == Code::kKeyUnreadable || code == Code::kKeyUnsupported;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  fuzz::require(known(verify::open_container(input, "passphrase")));
  fuzz::require(known(verify::open_encrypted_key(input, "passphrase")));
  const auto imported = verify::import_private_key(input);
  fuzz::require(known(imported));
  if (imported) {  // what was read once is read again, as the same key
    const auto again = verify::import_private_key_der(imported->pkcs8.view());
    fuzz::require(again && again->key_id() == imported->key_id());
  }
  return 0;
}
