// ECDSA without randomness: the published nonces of RFC 6979, and what is no key on a curve.
#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"
#include "verify/curve.h"

namespace airlock::verify::test {
namespace {

std::string hex(std::string_view text) { return from_hex(text).value(); }

struct Rfc6979 {
  KeyAlgorithm algorithm;
  const char *scalar, *message, *r_and_s;
};
// RFC 6979, A.2.5 and A.2.6, with SHA-256 and SHA-384.
constexpr Rfc6979 kPublished[] = {
    {KeyAlgorithm::kEcdsaP256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", "sample",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {KeyAlgorithm::kEcdsaP256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", "test",
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    {KeyAlgorithm::kEcdsaP384,
     "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5", "sample",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
     "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
    {KeyAlgorithm::kEcdsaP384,
     "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5", "test",
     "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb0542a7f0812998da8f1dd3ca3cf023db"
     "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e06a739f040649a667bf3b828246baa5a5"},
};

}  // namespace

TEST_CASE("ECDSA signatures are those of RFC 6979, byte for byte") {
  for (const Rfc6979& c : kPublished) {
    INFO(to_string(c.algorithm) << " \"" << c.message << "\"");
    const PrivateKey key = PrivateKey::from_ec_scalar(c.algorithm, hex(c.scalar)).value();
    const Curve& curve = *curve_of(c.algorithm);
    const std::string signature = key.sign(c.message).value();
    CHECK(to_hex(signature) == to_hex(ecdsa_der_of_raw(curve, hex(c.r_and_s))));
    CHECK(key.public_key().verify(c.message, signature));
    CHECK(key.public_key().verify(c.message, hex(c.r_and_s), {SignatureForm::kEcdsaRaw, curve.hash}));
    CHECK_FALSE(key.public_key().verify(c.message, hex(c.r_and_s)));
  }
}

TEST_CASE("Numbers and points that are no keys of their curve are refused") {
  const std::string order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  std::string below = order;
  below.back() = '\x50';
  const auto scalar = [](const std::string& bytes) {
    return code_of(PrivateKey::from_ec_scalar(KeyAlgorithm::kEcdsaP256, bytes));
  };
  CHECK(scalar(below) == kAccepted);
  CHECK(scalar(order) == Code::kKeyUnsupported);
  CHECK(scalar(std::string(32, '\xff')) == Code::kKeyUnsupported);
  CHECK(scalar(std::string(32, '\0')) == Code::kKeyUnsupported);
  CHECK(scalar(std::string(31, '\1')) == Code::kKeyUnsupported);
  CHECK(scalar(std::string(1, '\0') + below) == Code::kKeyUnsupported);
  CHECK(code_of(PrivateKey::from_ec_scalar(KeyAlgorithm::kEd25519, below)) == Code::kUsage);

  const std::string point = PrivateKey::from_ec_scalar(KeyAlgorithm::kEcdsaP256, below).value().public_key().raw();
  const auto read = [](const std::string& bytes, KeyAlgorithm algorithm = KeyAlgorithm::kEcdsaP256) {
    return code_of(PublicKey::from_ec_point(algorithm, bytes));
  };
  CHECK(read(point) == kAccepted);
  std::string off = point;
  off.back() = static_cast<char>(off.back() ^ 1);
  CHECK(read(off) == Code::kKeyUnsupported);
  CHECK(read("\x04" + std::string(64, '\xff')) == Code::kKeyUnsupported);
  CHECK(read(std::string(1, '\0')) == Code::kKeyUnreadable);  // the point at infinity
  CHECK(read("\x02" + point.substr(1, 32)) == Code::kKeyUnreadable);
  CHECK(read("\x06" + point.substr(1)) == Code::kKeyUnsupported);
  CHECK(read(point, KeyAlgorithm::kEcdsaP384) == Code::kKeyUnreadable);
  CHECK(read(point, KeyAlgorithm::kRsa) == Code::kUsage);
}

TEST_CASE("A private key file whose public half belongs to another key is refused; one without it is read") {
  SeededEntropy entropy(1);
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384}) {
    const PrivateKey key = PrivateKey::generate(entropy, algorithm).value(),
                     other = PrivateKey::generate(entropy, algorithm).value();
    std::string der(key.der().view());
    const std::size_t tail = key.public_key().raw().size();
    CHECK(PrivateKey::from_der(der).value().key_id() == key.key_id());
    CHECK(code_of(PrivateKey::from_der(der.substr(0, der.size() - tail) + other.public_key().raw())) ==
          Code::kKeyUnsupported);
    CHECK(code_of(PrivateKey::from_der(der + "x")) == Code::kKeyUnreadable);
    CHECK(code_of(PrivateKey::from_der(der.substr(0, der.size() - 1))) == Code::kKeyUnreadable);
  }
  // P-256 without the optional [1]: SEQUENCE { 0, AlgorithmIdentifier, OCTET STRING { SEQUENCE { 1, scalar } } }.
  const PrivateKey key = PrivateKey::generate(entropy, KeyAlgorithm::kEcdsaP256).value();
  const std::string scalar = std::string(key.der().view()).substr(36, 32);
  const std::string bare = hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420") + scalar;
  CHECK(PrivateKey::from_der(bare).value().key_id() == key.key_id());
}

}  // namespace airlock::verify::test
