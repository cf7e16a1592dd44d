// verify/key_der: what public and private keys share: armour, fixed DER prefixes, the start of libsodium.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::verify {

inline constexpr std::string_view kPublicKeyLabel = "PUBLIC KEY", kPrivateKeyLabel = "PRIVATE KEY";

// RFC 8410: the only DER forms of an Ed25519 key without optional parts, each followed by 32 bytes.
inline constexpr std::string_view kEd25519SpkiPrefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
inline constexpr std::string_view kEd25519Pkcs8Prefix(
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);

// The DER inside one PEM block with this label. kKeyUnreadable; kKeyUnsupported for a private key in other armour.
Result<std::string> open_key_pem(std::string_view pem, std::string_view label);
std::string write_key_pem(std::string_view der, std::string_view label);

void init_sodium();  // before the first use of libsodium; any number of times, from any thread

}  // namespace airlock::verify
