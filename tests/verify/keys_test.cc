#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

constexpr std::string_view kSpkiPrefixHex = "302a300506032b6570032100";

std::string hex(std::string_view text) { return from_hex(text).value(); }

}  // namespace

TEST_CASE("Wycheproof: Ed25519 accepts what is valid and refuses every forgery and every second spelling") {
  const VectorSet set("wycheproof");
  const Json vectors = parse_json(set.file(set.cases().at(0), "vectors"), "wycheproof").value();
  std::size_t checked = 0;
  for (const Json& group : vectors.at("testGroups")) {
    const auto key = PublicKey::from_raw_ed25519(hex(group.at("publicKey").at("pk").get<std::string>()));
    REQUIRE(key);
    CHECK(PublicKey::from_pem(group.at("publicKeyPem").get<std::string>()).value() == *key);
    for (const Json& item : group.at("tests")) {
      INFO("tcId " << item.at("tcId") << ": " << item.at("comment"));
      CHECK(key->verify(hex(item.at("msg").get<std::string>()), hex(item.at("sig").get<std::string>())) ==
            (item.at("result") == "valid"));
      ++checked;
    }
  }
  CHECK(checked == 99);
}

TEST_CASE("Keys of small order, off the curve, off the subgroup or spelt twice are not keys") {
  struct Case {
    const char* name;
    const char* point;
  };
  static constexpr Case kCases[] = {
      {"the neutral element", "0100000000000000000000000000000000000000000000000000000000000000"},
      {"order two", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
      {"order four", "0000000000000000000000000000000000000000000000000000000000000000"},
      {"order four, other sign", "0000000000000000000000000000000000000000000000000000000000000080"},
      {"order eight", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
      {"order eight, another", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
      {"y = p, which is 0 spelt otherwise",
       "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
      {"y = p + 1, which is 1 spelt otherwise",
       "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
      {"not on the curve", "0200000000000000000000000000000000000000000000000000000000000000"},
  };
  for (const Case& c : kCases) {
    INFO(c.name);
    CHECK(code_of(PublicKey::from_raw_ed25519(hex(c.point))) == Code::kKeyUnsupported);
    CHECK(code_of(PublicKey::from_der(hex(std::string(kSpkiPrefixHex) + c.point))) == Code::kKeyUnsupported);
  }
}

TEST_CASE("A key survives its PEM form, and its id is the digest of its DER") {
  const PrivateKey key = test_key(1);
  CHECK(PublicKey::from_pem(key.public_key().pem()).value() == key.public_key());
  CHECK(PublicKey::from_der(key.public_key().der()).value() == key.public_key());
  CHECK(key.key_id() == Digest::of(hex(kSpkiPrefixHex) + key.raw_public_key()).hex());
  const auto again = PrivateKey::from_pem(key.pem().view());
  REQUIRE(again);
  CHECK(again->key_id() == key.key_id());
  CHECK(again->sign("text").value() == key.sign("text").value());
  CHECK(key.public_key().verify("text", key.sign("text").value()));
  CHECK_FALSE(key.public_key().verify("other text", key.sign("text").value()));
}

TEST_CASE("Generated keys differ, and come from the entropy that was given") {
  SeededEntropy one(7), same(7), other(8);
  const auto a = PrivateKey::generate(one), b = PrivateKey::generate(one), c = PrivateKey::generate(same),
             d = PrivateKey::generate(other);
  REQUIRE((a && b && c && d));
  CHECK(a->key_id() == c->key_id());
  CHECK(a->key_id() != b->key_id());
  CHECK(a->key_id() != d->key_id());
}

TEST_CASE("Signatures of another length never verify") {
  const PrivateKey key = test_key(1);
  const std::string good = key.sign("m").value();
  CHECK(key.public_key().verify("m", good));
  for (const std::string& bad : {std::string(), good.substr(0, 63), good + std::string(1, '\0'), good + good})
    CHECK_FALSE(key.public_key().verify("m", bad));
}

TEST_CASE("PEM that is damaged, dressed up or of another kind is refused by code") {
  const std::string good = test_key(1).public_key().pem(), secret(test_key(1).pem().view());
  const std::string body = good.substr(27, good.find("\n-----END") - 27);
  struct Case {
    std::string name, pem;
    Code want;
  };
  const std::vector<Case> cases = {
      {"as it is written", good, kAccepted},
      {"white space around it", "\n  " + good + "\r\n\n", kAccepted},
      {"carriage returns", "-----BEGIN PUBLIC KEY-----\r\n" + body + "\r\n-----END PUBLIC KEY-----\r\n",
       kAccepted},
      {"empty", "", Code::kKeyUnreadable},
      {"text before it", "my key\n" + good, Code::kKeyUnreadable},
      {"text after it", good + "my key\n", Code::kKeyUnreadable},
      {"two blocks", good + good, Code::kKeyUnreadable},
      {"no end", good.substr(0, good.find("-----END")), Code::kKeyUnreadable},
      {"a header line", "-----BEGIN PUBLIC KEY-----\nKey-Name: x\n\n" + body + "\n-----END PUBLIC KEY-----\n",
       Code::kKeyUnreadable},
      {"a space in the base64",
       "-----BEGIN PUBLIC KEY-----\n" + body.substr(0, 8) + " " + body.substr(8) +
           "\n-----END PUBLIC KEY-----\n",
       Code::kKeyUnreadable},
      {"an empty block", "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n", Code::kKeyUnreadable},
      {"all on one line", "-----BEGIN PUBLIC KEY-----" + body + "-----END PUBLIC KEY-----",
       Code::kKeyUnreadable},
      {"a private key where a public one belongs", secret, Code::kKeyUnreadable},
      {"DER with a byte too many",
       "-----BEGIN PUBLIC KEY-----\n" + to_base64(from_base64(body).value() + "x") +
           "\n-----END PUBLIC KEY-----\n",
       Code::kKeyUnreadable},
      {"DER cut short",
       "-----BEGIN PUBLIC KEY-----\n" + to_base64(from_base64(body).value().substr(0, 43)) +
           "\n-----END PUBLIC KEY-----\n",
       Code::kKeyUnreadable},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(code_of(PublicKey::from_pem(c.pem)) == c.want);
  }
  CHECK(code_of(PrivateKey::from_pem(good)) == Code::kKeyUnreadable);
  CHECK(code_of(PrivateKey::from_pem("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAA==\n-----END "
                                     "ENCRYPTED SIGSTORE PRIVATE KEY-----\n")) == Code::kKeyUnsupported);
  CHECK(code_of(PrivateKey::from_seed("short")) == Code::kKeyUnreadable);
  CHECK(code_of(PublicKey::from_raw_ed25519("short")) == Code::kKeyUnreadable);
}

TEST_CASE("Published private keys: Ed25519 is read, every other kind is named and refused") {
  const VectorSet set("keys");
  std::size_t read = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "pem-import") continue;
    INFO(item.at("id"));
    const auto key = PrivateKey::from_pem(set.file(item, "pem"));
    if (item.at("id") == "import-ed25519key") {
      REQUIRE(key);
      CHECK(key->public_key().verify("m", key->sign("m").value()));
      ++read;
    } else if (item.at("expect") == "accept") {
      CHECK(code_of(key) == Code::kKeyUnsupported);
    } else {
      CHECK((code_of(key) == Code::kKeyUnsupported || code_of(key) == Code::kKeyUnreadable));
    }
  }
  CHECK(read == 1);
}

TEST_CASE("Published detached signatures: Ed25519 verifies, its prehashed cousin and other data do not") {
  const VectorSet set("keys");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "blob-signature") continue;
    INFO(item.at("id"));
    const auto key = PublicKey::from_pem(set.file(item, "key"));
    REQUIRE(key);
    CHECK(key->verify(set.file(item, "data"), set.file(item, "signature")) ==
          (item.at("expect") == "accept"));
    ++checked;
  }
  CHECK(checked == 3);
}

TEST_CASE("A secret that was moved away leaves nothing behind") {
  Secret from("0123456789");
  const Secret to = std::move(from);
  CHECK(to.view() == "0123456789");
  CHECK(from.view().empty());  // NOLINT: looking at what a move leaves is the point
}

}  // namespace airlock::verify::test
