// Somebody else's code agrees: the openssl program checks what we sign, and we check what it signs.
#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {

TEST_CASE("openssl verifies the PAE of an envelope we signed, with the PEM we wrote") {
  const TempDir dir;
  SeededEntropy entropy(1);
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384}) {
    INFO(to_string(algorithm));
    const PrivateKey key = PrivateKey::generate(entropy, algorithm).value();
    const Signer* signer = &key;
    const Envelope envelope =
        parse_envelope(sign_envelope("application/vnd.in-toto+json", "{\"a\":1}", {&signer, 1}).value()).value();
    const std::string pub = dir.write("key.pub", key.public_key().pem());
    const std::string sig = dir.write("sig", envelope.signatures.at(0).sig);
    const auto verify = [&](const std::string& message) {
      std::vector<std::string> argv = {"openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pub,
                                       "-in",     message,   "-sigfile", sig};
      if (algorithm == KeyAlgorithm::kEcdsaP384) argv.insert(argv.end(), {"-digest", "sha384"});
      return run_program(argv);
    };
    CHECK(verify(dir.write("pae", pae(envelope.payload_type, envelope.payload))) == 0);
    CHECK(verify(dir.write("payload", envelope.payload)) != 0);
    // Our private key file is one of theirs, too: the same public half comes out of it.
    const std::string key_file = dir.write("key.pem", key.pem().view());
    REQUIRE(run_program({"openssl", "pkey", "-in", key_file, "-pubout", "-out", dir.path() + "/again.pub"}) == 0);
    CHECK(dir.read("again.pub") == key.public_key().pem());
  }
}

TEST_CASE("openssl verifies a checkpoint we signed: the text is what is signed") {
  const TempDir dir;
  const PrivateKey key = test_key(1);
  const Checkpoint checkpoint{
      .origin = "airlock/x/acme", .size = 3, .root = Digest::of("r"), .extensions = {}};
  const Note note = parse_note(sign_checkpoint(checkpoint, "airlock/x", key).value()).value();
  CHECK(run_program({"openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey",
                     dir.write("key.pub", key.public_key().pem()), "-in", dir.write("text", note.text),
                     "-sigfile", dir.write("sig", note.signatures.at(0).signature)}) == 0);
}

TEST_CASE("A key that openssl generated is read, and what it signs verifies in an envelope of ours") {
  struct Case {
    std::vector<std::string> kind, signing;
    bool signs;  // with us; RSA is only verified
  };
  const std::vector<Case> cases = {
      {{"ed25519"}, {}, true},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"-digest", "sha256"}, true},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-384"}, {"-digest", "sha384"}, true},
      {{"RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, {"-digest", "sha256"}, false},
      {{"RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, {"-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss"}, false},
  };
  const TempDir dir;
  const std::string key_file = dir.path() + "/key.pem", pub_file = dir.path() + "/key.pub",
                    sig_file = dir.path() + "/sig";
  for (const Case& c : cases) {
    INFO(c.kind.back());
    std::vector<std::string> argv = {"openssl", "genpkey", "-out", key_file, "-algorithm"};
    argv.insert(argv.end(), c.kind.begin(), c.kind.end());
    REQUIRE(run_program(argv) == 0);
    REQUIRE(run_program({"openssl", "pkey", "-in", key_file, "-pubout", "-out", pub_file}) == 0);
    const auto pub = PublicKey::from_pem(dir.read("key.pub"));
    const auto key = PrivateKey::from_pem(dir.read("key.pem"));
    REQUIRE(pub);
    CHECK(pub->pem() == dir.read("key.pub"));
    REQUIRE(code_of(key) == (c.signs ? kAccepted : Code::kKeyUnsupported));
    if (c.signs) {
      CHECK(key->public_key() == *pub);
      CHECK(std::string(key->pem().view()) == dir.read("key.pem"));
    }
    Envelope envelope{"text/plain", "signed by openssl", {}};
    const std::string message = dir.write("pae", pae(envelope.payload_type, envelope.payload));
    argv = {"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key_file, "-in", message, "-out", sig_file};
    argv.insert(argv.end(), c.signing.begin(), c.signing.end());
    REQUIRE(run_program(argv) == 0);
    envelope.signatures.push_back({"", dir.read("sig")});
    const std::vector<PublicKey> keys = {*pub};
    const auto verified = verify_envelope(parse_envelope(write_envelope(envelope)).value(), keys, 1, "text/plain");
    REQUIRE(verified);
    CHECK(verified->payload() == "signed by openssl");
  }
}

TEST_CASE("C056 Keys of other kinds, sizes and spellings that openssl generated are refused") {
  const TempDir dir;
  const std::string key_file = dir.path() + "/key.pem", pub_file = dir.path() + "/key.pub";
  struct Case {
    std::vector<std::string> kind, writing;
  };
  const std::vector<Case> cases = {
      {{"ed448"}, {}},
      {{"x25519"}, {}},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-521"}, {}},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"}, {}},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"-ec_conv_form", "compressed"}},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"-ec_conv_form", "hybrid"}},
      {{"EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"-ec_param_enc", "explicit"}},
      {{"RSA", "-pkeyopt", "rsa_keygen_bits:1024"}, {}},
      {{"RSA", "-pkeyopt", "rsa_keygen_bits:2040"}, {}},
      {{"RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:4294967297"}, {}},
      {{"RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"}, {}},
  };
  for (const Case& c : cases) {
    INFO(c.kind.back() << " " << (c.writing.empty() ? "" : c.writing.back()));
    std::vector<std::string> argv = {"openssl", "genpkey", "-out", key_file, "-algorithm"};
    argv.insert(argv.end(), c.kind.begin(), c.kind.end());
    REQUIRE(run_program(argv) == 0);
    argv = {"openssl", "pkey", "-in", key_file, "-pubout", "-out", pub_file};
    argv.insert(argv.end(), c.writing.begin(), c.writing.end());
    REQUIRE(run_program(argv) == 0);
    CHECK(code_of(PublicKey::from_pem(dir.read("key.pub"))) == Code::kKeyUnsupported);
    if (c.writing.empty()) CHECK(code_of(PrivateKey::from_pem(dir.read("key.pem"))) == Code::kKeyUnsupported);
  }
}

}  // namespace airlock::verify::test
