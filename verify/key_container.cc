#include "verify/key_container.h"

#include <sodium.h>

#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "manifests/pem.h"
#include "verify/key_der.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

constexpr std::string_view kLabel = "ENCRYPTED SIGSTORE PRIVATE KEY", kOldLabel = "ENCRYPTED COSIGN PRIVATE KEY";
constexpr std::size_t kMaxContainerBytes = 64 * kKiB, kSaltBytes = 32;
constexpr std::uint64_t kMinN = 1 << 15, kMaxN = 1 << 17, kWrittenN = 1 << 16, kBlockSize = 8, kLanes = 1;

std::unexpected<Error> malformed(const std::string& why) { return fail(Code::kKeyContainer, why); }

struct Container {
  std::uint64_t n = 0;
  std::string salt, nonce, ciphertext;
};

Result<std::string> base64_field(const Json& object, const char* field) {
  const auto found = object.find(field);
  const auto* text = found == object.end() ? nullptr : found->get_ptr<const std::string*>();
  if (text == nullptr) return malformed(std::string(field) + ": expected base64 text");
  auto bytes = from_base64(*text);
  if (!bytes) return malformed(std::string(field) + ": " + bytes.error().context);
  return bytes;
}

// An object member that must be there and carry this name: "kdf" is scrypt, "cipher" is nacl/secretbox.
Result<const Json*> named(const Json& document, const char* field, std::string_view name) {
  const auto found = document.find(field);
  if (found == document.end() || !found->is_object() || found->value("name", Json()) != name)
    return malformed(std::string(field) + ": expected an object with the name " + std::string(name));
  return &*found;
}

Result<std::uint64_t> read_cost(const Json& kdf) {
  const auto params = kdf.find("params");
  if (params == kdf.end() || !params->is_object()) return malformed("kdf.params: expected an object");
  for (const char* field : {"N", "r", "p"})
    if (!params->contains(field) || !params->at(field).is_number_unsigned())
      return malformed("kdf.params." + std::string(field) + ": expected a whole number");
  const auto n = params->at("N").get<std::uint64_t>();
  // A power of two between the bounds; any other N is none of scrypt's.
  if (n < kMinN || n > kMaxN || (n & (n - 1)) != 0 || params->at("r") != kBlockSize || params->at("p") != kLanes)
    return malformed("kdf.params: a cost of scrypt that is too low or too high: N " + params->at("N").dump() + ", r " +
                     params->at("r").dump() + ", p " + params->at("p").dump());
  return n;
}

Result<Container> parse_container(std::string_view json) {
  if (json.size() > kMaxContainerBytes) return malformed("a container of " + std::to_string(json.size()) + " bytes");
  const auto document = parse_json(json, "key container");
  if (!document) return malformed(document.error().context);
  if (!document->is_object()) return malformed("expected an object");
  const Json* const kdf = TRY(named(*document, "kdf", "scrypt"));
  const Json* const cipher = TRY(named(*document, "cipher", "nacl/secretbox"));
  Container out;
  out.n = TRY(read_cost(*kdf));
  out.salt = TRY(base64_field(*kdf, "salt"));
  out.nonce = TRY(base64_field(*cipher, "nonce"));
  out.ciphertext = TRY(base64_field(*document, "ciphertext"));
  if (out.salt.size() < 16 || out.nonce.size() != crypto_secretbox_NONCEBYTES ||
      out.ciphertext.size() < crypto_secretbox_MACBYTES)
    return malformed("salt, nonce or ciphertext has a length that nobody writes");
  return out;
}

Result<Secret> derive(std::string_view passphrase, std::string_view salt, std::uint64_t n) {
  init_sodium();
  std::string key(crypto_secretbox_KEYBYTES, '\0');
  if (crypto_pwhash_scryptsalsa208sha256_ll(bytes_of(passphrase), passphrase.size(), bytes_of(salt), salt.size(), n,
                                            kBlockSize, kLanes, bytes_of(key), key.size()) != 0)
    return fail(Code::kIo, "no memory for scrypt, N " + std::to_string(n));
  return Secret(std::move(key));
}

Result<Secret> decode_pem(std::string_view pem) {
  const auto label = manifests::pem_label(pem);
  if (!label || (*label != kLabel && *label != kOldLabel)) return malformed("no PEM block \"" + std::string(kLabel) + "\"");
  auto json = manifests::pem_to_der(pem, *label);
  if (!json) return malformed(json.error().context);
  return Secret(std::move(*json));
}

}  // namespace

bool is_encrypted_key(std::string_view pem) {
  const auto label = manifests::pem_label(pem);
  return label && (*label == kLabel || *label == kOldLabel);
}

Result<Secret> open_container(std::string_view json, std::string_view passphrase) {
  const Container container = TRY(parse_container(json));
  const Secret key = TRY(derive(passphrase, container.salt, container.n));
  std::string plaintext(container.ciphertext.size() - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(bytes_of(plaintext), bytes_of(container.ciphertext), container.ciphertext.size(),
                                 bytes_of(container.nonce), bytes_of(key.view())) != 0)
    return fail(Code::kKeyPassphrase, "the container was not sealed with it");
  return Secret(std::move(plaintext));
}

Result<std::string> write_container(std::string_view plaintext, std::string_view passphrase, Entropy& entropy) {
  const std::string salt = entropy.bytes(kSaltBytes), nonce = entropy.bytes(crypto_secretbox_NONCEBYTES);
  const Secret key = TRY(derive(passphrase, salt, kWrittenN));
  std::string sealed(plaintext.size() + crypto_secretbox_MACBYTES, '\0');
  crypto_secretbox_easy(bytes_of(sealed), bytes_of(plaintext), plaintext.size(), bytes_of(nonce), bytes_of(key.view()));
  const Json params = {{"N", kWrittenN}, {"p", kLanes}, {"r", kBlockSize}};
  return canonical_json({{"cipher", {{"name", "nacl/secretbox"}, {"nonce", to_base64(nonce)}}},
                         {"ciphertext", to_base64(sealed)},
                         {"kdf", {{"name", "scrypt"}, {"params", params}, {"salt", to_base64(salt)}}}});
}

Result<PrivateKey> open_encrypted_key(std::string_view pem, std::string_view passphrase) {
  const Secret json = TRY(decode_pem(pem));
  const Secret pkcs8 = TRY(open_container(json.view(), passphrase));
  return PrivateKey::from_der(pkcs8.view());
}

Result<std::string> write_encrypted_key(std::string_view pkcs8, std::string_view passphrase, Entropy& entropy) {
  return manifests::der_to_pem(TRY(write_container(pkcs8, passphrase, entropy)), kLabel);
}

}  // namespace airlock::verify
