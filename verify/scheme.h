// verify/scheme: which signatures a key can make: algorithm, form and hash (docs/formats.md, "Keys").
//
// A key is used for one algorithm; how a signature is spelt (DER or r || s, PSS or PKCS #1 v1.5) and which hash went
// before it is a matter of the format around it. TUF and Sigstore name it; DSSE and detached files do not, and there
// every scheme of schemes_of() may be meant: the same key vouches for the same bytes under each of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::verify {

enum class KeyAlgorithm { kEd25519, kEcdsaP256, kEcdsaP384, kRsa };
std::string_view to_string(KeyAlgorithm algorithm);                  // "ed25519", "ecdsa-p256", "ecdsa-p384", "rsa"
Result<KeyAlgorithm> parse_key_algorithm(std::string_view text);     // kUsage

enum class HashAlgorithm { kSha256, kSha384, kSha512 };
std::string hash_of(HashAlgorithm algorithm, std::string_view message);  // raw bytes

enum class SignatureForm {
  kEd25519,    // RFC 8032, 64 bytes; not the prehashed variant
  kEcdsaDer,   // SEQUENCE { r, s } in DER (RFC 3279)
  kEcdsaRaw,   // r || s, each as long as the field (IEEE P1363)
  kRsaPss,     // RFC 8017, MGF1 with the same hash
  kRsaPkcs1,   // RFC 8017, PKCS #1 v1.5
};

struct SignatureScheme {
  SignatureForm form;
  HashAlgorithm hash;                    // Ed25519 has SHA-512 inside
  std::optional<int> pss_salt_bytes{};   // RSA-PSS: this long and no other; none: any, as signers differ
  friend bool operator==(const SignatureScheme&, const SignatureScheme&) = default;
};

inline constexpr SignatureScheme kEd25519{SignatureForm::kEd25519, HashAlgorithm::kSha512};
inline constexpr SignatureScheme kEcdsaSha256{SignatureForm::kEcdsaDer, HashAlgorithm::kSha256};
inline constexpr SignatureScheme kEcdsaSha384{SignatureForm::kEcdsaDer, HashAlgorithm::kSha384};
inline constexpr SignatureScheme kRsaPssSha256{SignatureForm::kRsaPss, HashAlgorithm::kSha256};
inline constexpr SignatureScheme kRsaPkcs1Sha256{SignatureForm::kRsaPkcs1, HashAlgorithm::kSha256};

// What a format means that names no scheme: Ed25519; ECDSA in DER with the hash of the curve's size; RSA-PSS, SHA-256.
SignatureScheme default_scheme(KeyAlgorithm algorithm);

// All that airlock accepts where the format names no scheme, the default first.
std::span<const SignatureScheme> schemes_of(KeyAlgorithm algorithm);

}  // namespace airlock::verify
