// verify/keys: public and private keys, their ids and their PEM forms (docs/formats.md, "Trust roots").
//
// A key id is the SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex. Ed25519 is verified by libsodium, strictly:
// 64-byte signatures, S below the group order, and no key that is non-canonical, of small order or off the main
// subgroup can become a PublicKey. The algorithm stands behind one enum: another one is a new row here and in keys.cc.
// Errors: kKeyUnreadable (not such a PEM or DER), kKeyUnsupported (a key, but not one we accept).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "base/result.h"
#include "base/signer.h"

namespace airlock::verify {

enum class KeyAlgorithm { kEd25519 };
std::string_view to_string(KeyAlgorithm algorithm);  // "ed25519"

class PublicKey {
 public:
  static Result<PublicKey> from_pem(std::string_view pem);             // one PUBLIC KEY block, nothing beside it
  static Result<PublicKey> from_der(std::string_view spki);            // DER SubjectPublicKeyInfo
  static Result<PublicKey> from_raw_ed25519(std::string_view bytes);   // 32 bytes

  KeyAlgorithm algorithm() const { return algorithm_; }
  const std::string& key_id() const { return key_id_; }
  const std::string& raw() const { return raw_; }                      // Ed25519: the 32 bytes of the point
  const std::string& der() const { return der_; }
  std::string pem() const;

  bool verify(std::string_view message, std::string_view signature) const;

  friend bool operator==(const PublicKey& a, const PublicKey& b) { return a.der_ == b.der_; }

 private:
  PublicKey(KeyAlgorithm algorithm, std::string raw, std::string der);
  KeyAlgorithm algorithm_;
  std::string raw_, der_, key_id_;
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

class PrivateKey : public Signer {
 public:
  static Result<PrivateKey> generate(Entropy& entropy);             // Ed25519
  static Result<PrivateKey> from_pem(std::string_view pem);         // one unencrypted PKCS#8 PRIVATE KEY block
  static Result<PrivateKey> from_der(std::string_view pkcs8);
  static Result<PrivateKey> from_seed(std::string_view seed);       // 32 bytes

  Secret pem() const;                                               // PKCS#8
  const PublicKey& public_key() const { return public_key_; }

  std::string key_id() const override { return public_key_.key_id(); }
  std::string raw_public_key() const override { return public_key_.raw(); }
  Result<std::string> sign(std::string_view message) const override;

 private:
  PrivateKey(Secret seed, PublicKey public_key);
  Secret seed_;
  PublicKey public_key_;
};

}  // namespace airlock::verify
