// verify/keys: public and private keys, their ids and their PEM forms (docs/formats.md, "Keys").
//
// A key id is the SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex. A key has one spelling only, so that one key
// never counts as two: the SPKI must be exactly what we would write (EC points uncompressed on a named curve, RSA with
// NULL parameters). Ed25519 is libsodium's, strictly: S below the group order, no key that is non-canonical, of small
// order or off the main subgroup. ECDSA (P-256, P-384) and RSA (2048 to 8192 bit, odd exponent from 3 to 2^32, verified
// only) are OpenSSL's; signatures in DER have one spelling, too.
// Errors: kKeyUnreadable (not such a PEM or DER), kKeyUnsupported (a key, but not one we accept).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "base/result.h"
#include "base/signer.h"
#include "verify/scheme.h"

struct evp_pkey_st;

namespace airlock::verify {

class PublicKey {
 public:
  static Result<PublicKey> from_pem(std::string_view pem);             // one PUBLIC KEY block, nothing beside it
  static Result<PublicKey> from_der(std::string_view spki);            // DER SubjectPublicKeyInfo
  static Result<PublicKey> from_raw_ed25519(std::string_view bytes);   // 32 bytes
  // 04 || X || Y (SEC 1), as old TUF metadata has it in hex; kUsage when `curve` is not ECDSA.
  static Result<PublicKey> from_ec_point(KeyAlgorithm curve, std::string_view point);

  KeyAlgorithm algorithm() const { return algorithm_; }
  std::size_t bits() const { return bits_; }                           // of the field, or of the RSA modulus
  const std::string& key_id() const { return key_id_; }
  const std::string& raw() const { return raw_; }   // Ed25519: 32 bytes; ECDSA: 04 || X || Y; RSA: empty
  const std::string& der() const { return der_; }
  std::string pem() const;

  // False for every reason: a signature that does not verify, or a scheme that is not of this key's algorithm.
  bool verify(std::string_view message, std::string_view signature, SignatureScheme scheme) const;
  bool verify(std::string_view message, std::string_view signature) const;  // with default_scheme()
  // The same where only the hash of the message is known. Never true for Ed25519, which signs messages.
  bool verify_digest(std::string_view digest, std::string_view signature, SignatureScheme scheme) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.der_ == b.der_; }

 private:
  PublicKey(KeyAlgorithm algorithm, std::size_t bits, std::string raw, std::string der,
            std::shared_ptr<evp_pkey_st> openssl);
  static Result<PublicKey> from_rsa(std::string_view spki);
  KeyAlgorithm algorithm_;
  std::size_t bits_;
  std::string raw_, der_, key_id_;
  std::shared_ptr<evp_pkey_st> openssl_;  // none for Ed25519; only read after construction
};

// One message under many keys and schemes: each hash of it is computed once, when first needed. The text must outlive it.
class SignedMessage {
 public:
  explicit SignedMessage(std::string_view message) : message_(message) {}
  // By any scheme of schemes_of(key.algorithm()).
  bool verified_by(const PublicKey& key, std::string_view signature);

 private:
  std::string_view message_;
  std::string hashes_[3];  // by HashAlgorithm; empty: not computed yet
};

// Secret bytes, wiped when they go. Move-only; `view()` is for writing them out at once (0600).
class Secret {
 public:
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  std::string_view view() const { return bytes_; }

 private:
  std::string bytes_;
};

// Signs deterministically: same key, same message, same bytes (RFC 8032; RFC 6979 for ECDSA).
class PrivateKey : public Signer {
 public:
  // Ed25519, ECDSA P-256 or P-384; kUsage for RSA, which is verified only.
  static Result<PrivateKey> generate(Entropy& entropy, KeyAlgorithm algorithm = KeyAlgorithm::kEd25519);
  static Result<PrivateKey> from_pem(std::string_view pem);         // one unencrypted PKCS#8 PRIVATE KEY block
  static Result<PrivateKey> from_der(std::string_view pkcs8);
  static Result<PrivateKey> from_seed(std::string_view seed);       // Ed25519: 32 bytes
  // The scalar, big-endian, as long as the field; kKeyUnsupported outside [1, order).
  static Result<PrivateKey> from_ec_scalar(KeyAlgorithm curve, std::string_view scalar);

  Secret pem() const;                                               // PKCS#8
  Secret der() const;
  const PublicKey& public_key() const { return public_key_; }

  std::string key_id() const override { return public_key_.key_id(); }
  std::string raw_public_key() const override { return public_key_.raw(); }
  Result<std::string> sign(std::string_view message) const override;  // with default_scheme()

 private:
  PrivateKey(Secret secret, PublicKey public_key);
  Secret secret_;  // the seed, or the scalar
  PublicKey public_key_;
};

}  // namespace airlock::verify
