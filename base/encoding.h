// base/encoding: hex and base64 (RFC 4648), strict: what decodes has exactly one spelling.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock {

std::string to_hex(std::string_view bytes);                // lower case
Result<std::string> from_hex(std::string_view text);       // lower case only
std::string to_base64(std::string_view bytes);             // standard alphabet, padded

// Standard or URL-safe alphabet, never mixed; padded; no white space; unused bits must be zero.
Result<std::string> from_base64(std::string_view text);
// The same, into the memory of the text: for megabytes of it.
Result<std::string> from_base64_in_place(std::string text);

}  // namespace airlock
