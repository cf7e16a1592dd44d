// Files that hold keys and signatures: cosign's container, older PEM, minisign, signify. Published cases first, by kind.
#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "manifests/pem.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

bool expected(const Json& item) { return item.at("expect") == "accept"; }

// The cases of one kind whose answer is not left open.
std::vector<Json> cases_of(const VectorSet& set, std::string_view kind) {
  std::vector<Json> out;
  for (const Json& item : set.cases())
    if (item.at("kind") == kind && item.at("expect") != "either") out.push_back(item);
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("nothing to replace: " + std::string(from));
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("Published encrypted keys open with their passphrase only, and give the public key beside them") {
  const VectorSet set("keys");
  std::size_t checked = 0;
  for (const Json& item : cases_of(set, "encrypted-key")) {
    INFO(item.at("id"));
    const auto key = open_encrypted_key(set.file(item, "key"), item.at("password").get<std::string>());
    REQUIRE(key.has_value() == expected(item));
    ++checked;
    if (!key) {
      CHECK((code_of(key) == Code::kKeyPassphrase || code_of(key) == Code::kKeyContainer));
      continue;
    }
    CHECK(key->public_key() == PublicKey::from_pem(set.file(item, "public")).value());
    CHECK(Digest::of(key->der().view()).hex() == item.at("plaintext_sha256"));
    CHECK(key->public_key().verify("m", key->sign("m").value()));
  }
  CHECK(checked == 3);
}

TEST_CASE("Published containers around plain bytes open, with every cost that is in use and no other") {
  const VectorSet set("keys");
  std::size_t checked = 0;
  for (const Json& item : cases_of(set, "encrypted-data")) {
    INFO(item.at("id"));
    const auto opened = open_container(set.file(item, "container"), item.at("password").get<std::string>());
    REQUIRE(opened.has_value() == expected(item));
    if (opened) CHECK(opened->view() == item.at("plaintext").get<std::string>());
    ++checked;
  }
  CHECK(checked == 5);
}

TEST_CASE("Published private keys of every PEM form are imported or refused as their reader does") {
  const VectorSet set("keys");
  std::size_t checked = 0;
  for (const Json& item : cases_of(set, "pem-import")) {
    INFO(item.at("id"));
    const auto key = import_private_key(set.file(item, "pem"));
    CHECK(key.has_value() == expected(item));
    ++checked;
    if (!key) continue;
    // What comes out is PKCS#8 of the same key; whether airlock itself signs with it is said, and true.
    const auto again = import_private_key(manifests::der_to_pem(key->pkcs8.view(), "PRIVATE KEY"));
    REQUIRE(again);
    CHECK(again->key_id() == key->key_id());
    const auto signer = PrivateKey::from_der(key->pkcs8.view());
    CHECK(signer.has_value() == key->airlock_signs);
    CHECK(key->airlock_signs == (key->algorithm == "ed25519" || key->algorithm == "ecdsa-p256" || key->algorithm == "ecdsa-p384"));
    if (signer) CHECK(signer->key_id() == key->key_id());
  }
  CHECK(checked == 12);
}

TEST_CASE("Published detached signatures verify by the schemes of their key, over their own data only") {
  const VectorSet set("keys");
  std::size_t checked = 0;
  for (const char* kind : {"blob-signature", "minisign", "signify"})
    for (const Json& item : cases_of(set, kind)) {
      INFO(item.at("id"));
      const auto key = DetachedKey::parse(set.file(item, "key"));
      REQUIRE(key);
      const std::string signature = set.file(item, "signature"), data = set.file(item, "data");
      CHECK(verify_detached(*key, signature, data).has_value() == expected(item));
      CHECK_FALSE(verify_detached(*key, signature, data + "x"));
      CHECK_FALSE(verify_detached(*key, signature, ""));
      ++checked;
    }
  CHECK(checked == 10 + 6 + 1);
}

TEST_CASE("Ed25519 over a hash of the file, as one tool makes it, is no signature of the file") {
  const VectorSet set("keys");
  for (const Json& item : set.cases())
    if (item.value("scheme", "") == "ed25519ph")
      CHECK(code_of(verify_detached(DetachedKey::parse(set.file(item, "key")).value(), set.file(item, "signature"),
                                    set.file(item, "data"))) == Code::kSignature);
}

TEST_CASE("A key we encrypt opens again with its passphrase and no other, and is never written twice alike") {
  SeededEntropy entropy(1);
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256}) {
    const PrivateKey key = PrivateKey::generate(entropy, algorithm).value();
    const std::string pem = write_encrypted_key(key.der().view(), "p\xC3\xA4ss", entropy).value();
    CHECK(is_encrypted_key(pem));
    CHECK(pem.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    CHECK(pem != write_encrypted_key(key.der().view(), "p\xC3\xA4ss", entropy).value());
    CHECK(open_encrypted_key(pem, "p\xC3\xA4ss").value().key_id() == key.key_id());
    CHECK(code_of(open_encrypted_key(pem, "p\xC3\xA4s")) == Code::kKeyPassphrase);
    CHECK(code_of(open_encrypted_key(pem, "")) == Code::kKeyPassphrase);
    CHECK(code_of(PrivateKey::from_pem(pem)) == Code::kKeyUnsupported);
  }
}

TEST_CASE("A container that is damaged, or would cost more than any writer asks for, is refused before scrypt runs") {
  SeededEntropy entropy(1);
  const std::string good = write_container("secret", "p", entropy).value();
  const std::string salt = R"("salt":")" + Json::parse(good)["kdf"]["salt"].get<std::string>();
  struct Case {
    const char* name;
    std::string text;
    Code want;
  };
  const std::vector<Case> cases = {
      {"as it is written", good, kAccepted},
      {"memory for a petabyte", replaced(good, R"("N":65536)", R"("N":1099511627776)"), Code::kKeyContainer},
      {"twice the largest N", replaced(good, R"("N":65536)", R"("N":262144)"), Code::kKeyContainer},
      {"half the smallest N", replaced(good, R"("N":65536)", R"("N":16384)"), Code::kKeyContainer},
      {"N that is no power of two", replaced(good, R"("N":65536)", R"("N":65535)"), Code::kKeyContainer},
      {"a negative N", replaced(good, R"("N":65536)", R"("N":-65536)"), Code::kKeyContainer},
      {"N as a fraction", replaced(good, R"("N":65536)", R"("N":65536.5)"), Code::kKeyContainer},
      {"wide blocks", replaced(good, R"("r":8)", R"("r":1024)"), Code::kKeyContainer},
      {"many lanes", replaced(good, R"("p":1)", R"("p":1048576)"), Code::kKeyContainer},
      {"another N in use", replaced(good, R"("N":65536)", R"("N":32768)"), Code::kKeyPassphrase},
      {"another derivation", replaced(good, R"("scrypt")", R"("pbkdf2")"), Code::kKeyContainer},
      {"another cipher", replaced(good, R"("nacl/secretbox")", R"("none")"), Code::kKeyContainer},
      {"an empty salt", replaced(good, salt, R"("salt":")"), Code::kKeyContainer},
      {"a duplicate field", replaced(good, "{", R"({"ciphertext":"AAAA",)"), Code::kKeyContainer},
      {"no parameters", replaced(good, R"("params")", R"("other")"), Code::kKeyContainer},
      {"not JSON", good.substr(1), Code::kKeyContainer},
      {"a list", "[]", Code::kKeyContainer},
      {"nothing", "", Code::kKeyContainer},
      {"too long", good + std::string(64 * 1024, ' '), Code::kKeyContainer},
      {"a bit of the ciphertext", replaced(good, R"("ciphertext":")", R"("ciphertext":"AAAA)"), Code::kKeyPassphrase},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(code_of(open_container(c.text, "p")) == c.want);
  }
}

TEST_CASE("Detached signatures we make verify in each form, and nothing of one form passes for another") {
  const PrivateKey key = test_key(1);
  SeededEntropy entropy(1);
  const std::string data = "data\n";
  for (const DetachedForm form :
       {DetachedForm::kRaw, DetachedForm::kMinisign, DetachedForm::kMinisignPrehashed, DetachedForm::kSignify}) {
    INFO(to_string(form));
    const DetachedKey checker = DetachedKey::parse(write_detached_key(key.public_key(), form).value()).value();
    const std::string signature = sign_detached(key, form, data, "who and when").value();
    const auto verified = verify_detached(checker, signature, data);
    REQUIRE(verified);
    CHECK(verified->form() == form);
    const bool minisign = form == DetachedForm::kMinisign || form == DetachedForm::kMinisignPrehashed;
    CHECK(verified->trusted_comment() == (minisign ? std::optional<std::string>("who and when") : std::nullopt));
    CHECK(code_of(verify_detached(checker, signature, "other")) == Code::kSignature);
    CHECK(code_of(verify_detached(checker, "", data)) == Code::kSignatureFile);
    if (form == DetachedForm::kRaw) continue;
    CHECK(code_of(sign_detached(PrivateKey::generate(entropy, KeyAlgorithm::kEcdsaP256).value(), form, data, "")) ==
          Code::kKeyUnsupported);
    if (!minisign) continue;
    CHECK(code_of(sign_detached(key, form, data, "two\nlines")) == Code::kUsage);
    CHECK(code_of(verify_detached(checker, replaced(signature, "who and", "who or"), data)) == Code::kSignature);
    const std::string two_lines = signature.substr(0, signature.find("trusted comment: ", 30));
    CHECK(code_of(verify_detached(checker, two_lines, data)) == Code::kSignatureFile);
  }
}

TEST_CASE("A signature of the empty file is none of any other file") {
  const PrivateKey key = test_key(1);
  for (const DetachedForm form : {DetachedForm::kRaw, DetachedForm::kMinisign, DetachedForm::kSignify}) {
    const DetachedKey checker = DetachedKey::parse(write_detached_key(key.public_key(), form).value()).value();
    const std::string signature = sign_detached(key, form, "", "").value();
    CHECK(code_of(verify_detached(checker, signature, "")) == kAccepted);
    CHECK(code_of(verify_detached(checker, signature, "x")) == Code::kSignature);
  }
}

TEST_CASE("What is no public key in any form of detached signatures is refused by code") {
  const std::string minisign = write_detached_key(test_key(1).public_key(), DetachedForm::kMinisign).value();
  const std::string bare = minisign.substr(minisign.find('\n') + 1);
  CHECK(code_of(DetachedKey::parse(minisign)) == kAccepted);
  CHECK(code_of(DetachedKey::parse(bare)) == kAccepted);
  CHECK(read_public_key(bare).value() == test_key(1).public_key());
  CHECK(read_public_key(test_key(1).public_key().pem()).value() == test_key(1).public_key());
  for (const std::string& bad : {std::string(), std::string("\n"), minisign + "x\n", "x\n" + bare, bare.substr(4),
                                 replaced(bare, "RW", "RX"), std::string(test_key(1).pem().view())})
    CHECK(code_of(DetachedKey::parse(bad)) == Code::kKeyUnreadable);
  const std::string small_order = to_base64("Ed12345678" + std::string(1, '\1') + std::string(31, '\0'));
  CHECK(code_of(DetachedKey::parse(small_order)) == Code::kKeyUnsupported);
}

}  // namespace airlock::verify::test
