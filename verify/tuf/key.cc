#include "verify/tuf/key.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/olpc_json.h"

namespace airlock::verify::tuf {
namespace {

// One row for each scheme that we verify. The key's own algorithm must be `algorithm`: a P-384 key under the name of
// P-256 is some confusion that nobody should sign with.
struct SchemeRow {
  std::string_view name;
  KeyAlgorithm algorithm;
  SignatureScheme scheme;
};
constexpr std::array<SchemeRow, 9> kSchemes = {{
    {"ed25519", KeyAlgorithm::kEd25519, kEd25519},
    {"ecdsa-sha2-nistp256", KeyAlgorithm::kEcdsaP256, kEcdsaSha256},
    {"ecdsa-sha2-nistp384", KeyAlgorithm::kEcdsaP384, kEcdsaSha384},
    {"rsassa-pss-sha256", KeyAlgorithm::kRsa, kRsaPssSha256},
    {"rsassa-pss-sha384", KeyAlgorithm::kRsa, {SignatureForm::kRsaPss, HashAlgorithm::kSha384}},
    {"rsassa-pss-sha512", KeyAlgorithm::kRsa, {SignatureForm::kRsaPss, HashAlgorithm::kSha512}},
    {"rsa-pkcs1v15-sha256", KeyAlgorithm::kRsa, kRsaPkcs1Sha256},
    {"rsa-pkcs1v15-sha384", KeyAlgorithm::kRsa, {SignatureForm::kRsaPkcs1, HashAlgorithm::kSha384}},
    {"rsa-pkcs1v15-sha512", KeyAlgorithm::kRsa, {SignatureForm::kRsaPkcs1, HashAlgorithm::kSha512}},
}};

const SchemeRow* row_of(std::string_view scheme) {
  const auto it = std::ranges::find(kSchemes, scheme, &SchemeRow::name);
  return it == kSchemes.end() ? nullptr : &*it;
}

Result<PublicKey> read_public(const SchemeRow& row, const std::string& text) {
  if (row.algorithm == KeyAlgorithm::kEd25519) return PublicKey::from_raw_ed25519(TRY(from_hex(text)));
  if (row.algorithm != KeyAlgorithm::kRsa && text.starts_with("04")) return PublicKey::from_ec_point(row.algorithm, TRY(from_hex(text)));
  PublicKey key = TRY(PublicKey::from_pem(text));
  if (key.algorithm() != row.algorithm) return fail(Code::kKeyUnsupported, std::string(row.name) + " with a key of another kind");
  return key;
}

Result<std::string> text_field(const Json& object, std::string_view name, const std::string& place) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return fail(Code::kTufMalformed, place + "." + std::string(name) + ": expected text");
  return it->get<std::string>();
}

}  // namespace

Result<Key> Key::parse(const Json& value, const std::string& place) {
  if (!value.is_object()) return fail(Code::kTufMalformed, place + ": expected an object");
  Key key;
  key.keytype_ = TRY(text_field(value, "keytype", place));
  key.scheme_ = TRY(text_field(value, "scheme", place));
  const auto keyval = value.find("keyval");
  if (keyval == value.end() || !keyval->is_object()) return fail(Code::kTufMalformed, place + ".keyval: expected an object");
  const SchemeRow* row = row_of(key.scheme_);
  const auto text = keyval->find("public");
  if (row == nullptr || text == keyval->end() || !text->is_string()) return key;  // of no use to us
  if (auto read = read_public(*row, text->get_ref<const std::string&>())) key.key_ = std::move(*read);
  return key;
}

std::string Key::identity() const { return key_ ? key_->key_id() : std::string(); }

bool Key::verify(std::string_view message, std::string_view signature) const {
  return key_ && key_->verify(message, signature, row_of(scheme_)->scheme);
}

Result<Json> key_json(const PublicKey& key) {
  const auto made = [](std::string_view type, std::string_view scheme, std::string text) {
    return Json{{"keytype", type}, {"scheme", scheme}, {"keyval", {{"public", std::move(text)}}}};
  };
  switch (key.algorithm()) {
    case KeyAlgorithm::kEd25519: return made("ed25519", "ed25519", to_hex(key.raw()));
    case KeyAlgorithm::kEcdsaP256: return made("ecdsa", "ecdsa-sha2-nistp256", key.pem());
    case KeyAlgorithm::kEcdsaP384: return made("ecdsa", "ecdsa-sha2-nistp384", key.pem());
    case KeyAlgorithm::kRsa: return fail(Code::kKeyUnsupported, "RSA keys are verified, not signed with");
  }
  return fail(Code::kInternal, "key algorithm");
}

Result<std::string> key_id_of(const Json& key) { return Digest::of(TRY(olpc_canonical_json(key))).hex(); }

}  // namespace airlock::verify::tuf
