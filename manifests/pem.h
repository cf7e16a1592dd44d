// manifests/pem: the text armour of keys (RFC 7468), one block a text, strict.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::manifests {

// The label of the first BEGIN line, e.g. "PUBLIC KEY". kField when there is none.
Result<std::string> pem_label(std::string_view pem);

// The DER bytes inside the one block with this label. Nothing but white space may stand around the block, nothing but
// base64 lines in it. kField otherwise. The bytes may be secret: what is copied on the way is wiped.
Result<std::string> pem_to_der(std::string_view pem, std::string_view label);

// Lines of 64 characters, a line feed at the end of each.
std::string der_to_pem(std::string_view der, std::string_view label);

}  // namespace airlock::manifests
