#include "verify/key_der.h"

#include <sodium.h>

#include "manifests/pem.h"

namespace airlock::verify {

Result<std::string> open_key_pem(std::string_view pem, std::string_view label) {
  const auto found = manifests::pem_label(pem);
  if (!found) return fail(Code::kKeyUnreadable, found.error().context);
  if (*found != label) {
    // Other armour of private keys: they are keys, but not ones we read.
    const bool other_key = found->ends_with("PRIVATE KEY") && label.ends_with("PRIVATE KEY");
    return fail(other_key ? Code::kKeyUnsupported : Code::kKeyUnreadable,
                "a PEM block \"" + *found + "\", expected \"" + std::string(label) + "\"");
  }
  auto der = manifests::pem_to_der(pem, label);
  if (!der) return fail(Code::kKeyUnreadable, der.error().context);
  return der;
}

std::string write_key_pem(std::string_view der, std::string_view label) { return manifests::der_to_pem(der, label); }

void init_sodium() {
  static const int ready = sodium_init();
  (void)ready;  // fails only without a source of randomness, which nothing here draws from
}

}  // namespace airlock::verify
