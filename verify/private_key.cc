#include <openssl/core_names.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "verify/curve.h"
#include "verify/key_der.h"
#include "verify/keys.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

constexpr std::size_t kSeedBytes = crypto_sign_SEEDBYTES;
using Pkcs8 = OpensslPtr<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

// libsodium's 64 bytes of seed and point, wiped when they go.
struct SodiumKey {
  explicit SodiumKey(std::string_view seed) {
    init_sodium();
    crypto_sign_seed_keypair(point.data(), secret.data(), bytes_of(seed));
  }
  ~SodiumKey() { sodium_memzero(secret.data(), secret.size()); }
  SodiumKey(const SodiumKey&) = delete;
  SodiumKey& operator=(const SodiumKey&) = delete;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> point{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
};

Result<KeyAlgorithm> curve_named(std::string_view group) {
  if (group == "prime256v1") return KeyAlgorithm::kEcdsaP256;
  if (group == "secp384r1") return KeyAlgorithm::kEcdsaP384;
  return fail(Code::kKeyUnsupported, "a private key on the curve " + std::string(group.substr(0, 40)));
}

// RFC 5915 leaves the public point out, or in: when it is there it must be the one that belongs to the scalar.
Result<PrivateKey> read_ec(EVP_PKEY* pkey) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_group_name(pkey, group.data(), group.size(), nullptr) != 1)
    return fail(Code::kKeyUnsupported, "a private key on an unnamed curve");
  const KeyAlgorithm algorithm = TRY(curve_named(group.data()));
  const Curve& curve = *curve_of(algorithm);
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    return fail(Code::kKeyUnreadable, "a private key without its number");
  const Bignum owned(number);
  std::string scalar(curve.field_bytes, '\0');
  if (BN_bn2binpad(number, bytes_of(scalar), static_cast<int>(scalar.size())) < 0)
    return fail(Code::kKeyUnsupported, "a private number out of the range of its curve");
  const Secret wiped(std::move(scalar));
  PrivateKey key = TRY(PrivateKey::from_ec_scalar(algorithm, wiped.view()));
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(pkey, &der);
  const std::string claimed(reinterpret_cast<const char*>(der), static_cast<std::size_t>(std::max(size, 0)));
  OPENSSL_free(der);
  if (claimed.size() == key.public_key().der().size() && claimed != key.public_key().der())
    return fail(Code::kKeyUnsupported, "a private key whose public half belongs to another");
  return key;
}

}  // namespace

Secret::~Secret() { sodium_memzero(bytes_.data(), bytes_.size()); }

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {
  // A short string is copied by a move, not handed over.
  sodium_memzero(other.bytes_.data(), other.bytes_.capacity());
  other.bytes_.clear();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

PrivateKey::PrivateKey(Secret secret, PublicKey public_key)
    : secret_(std::move(secret)), public_key_(std::move(public_key)) {}

Result<PrivateKey> PrivateKey::from_seed(std::string_view seed) {
  if (seed.size() != kSeedBytes)
    return fail(Code::kKeyUnreadable,
                "an Ed25519 seed of " + std::to_string(seed.size()) + " bytes, expected 32");
  const SodiumKey pair(seed);
  PublicKey key =
      TRY(PublicKey::from_raw_ed25519({reinterpret_cast<const char*>(pair.point.data()), pair.point.size()}));
  return PrivateKey(Secret(std::string(seed)), std::move(key));
}

Result<PrivateKey> PrivateKey::from_ec_scalar(KeyAlgorithm algorithm, std::string_view scalar) {
  const Curve* curve = curve_of(algorithm);
  if (curve == nullptr) return fail(Code::kUsage, std::string(to_string(algorithm)) + " is no curve");
  PublicKey key = TRY(PublicKey::from_ec_point(algorithm, TRY(ec_point(*curve, scalar))));
  return PrivateKey(Secret(std::string(scalar)), std::move(key));
}

Result<PrivateKey> PrivateKey::generate(Entropy& entropy, KeyAlgorithm algorithm) {
  if (algorithm == KeyAlgorithm::kRsa)
    return fail(Code::kUsage, "airlock makes no RSA keys; it only verifies with them");
  const Curve* curve = curve_of(algorithm);
  if (curve == nullptr) {
    const Secret seed(entropy.bytes(kSeedBytes));
    return from_seed(seed.view());
  }
  // FIPS 186-5 A.2.2: draw until the number is in range, so that each is as likely as any other. One draw in 2^32 is
  // not; a hundred in a row are no chance but a broken source.
  for (int draw = 0; draw < 100; ++draw) {
    const Secret scalar(entropy.bytes(curve->field_bytes));
    auto key = from_ec_scalar(algorithm, scalar.view());
    if (key || key.error().code != Code::kKeyUnsupported) return key;
  }
  return fail(Code::kInternal, "the source of randomness gives no usable number");
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const Secret der(TRY(open_key_pem(pem, kPrivateKeyLabel)));
  return from_der(der.view());
}

Result<PrivateKey> PrivateKey::from_der(std::string_view pkcs8) {
  if (pkcs8.size() == kEd25519Pkcs8Prefix.size() + kSeedBytes && pkcs8.starts_with(kEd25519Pkcs8Prefix))
    return from_seed(pkcs8.substr(kEd25519Pkcs8Prefix.size()));
  const unsigned char* at = bytes_of(pkcs8);
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(pkcs8.size())));
  if (!info || at != bytes_of(pkcs8) + pkcs8.size()) return fail(Code::kKeyUnreadable, "not a PKCS#8 private key in DER");
  const PkeyPtr key(EVP_PKCS82PKEY(info.get()));
  if (!key) return fail(Code::kKeyUnreadable, "a PKCS#8 private key whose inside cannot be read");
  if (EVP_PKEY_get_id(key.get()) == EVP_PKEY_EC) return read_ec(key.get());
  const char* name = EVP_PKEY_get0_type_name(key.get());
  return fail(Code::kKeyUnsupported, "a private key of type " + std::string(name != nullptr ? name : "unknown"));
}

Secret PrivateKey::der() const {
  std::string der;
  der.reserve(256);  // once: growing would leave copies of the secret behind
  if (const Curve* curve = curve_of(public_key_.algorithm()))
    der.append(curve->pkcs8_prefix).append(secret_.view()).append(curve->pkcs8_middle).append(public_key_.raw());
  else
    der.append(kEd25519Pkcs8Prefix).append(secret_.view());
  return Secret(std::move(der));
}

Secret PrivateKey::pem() const {
  const Secret wiped = der();
  return Secret(write_key_pem(wiped.view(), kPrivateKeyLabel));
}

Result<std::string> PrivateKey::sign(std::string_view message) const {
  if (const Curve* curve = curve_of(public_key_.algorithm()))
    return ecdsa_sign(*curve, secret_.view(), hash_of(curve->hash, message));
  const SodiumKey pair(secret_.view());
  std::string signature(crypto_sign_BYTES, '\0');
  if (crypto_sign_detached(bytes_of(signature), nullptr, bytes_of(message), message.size(), pair.secret.data()) != 0)
    return fail(Code::kInternal, "Ed25519 signing failed");
  return signature;
}

}  // namespace airlock::verify
