// verify/sigstore/signing_key: the public keys that occur in the Sigstore world, and what they sign.
//
// A key is an SPKI (or, in trusted roots, a PKCS#1 RSA key) of ECDSA P-256, P-384, P-521, RSA of 2048 bits or more
// (PKCS#1 v1.5), or Ed25519. verify/keys.h knows the keys that may sign airlock's own documents; here the hash goes with
// the artifact as well as with the key, and a signature may have to be checked against a digest alone.
// Errors: kKeyUnreadable, kKeyUnsupported.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace airlock::verify::sigstore {

enum class Hash { kSha256, kSha384, kSha512 };
std::string_view to_string(Hash hash);  // "sha256"
// "sha256" or "SHA2_256", and so on; absent for anything else, weaker ones among them.
std::optional<Hash> parse_hash(std::string_view name);
std::string digest_of(Hash hash, std::string_view bytes);
std::size_t digest_size(Hash hash);

// What was signed: all of it, or only its digest.
struct Signed {
  std::optional<std::string_view> bytes;
  std::optional<std::pair<Hash, std::string>> digest;
  // The digest in that algorithm, computed or given; absent when only another one is known.
  std::optional<std::string> in(Hash hash) const;
};

class SigningKey {
 public:
  static Result<SigningKey> from_spki(std::string_view der);
  static Result<SigningKey> from_pkcs1(std::string_view der);
  static Result<SigningKey> from_pem(std::string_view pem);  // PUBLIC KEY

  const std::string& spki() const { return spki_; }
  Hash usual_hash() const { return usual_hash_; }  // the one that goes with the key
  bool is_ed25519() const { return ed25519_; }

  // `hash` is not looked at for Ed25519, which signs the bytes themselves: a digest alone is then not enough.
  bool verify(const Signed& what, Hash hash, std::string_view signature) const;
  bool verify(std::string_view bytes, std::string_view signature) const { return verify({bytes, std::nullopt}, usual_hash_, signature); }

  friend bool operator==(const SigningKey& a, const SigningKey& b) { return a.spki_ == b.spki_; }

 private:
  static Result<SigningKey> from_pkey(std::shared_ptr<evp_pkey_st> key);
  SigningKey(std::shared_ptr<evp_pkey_st> key, std::string spki, Hash usual_hash, bool ed25519)
      : key_(std::move(key)), spki_(std::move(spki)), usual_hash_(usual_hash), ed25519_(ed25519) {}
  std::shared_ptr<evp_pkey_st> key_;
  std::string spki_;
  Hash usual_hash_;
  bool ed25519_;
};

}  // namespace airlock::verify::sigstore
