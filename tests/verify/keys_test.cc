#include <catch2/catch.hpp>

#include <openssl/rsa.h>

#include "base/encoding.h"
#include "support.h"
#include "verify/openssl.h"

namespace airlock::verify::test {
namespace {

constexpr std::string_view kSpkiPrefixHex = "302a300506032b6570032100";
constexpr KeyAlgorithm kSigning[] = {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384};

std::string hex(std::string_view text) { return from_hex(text).value(); }

}  // namespace

TEST_CASE("C054 Keys of small order, off the curve, off the subgroup or spelt twice are not keys") {
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

TEST_CASE("A key survives its PEM form, its id is the digest of its DER, and what it signs verifies under it alone") {
  SeededEntropy entropy(1);
  for (const KeyAlgorithm algorithm : kSigning) {
    INFO(to_string(algorithm));
    const PrivateKey key = PrivateKey::generate(entropy, algorithm).value();
    CHECK(key.public_key().algorithm() == algorithm);
    CHECK(PublicKey::from_pem(key.public_key().pem()).value() == key.public_key());
    CHECK(PublicKey::from_der(key.public_key().der()).value() == key.public_key());
    CHECK(key.key_id() == Digest::of(key.public_key().der()).hex());
    const auto again = PrivateKey::from_pem(key.pem().view());
    REQUIRE(again);
    CHECK(again->key_id() == key.key_id());
    CHECK(std::string(again->der().view()) == std::string(key.der().view()));
    const std::string signature = key.sign("text").value();
    CHECK(again->sign("text").value() == signature);
    CHECK(key.public_key().verify("text", signature));
    CHECK_FALSE(key.public_key().verify("other text", signature));
    CHECK_FALSE(PrivateKey::generate(entropy, algorithm).value().public_key().verify("text", signature));
    for (const std::string& bad : {std::string(), signature.substr(0, signature.size() - 1),
                                   signature + std::string(1, '\0'), signature + signature})
      CHECK_FALSE(key.public_key().verify("text", bad));
  }
  CHECK(test_key(1).key_id() == Digest::of(hex(kSpkiPrefixHex) + test_key(1).raw_public_key()).hex());
  CHECK(code_of(PrivateKey::generate(entropy, KeyAlgorithm::kRsa)) == Code::kUsage);
}

TEST_CASE("Generated keys differ, and come from the entropy that was given") {
  for (const KeyAlgorithm algorithm : kSigning) {
    SeededEntropy one(7), same(7), other(8);
    const auto a = PrivateKey::generate(one, algorithm), b = PrivateKey::generate(one, algorithm),
               c = PrivateKey::generate(same, algorithm), d = PrivateKey::generate(other, algorithm);
    REQUIRE((a && b && c && d));
    CHECK(a->key_id() == c->key_id());
    CHECK(a->key_id() != b->key_id());
    CHECK(a->key_id() != d->key_id());
  }
}

TEST_CASE("A source of randomness that only says zero makes no ECDSA key") {
  struct Zero : Entropy {
    std::string bytes(std::size_t n) override { return std::string(n, '\0'); }
  } zero;
  CHECK(code_of(PrivateKey::generate(zero, KeyAlgorithm::kEcdsaP256)) == Code::kInternal);
}

TEST_CASE("C057 PEM that is damaged, dressed up or of another kind is refused by code") {
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

TEST_CASE("An RSA-PSS signature that lost its leading zero is the same number, and refused") {
  const PkeyPtr rsa(EVP_RSA_gen(2048));
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(rsa.get(), &der);
  REQUIRE(size > 0);
  const auto key = PublicKey::from_der({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  REQUIRE(key);
  const std::string digest = hash_of(HashAlgorithm::kSha256, "m");
  // Each salt gives another signature; one in 256 begins with a zero.
  for (int attempt = 0; attempt < 20000; ++attempt) {
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(rsa.get(), nullptr));
    std::string signature(256, '\0');
    std::size_t length = signature.size();
    REQUIRE((EVP_PKEY_sign_init(ctx.get()) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(ctx.get(), EVP_sha256()) == 1 &&
             EVP_PKEY_sign(ctx.get(), bytes_of(signature), &length, bytes_of(digest), digest.size()) == 1));
    if (signature[0] != '\0') continue;
    CHECK(key->verify("m", signature, kRsaPssSha256));
    CHECK_FALSE(key->verify("m", signature.substr(1), kRsaPssSha256));
    CHECK_FALSE(key->verify("m", std::string(1, '\0') + signature, kRsaPssSha256));
    return;
  }
  FAIL("no signature began with a zero");
}

TEST_CASE("A secret that was moved away leaves nothing behind") {
  Secret from("0123456789");
  const Secret to = std::move(from);
  CHECK(to.view() == "0123456789");
  CHECK(from.view().empty());  // NOLINT: looking at what a move leaves is the point
}

}  // namespace airlock::verify::test
