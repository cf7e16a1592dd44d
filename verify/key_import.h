// verify/key_import: private keys of other tools, in the older PEM forms, become PKCS#8.
//
// Read: "PRIVATE KEY" (PKCS#8), "EC PRIVATE KEY" (SEC 1), "RSA PRIVATE KEY" (PKCS #1), unencrypted, one block, checked
// for consistency. Taken are the keys that `cosign import-key-pair` takes, so that one container can hold what a
// publisher has: Ed25519, ECDSA P-256/P-384/P-521, RSA of 2048 to 4096 bit. airlock itself signs with the first three
// of these kinds only (PrivateKey::from_der says so of the others).
// Errors: kKeyUnreadable (no such block, damaged, inconsistent), kKeyUnsupported (a key of another kind or size).
#pragma once

#include <string>
#include <string_view>

#include "verify/keys.h"

namespace airlock::verify {

struct ImportedKey {
  std::string algorithm;    // "ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048" ...
  Secret pkcs8;             // DER
  std::string public_der;   // SubjectPublicKeyInfo
  bool airlock_signs;       // false: other tools can use it, airlock cannot
  std::string key_id() const;
  std::string public_pem() const;
};

Result<ImportedKey> import_private_key(std::string_view pem);
Result<ImportedKey> import_private_key_der(std::string_view pkcs8);

}  // namespace airlock::verify
