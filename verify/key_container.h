// verify/key_container: private keys under a passphrase, in the container of `cosign generate-key-pair`.
//
// PEM "ENCRYPTED SIGSTORE PRIVATE KEY" (older: "ENCRYPTED COSIGN PRIVATE KEY") around JSON: {"kdf": {"name": "scrypt",
// "params": {N, r, p}, "salt"}, "cipher": {"name": "nacl/secretbox", "nonce"}, "ciphertext"}; inside, PKCS#8 DER. The
// form is go-securesystemslib's `encrypted` package. Of scrypt's costs only those its writers use are taken (r 8, p 1, N
// 2^15 to 2^17, 128 MiB at most): a weaker one gives the key away, a larger one eats the reader's memory.
// Errors: kKeyContainer (not such a container), kKeyPassphrase (it does not open), and those of PrivateKey.
#pragma once

#include <string>
#include <string_view>

#include "verify/keys.h"

namespace airlock::verify {

// True for both PEM labels; looks at nothing else.
bool is_encrypted_key(std::string_view pem);

Result<PrivateKey> open_encrypted_key(std::string_view pem, std::string_view passphrase);
// "ENCRYPTED SIGSTORE PRIVATE KEY" with N = 65536, as cosign writes it.
Result<std::string> write_encrypted_key(std::string_view pkcs8, std::string_view passphrase, Entropy& entropy);

// The JSON alone, around any bytes.
Result<Secret> open_container(std::string_view json, std::string_view passphrase);
Result<std::string> write_container(std::string_view plaintext, std::string_view passphrase, Entropy& entropy);

}  // namespace airlock::verify
