#include "verify/key_import.h"

#include <array>
#include <optional>

#include "base/digest.h"
#include "manifests/pem.h"
#include "verify/key_der.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

using Pkcs8 = OpensslPtr<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
constexpr int kMinRsaBits = 2048, kMaxRsaBits = 4096;

PkeyPtr parse_der(std::string_view label, std::string_view der) {
  const unsigned char* at = bytes_of(der);
  PkeyPtr key;
  if (label == kPrivateKeyLabel) {
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
    if (info) key.reset(EVP_PKCS82PKEY(info.get()));
  } else {
    key.reset(d2i_PrivateKey(label == "EC PRIVATE KEY" ? EVP_PKEY_EC : EVP_PKEY_RSA, nullptr, &at,
                             static_cast<long>(der.size())));
  }
  if (at != bytes_of(der) + der.size()) key.reset();  // bytes behind it
  return key;
}

// The name of a kind that is taken; nullopt: another kind, curve or size.
std::optional<std::string> algorithm_of(EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_id(key), bits = EVP_PKEY_get_bits(key);
  if (kind == EVP_PKEY_ED25519) return "ed25519";
  if (kind == EVP_PKEY_RSA && bits >= kMinRsaBits && bits <= kMaxRsaBits) return "rsa-" + std::to_string(bits);
  std::array<char, 64> group{};
  if (kind != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) return std::nullopt;
  const std::string_view name = group.data();
  if (name == "prime256v1") return "ecdsa-p256";
  if (name == "secp384r1") return "ecdsa-p384";
  if (name == "secp521r1") return "ecdsa-p521";
  return std::nullopt;
}

bool consistent(EVP_PKEY* key) {
  if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return true;  // any 32 bytes are a seed
  const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(key, nullptr));
  return ctx && EVP_PKEY_pairwise_check(ctx.get()) == 1 && EVP_PKEY_private_check(ctx.get()) == 1;
}

template <class T, auto Write>
std::string der_of(T* object) {
  unsigned char* der = nullptr;
  const int size = Write(object, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  return out;
}

Result<ImportedKey> import_block(std::string_view label, std::string_view der) {
  const PkeyPtr key = parse_der(label, der);
  if (!key) return fail(Code::kKeyUnreadable, "the inside of a \"" + std::string(label) + "\" cannot be read");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm) {
    const char* name = EVP_PKEY_get0_type_name(key.get());
    return fail(Code::kKeyUnsupported, "a private key of type " + std::string(name != nullptr ? name : "unknown") + ", " +
                                           std::to_string(EVP_PKEY_get_bits(key.get())) + " bit");
  }
  if (!consistent(key.get())) return fail(Code::kKeyUnreadable, "a private key whose parts do not belong together");
  const Pkcs8 info(EVP_PKEY2PKCS8(key.get()));
  Secret pkcs8(info ? der_of<PKCS8_PRIV_KEY_INFO, i2d_PKCS8_PRIV_KEY_INFO>(info.get()) : std::string());
  std::string spki = der_of<EVP_PKEY, i2d_PUBKEY>(key.get());
  if (pkcs8.view().empty() || spki.empty()) return fail(Code::kInternal, "OpenSSL cannot write the key it read");
  const bool signs = PrivateKey::from_der(pkcs8.view()).has_value();
  return ImportedKey{*algorithm, std::move(pkcs8), std::move(spki), signs};
}

}  // namespace

std::string ImportedKey::key_id() const { return Digest::of(public_der).hex(); }
std::string ImportedKey::public_pem() const { return manifests::der_to_pem(public_der, kPublicKeyLabel); }

Result<ImportedKey> import_private_key(std::string_view pem) {
  const auto label = manifests::pem_label(pem);
  if (!label) return fail(Code::kKeyUnreadable, label.error().context);
  if (*label != kPrivateKeyLabel && *label != "EC PRIVATE KEY" && *label != "RSA PRIVATE KEY")
    return fail(Code::kKeyUnreadable, "a PEM block \"" + *label + "\", which is no unencrypted private key");
  auto der = manifests::pem_to_der(pem, *label);
  if (!der) return fail(Code::kKeyUnreadable, der.error().context);
  const Secret wiped(std::move(*der));
  return import_block(*label, wiped.view());
}

Result<ImportedKey> import_private_key_der(std::string_view pkcs8) { return import_block(kPrivateKeyLabel, pkcs8); }

}  // namespace airlock::verify
