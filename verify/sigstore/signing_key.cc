#include "verify/sigstore/signing_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "manifests/pem.h"

namespace airlock::verify::sigstore {
namespace {

constexpr int kLeastRsaBits = 2048;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

const EVP_MD* md_of(Hash hash) {
  switch (hash) {
    case Hash::kSha256: return EVP_sha256();
    case Hash::kSha384: return EVP_sha384();
    case Hash::kSha512: return EVP_sha512();
  }
  std::unreachable();
}

std::string spki_of(EVP_PKEY* key) {
  unsigned char* out = nullptr;
  const int size = i2d_PUBKEY(key, &out);
  if (size < 0) return {};
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

bool verify_ed25519(EVP_PKEY* key, std::string_view bytes, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes), bytes.size()) == 1;
}

bool verify_digest(EVP_PKEY* key, Hash hash, std::string_view digest, std::string_view signature) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) return false;
  return EVP_PKEY_CTX_set_signature_md(context.get(), md_of(hash)) == 1 &&
         EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest), digest.size()) == 1;
}

}  // namespace

std::string_view to_string(Hash hash) {
  switch (hash) {
    case Hash::kSha256: return "sha256";
    case Hash::kSha384: return "sha384";
    case Hash::kSha512: return "sha512";
  }
  std::unreachable();
}

std::optional<Hash> parse_hash(std::string_view name) {
  if (name == "sha256" || name == "SHA2_256") return Hash::kSha256;
  if (name == "sha384" || name == "SHA2_384") return Hash::kSha384;
  if (name == "sha512" || name == "SHA2_512") return Hash::kSha512;
  return std::nullopt;
}

std::string digest_of(Hash hash, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, md_of(hash), nullptr) != 1) return {};
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::size_t digest_size(Hash hash) { return static_cast<std::size_t>(EVP_MD_get_size(md_of(hash))); }

std::optional<std::string> Signed::in(Hash hash) const {
  if (bytes) return digest_of(hash, *bytes);
  if (digest && digest->first == hash) return digest->second;
  return std::nullopt;
}

Result<SigningKey> SigningKey::from_pkey(std::shared_ptr<evp_pkey_st> key) {
  ERR_clear_error();
  std::string spki = spki_of(key.get());
  const int bits = EVP_PKEY_get_bits(key.get());
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_ED25519: return SigningKey(std::move(key), std::move(spki), Hash::kSha512, true);
    case EVP_PKEY_RSA:
      if (bits < kLeastRsaBits) return fail(Code::kKeyUnsupported, "an RSA key of " + std::to_string(bits) + " bits");
      return SigningKey(std::move(key), std::move(spki), Hash::kSha256, false);
    case EVP_PKEY_EC: {
      std::array<char, 32> group{};
      if (EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1) break;
      const std::string_view name(group.data());
      if (name == "prime256v1") return SigningKey(std::move(key), std::move(spki), Hash::kSha256, false);
      if (name == "secp384r1") return SigningKey(std::move(key), std::move(spki), Hash::kSha384, false);
      if (name == "secp521r1") return SigningKey(std::move(key), std::move(spki), Hash::kSha512, false);
      return fail(Code::kKeyUnsupported, "an elliptic curve key on " + std::string(name));
    }
    default: break;
  }
  return fail(Code::kKeyUnsupported, "neither ECDSA, RSA nor Ed25519");
}

Result<SigningKey> SigningKey::from_spki(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  std::shared_ptr<evp_pkey_st> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
  ERR_clear_error();
  if (!key || at != bytes_of(der) + der.size()) return fail(Code::kKeyUnreadable, "not a public key in DER");
  return from_pkey(std::move(key));
}

Result<SigningKey> SigningKey::from_pkcs1(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  std::shared_ptr<evp_pkey_st> key(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
  ERR_clear_error();
  if (!key || at != bytes_of(der) + der.size()) return fail(Code::kKeyUnreadable, "not an RSA public key in DER");
  return from_pkey(std::move(key));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const auto der = manifests::pem_to_der(pem, "PUBLIC KEY");
  if (!der) return fail(Code::kKeyUnreadable, der.error().context);
  return from_spki(*der);
}

bool SigningKey::verify(const Signed& what, Hash hash, std::string_view signature) const {
  bool holds = false;
  if (ed25519_) {
    holds = what.bytes && verify_ed25519(key_.get(), *what.bytes, signature);
  } else if (const auto digest = what.in(hash)) {
    holds = verify_digest(key_.get(), hash, *digest, signature);
  }
  ERR_clear_error();
  return holds;
}

}  // namespace airlock::verify::sigstore
