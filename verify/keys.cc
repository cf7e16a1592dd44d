#include "verify/keys.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/digest.h"
#include "manifests/pem.h"

namespace airlock::verify {
namespace {

// RFC 8410: the only DER forms of an Ed25519 key without optional parts, each followed by 32 bytes.
constexpr std::string_view kSpkiPrefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
constexpr std::string_view kPkcs8Prefix("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
                                        16);
constexpr std::size_t kKeyBytes = 32;
static_assert(kKeyBytes == crypto_sign_PUBLICKEYBYTES && kKeyBytes == crypto_sign_SEEDBYTES);

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Pkey = std::unique_ptr<EVP_PKEY, PkeyFree>;

// Names the algorithm of a key that is not ours, so that the refusal can say what it was; it ended at `end`.
std::unexpected<Error> refuse_key(const Pkey& key, std::string_view kind, std::string_view der,
                                  const unsigned char* end) {
  if (!key || end != bytes_of(der) + der.size())
    return fail(Code::kKeyUnreadable, "not a " + std::string(kind) + " in DER");
  const char* name = EVP_PKEY_get0_type_name(key.get());
  return fail(Code::kKeyUnsupported, std::string(kind) + " of type " + (name != nullptr ? name : "unknown"));
}

Result<std::string> open_pem(std::string_view pem, std::string_view label) {
  const auto found = manifests::pem_label(pem);
  if (!found) return fail(Code::kKeyUnreadable, found.error().context);
  if (*found != label) {
    // Other armour of private keys: they are keys, but not ones we read.
    const bool other_key = found->ends_with("PRIVATE KEY") && label.ends_with("PRIVATE KEY");
    return fail(other_key ? Code::kKeyUnsupported : Code::kKeyUnreadable,
                "a PEM block \"" + *found + "\", expected \"" + std::string(label) + "\"");
  }
  auto der = manifests::pem_to_der(pem, label);
  if (!der) return fail(Code::kKeyUnreadable, der.error().context);
  return der;
}

void init_sodium() {
  static const int ready = sodium_init();
  (void)ready;  // fails only without a source of randomness, which nothing here draws from
}

}  // namespace

std::string_view to_string(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEd25519: return "ed25519";
  }
  std::unreachable();
}

PublicKey::PublicKey(KeyAlgorithm algorithm, std::string raw, std::string der)
    : algorithm_(algorithm), raw_(std::move(raw)), der_(std::move(der)), key_id_(Digest::of(der_).hex()) {}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  return from_der(TRY(open_pem(pem, "PUBLIC KEY")));
}

Result<PublicKey> PublicKey::from_der(std::string_view spki) {
  if (spki.size() == kSpkiPrefix.size() + kKeyBytes && spki.starts_with(kSpkiPrefix))
    return from_raw_ed25519(spki.substr(kSpkiPrefix.size()));
  const unsigned char* at = bytes_of(spki);
  const Pkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  return refuse_key(key, "public key", spki, at);
}

Result<PublicKey> PublicKey::from_raw_ed25519(std::string_view bytes) {
  if (bytes.size() != kKeyBytes)
    return fail(Code::kKeyUnreadable,
                "an Ed25519 key of " + std::to_string(bytes.size()) + " bytes, expected 32");
  init_sodium();
  // With a key of small order one signature fits many messages; spelt twice, one key would count as two.
  if (crypto_core_ed25519_is_valid_point(bytes_of(bytes)) != 1)
    return fail(Code::kKeyUnsupported, "an Ed25519 key that is not a canonical point of the main subgroup");
  return PublicKey(KeyAlgorithm::kEd25519, std::string(bytes), std::string(kSpkiPrefix) + std::string(bytes));
}

std::string PublicKey::pem() const { return manifests::der_to_pem(der_, "PUBLIC KEY"); }

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  switch (algorithm_) {
    case KeyAlgorithm::kEd25519:
      // libsodium itself refuses S at or above the group order, and R or A of small order.
      return signature.size() == crypto_sign_BYTES &&
             crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(),
                                         bytes_of(raw_)) == 0;
  }
  std::unreachable();
}

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

PrivateKey::PrivateKey(Secret seed, PublicKey public_key)
    : seed_(std::move(seed)), public_key_(std::move(public_key)) {}

Result<PrivateKey> PrivateKey::from_seed(std::string_view seed) {
  if (seed.size() != kKeyBytes)
    return fail(Code::kKeyUnreadable,
                "an Ed25519 seed of " + std::to_string(seed.size()) + " bytes, expected 32");
  init_sodium();
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> point{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
  crypto_sign_seed_keypair(point.data(), secret.data(), bytes_of(seed));
  sodium_memzero(secret.data(), secret.size());
  PublicKey key =
      TRY(PublicKey::from_raw_ed25519({reinterpret_cast<const char*>(point.data()), point.size()}));
  return PrivateKey(Secret(std::string(seed)), std::move(key));
}

Result<PrivateKey> PrivateKey::generate(Entropy& entropy) {
  const Secret seed(entropy.bytes(kKeyBytes));
  return from_seed(seed.view());
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const Secret der(TRY(open_pem(pem, "PRIVATE KEY")));
  return from_der(der.view());
}

Result<PrivateKey> PrivateKey::from_der(std::string_view pkcs8) {
  if (pkcs8.size() == kPkcs8Prefix.size() + kKeyBytes && pkcs8.starts_with(kPkcs8Prefix))
    return from_seed(pkcs8.substr(kPkcs8Prefix.size()));
  const unsigned char* at = bytes_of(pkcs8);
  const Pkey key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size())));
  return refuse_key(key, "private key", pkcs8, at);
}

Secret PrivateKey::pem() const {
  std::string der;
  der.reserve(kPkcs8Prefix.size() + kKeyBytes);
  der += kPkcs8Prefix;
  der += seed_.view();
  const Secret wiped(std::move(der));
  return Secret(manifests::der_to_pem(wiped.view(), "PRIVATE KEY"));
}

Result<std::string> PrivateKey::sign(std::string_view message) const {
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> point{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  crypto_sign_seed_keypair(point.data(), secret.data(), bytes_of(seed_.view()));
  const int failed =
      crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(), secret.data());
  sodium_memzero(secret.data(), secret.size());
  if (failed != 0) return fail(Code::kInternal, "Ed25519 signing failed");
  return std::string(reinterpret_cast<const char*>(signature.data()), signature.size());
}

}  // namespace airlock::verify
