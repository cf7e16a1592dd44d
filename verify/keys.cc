#include "verify/keys.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "verify/curve.h"
#include "verify/key_der.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

constexpr std::size_t kKeyBytes = crypto_sign_PUBLICKEYBYTES;
constexpr int kMinRsaBits = 2048, kMaxRsaBits = 8192;  // above, one check would cost a hostile file's reader seconds
constexpr int kMaxRsaExponentBits = 32;

const EVP_MD* md_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256: return EVP_sha256();
    case HashAlgorithm::kSha384: return EVP_sha384();
    case HashAlgorithm::kSha512: return EVP_sha512();
  }
  std::unreachable();
}

bool fits(KeyAlgorithm algorithm, SignatureForm form) {
  switch (form) {
    case SignatureForm::kEd25519: return algorithm == KeyAlgorithm::kEd25519;
    case SignatureForm::kEcdsaDer:
    case SignatureForm::kEcdsaRaw: return curve_of(algorithm) != nullptr;
    case SignatureForm::kRsaPss:
    case SignatureForm::kRsaPkcs1: return algorithm == KeyAlgorithm::kRsa;
  }
  std::unreachable();
}

PkeyPtr parse_spki(std::string_view spki) {
  const unsigned char* at = bytes_of(spki);
  PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (at != bytes_of(spki) + spki.size()) key.reset();
  return key;
}

std::string write_spki(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

Bignum number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  return EVP_PKEY_get_bn_param(key, name, &number) == 1 ? Bignum(number) : nullptr;
}

bool set_padding(EVP_PKEY_CTX* ctx, SignatureScheme scheme) {
  switch (scheme.form) {
    case SignatureForm::kEd25519: return false;
    case SignatureForm::kEcdsaDer:
    case SignatureForm::kEcdsaRaw: return true;
    case SignatureForm::kRsaPkcs1: return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    case SignatureForm::kRsaPss:
      return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, scheme.pss_salt_bytes.value_or(RSA_PSS_SALTLEN_AUTO)) == 1;
  }
  std::unreachable();
}

}  // namespace

PublicKey::PublicKey(KeyAlgorithm algorithm, std::size_t bits, std::string raw, std::string der,
                     std::shared_ptr<EVP_PKEY> openssl)
    : algorithm_(algorithm),
      bits_(bits),
      raw_(std::move(raw)),
      der_(std::move(der)),
      key_id_(Digest::of(der_).hex()),
      openssl_(std::move(openssl)) {}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  return from_der(TRY(open_key_pem(pem, kPublicKeyLabel)));
}

Result<PublicKey> PublicKey::from_der(std::string_view spki) {
  if (spki.size() == kEd25519SpkiPrefix.size() + kKeyBytes && spki.starts_with(kEd25519SpkiPrefix))
    return from_raw_ed25519(spki.substr(kEd25519SpkiPrefix.size()));
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384}) {
    const Curve& curve = *curve_of(algorithm);
    if (spki.size() == curve.spki_prefix.size() + 1 + 2 * curve.field_bytes && spki.starts_with(curve.spki_prefix))
      return from_ec_point(algorithm, spki.substr(curve.spki_prefix.size()));
  }
  return from_rsa(spki);
}

Result<PublicKey> PublicKey::from_raw_ed25519(std::string_view bytes) {
  if (bytes.size() != kKeyBytes)
    return fail(Code::kKeyUnreadable,
                "an Ed25519 key of " + std::to_string(bytes.size()) + " bytes, expected 32");
  init_sodium();
  // With a key of small order one signature fits many messages; spelt twice, one key would count as two.
  if (crypto_core_ed25519_is_valid_point(bytes_of(bytes)) != 1)
    return fail(Code::kKeyUnsupported, "an Ed25519 key that is not a canonical point of the main subgroup");
  return PublicKey(KeyAlgorithm::kEd25519, 256, std::string(bytes), std::string(kEd25519SpkiPrefix) + std::string(bytes),
                   nullptr);
}

Result<PublicKey> PublicKey::from_ec_point(KeyAlgorithm algorithm, std::string_view point) {
  const Curve* curve = curve_of(algorithm);
  if (curve == nullptr) return fail(Code::kUsage, std::string(to_string(algorithm)) + " is no curve");
  if (point.size() != 1 + 2 * curve->field_bytes)
    return fail(Code::kKeyUnreadable, "not an uncompressed point of " + std::string(to_string(algorithm)));
  if (point.front() != '\x04') return fail(Code::kKeyUnsupported, "a point in a form other than uncompressed");
  std::string der = std::string(curve->spki_prefix) + std::string(point);
  // OpenSSL refuses a point that is not on the curve, and coordinates at or above the prime; the cofactor is 1.
  PkeyPtr key = parse_spki(der);
  if (!key) return fail(Code::kKeyUnsupported, "a point that is not on the curve of " + std::string(to_string(algorithm)));
  return PublicKey(algorithm, 8 * curve->field_bytes, std::string(point), std::move(der), std::move(key));
}

// Also where every key ends that is none of ours, to be named.
Result<PublicKey> PublicKey::from_rsa(std::string_view spki) {
  PkeyPtr key = parse_spki(spki);
  if (!key) return fail(Code::kKeyUnreadable, "not a public key in DER");
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_RSA) {
    const char* name = EVP_PKEY_get0_type_name(key.get());
    return fail(Code::kKeyUnsupported, "a public key of type " + std::string(name != nullptr ? name : "unknown") +
                                           ", or on a curve or in a form that is not accepted");
  }
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits)
    return fail(Code::kKeyUnsupported, "an RSA key of " + std::to_string(bits) + " bit, accepted are " +
                                           std::to_string(kMinRsaBits) + " to " + std::to_string(kMaxRsaBits));
  const Bignum n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N), e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
  if (!n || !e || BN_is_odd(n.get()) != 1 || BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) ||
      BN_num_bits(e.get()) > kMaxRsaExponentBits)
    return fail(Code::kKeyUnsupported, "an RSA key whose modulus or exponent no RSA key has");
  if (write_spki(key.get()) != spki) return fail(Code::kKeyUnsupported, "an RSA key not spelt as DER has it");
  return PublicKey(KeyAlgorithm::kRsa, static_cast<std::size_t>(bits), {}, std::string(spki), std::move(key));
}

std::string PublicKey::pem() const { return write_key_pem(der_, kPublicKeyLabel); }

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  return verify(message, signature, default_scheme(algorithm_));
}

bool PublicKey::verify(std::string_view message, std::string_view signature, SignatureScheme scheme) const {
  if (!fits(algorithm_, scheme.form)) return false;
  if (scheme.form != SignatureForm::kEd25519)
    return verify_digest(hash_of(scheme.hash, message), signature, scheme);
  // libsodium itself refuses S at or above the group order, and R or A of small order.
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(), bytes_of(raw_)) == 0;
}

bool PublicKey::verify_digest(std::string_view digest, std::string_view signature, SignatureScheme scheme) const {
  if (!fits(algorithm_, scheme.form) || openssl_ == nullptr) return false;
  std::string der;
  if (scheme.form == SignatureForm::kEcdsaRaw) {
    der = ecdsa_der_of_raw(*curve_of(algorithm_), signature);
    signature = der;
  }
  // An RSA signature is as long as the modulus; OpenSSL would take a shorter one for the same number.
  if (signature.empty() || (algorithm_ == KeyAlgorithm::kRsa && signature.size() != (bits_ + 7) / 8)) return false;
  const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(openssl_.get(), nullptr));
  // EVP_PKEY_verify refuses a digest of another length than the hash has, and DER in a second spelling.
  return ctx && EVP_PKEY_verify_init(ctx.get()) == 1 && set_padding(ctx.get(), scheme) &&
         EVP_PKEY_CTX_set_signature_md(ctx.get(), md_of(scheme.hash)) == 1 &&
         EVP_PKEY_verify(ctx.get(), bytes_of(signature), signature.size(), bytes_of(digest), digest.size()) == 1;
}

bool SignedMessage::verified_by(const PublicKey& key, std::string_view signature) {
  return std::ranges::any_of(schemes_of(key.algorithm()), [&](SignatureScheme scheme) {
    if (scheme.form == SignatureForm::kEd25519) return key.verify(message_, signature, scheme);
    std::string& hash = hashes_[static_cast<std::size_t>(scheme.hash)];
    if (hash.empty()) hash = hash_of(scheme.hash, message_);
    return key.verify_digest(hash, signature, scheme);
  });
}

}  // namespace airlock::verify
