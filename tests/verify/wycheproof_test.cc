// C2SP Wycheproof, every signature file of the set, through the keys that everything else here verifies with.
#include <catch2/catch.hpp>

#include <map>
#include <optional>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

std::string hex_of(const Json& object, const char* field) {
  return from_hex(object.at(field).get<std::string>()).value();
}

// What a group of tests verifies with; nullopt: no signatures.
std::optional<SignatureScheme> scheme_of(const Json& group) {
  static const std::map<std::string, SignatureForm> kForms = {{"EddsaVerify", SignatureForm::kEd25519},
                                                              {"EcdsaVerify", SignatureForm::kEcdsaDer},
                                                              {"EcdsaP1363Verify", SignatureForm::kEcdsaRaw},
                                                              {"RsassaPkcs1Verify", SignatureForm::kRsaPkcs1},
                                                              {"RsassaPssVerify", SignatureForm::kRsaPss}};
  static const std::map<std::string, HashAlgorithm> kHashes = {
      {"SHA-256", HashAlgorithm::kSha256}, {"SHA-384", HashAlgorithm::kSha384}, {"SHA-512", HashAlgorithm::kSha512}};
  const auto form = kForms.find(group.at("type").get<std::string>());
  if (form == kForms.end()) return std::nullopt;
  return SignatureScheme{form->second, kHashes.at(group.value("sha", "SHA-512")),
                         group.contains("sLen") ? std::optional(group.at("sLen").get<int>()) : std::nullopt};
}

}  // namespace

TEST_CASE("C054 C055 C056 Wycheproof: what is valid verifies; every forgery, wrong key and second spelling does not") {
  const VectorSet set("wycheproof");
  std::size_t checked = 0;
  for (const Json& file : set.cases()) {
    const Json vectors = parse_json(set.file(file, "vectors"), "wycheproof").value();
    for (const Json& group : vectors.at("testGroups")) {
      const auto scheme = scheme_of(group);
      if (!scheme) continue;
      const auto key = PublicKey::from_pem(group.at("publicKeyPem").get<std::string>());
      REQUIRE(key);
      CHECK(PublicKey::from_der(hex_of(group, "publicKeyDer")).value() == *key);
      for (const Json& item : group.at("tests")) {
        INFO(file.at("id") << " tcId " << item.at("tcId") << ": " << item.at("comment"));
        const std::string message = hex_of(item, "msg"), signature = hex_of(item, "sig");
        const bool verified = key->verify(message, signature, *scheme);
        if (item.at("result") != "acceptable") CHECK(verified == (item.at("result") == "valid"));
        // The hash alone says the same, and a form of another kind nothing.
        if (scheme->form != SignatureForm::kEd25519)
          CHECK(key->verify_digest(hash_of(scheme->hash, message), signature, *scheme) == verified);
        ++checked;
      }
    }
  }
  CHECK(checked == 99 + 319 + 179 + 331 + 178 + 169 + 170 + 70 + 70 + 69);
}

}  // namespace airlock::verify::test
