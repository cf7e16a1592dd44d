// Somebody else's code agrees: the openssl program checks what we sign, and we check what it signs.
#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {

TEST_CASE("openssl verifies the PAE of an envelope we signed, with the PEM we wrote") {
  const TempDir dir;
  const PrivateKey key = test_key(1);
  const Signer* signer = &key;
  const Envelope envelope =
      parse_envelope(sign_envelope("application/vnd.in-toto+json", "{\"a\":1}", {&signer, 1}).value())
          .value();
  const std::string pub = dir.write("key.pub", key.public_key().pem());
  const std::string sig = dir.write("sig", envelope.signatures.at(0).sig);
  const auto verify = [&](const std::string& message) {
    return run_program({"openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pub, "-in", message,
                        "-sigfile", sig});
  };
  CHECK(verify(dir.write("pae", pae(envelope.payload_type, envelope.payload))) == 0);
  CHECK(verify(dir.write("payload", envelope.payload)) != 0);
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
  const TempDir dir;
  const std::string key_file = dir.path() + "/key.pem", pub_file = dir.path() + "/key.pub",
                    sig_file = dir.path() + "/sig";
  REQUIRE(run_program({"openssl", "genpkey", "-algorithm", "ed25519", "-out", key_file}) == 0);
  REQUIRE(run_program({"openssl", "pkey", "-in", key_file, "-pubout", "-out", pub_file}) == 0);
  const auto pub = PublicKey::from_pem(dir.read("key.pub"));
  const auto key = PrivateKey::from_pem(dir.read("key.pem"));
  REQUIRE((pub && key));
  CHECK(key->public_key() == *pub);
  CHECK(std::string(key->pem().view()) == dir.read("key.pem"));
  CHECK(pub->pem() == dir.read("key.pub"));

  Envelope envelope{"text/plain", "signed by openssl", {}};
  const std::string message = dir.write("pae", pae(envelope.payload_type, envelope.payload));
  REQUIRE(run_program({"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key_file, "-in", message, "-out",
                       sig_file}) == 0);
  envelope.signatures.push_back({"", dir.read("sig")});
  const std::vector<PublicKey> keys = {*pub};
  const auto verified =
      verify_envelope(parse_envelope(write_envelope(envelope)).value(), keys, 1, "text/plain");
  REQUIRE(verified);
  CHECK(verified->payload() == "signed by openssl");
  CHECK(key->sign(pae("text/plain", "signed by openssl")).value() == envelope.signatures[0].sig);
}

TEST_CASE("Keys of other kinds that openssl generated are named and refused") {
  const TempDir dir;
  const std::string key_file = dir.path() + "/key.pem", pub_file = dir.path() + "/key.pub";
  const std::vector<std::vector<std::string>> kinds = {
      {"ed448"}, {"x25519"}, {"EC", "-pkeyopt", "ec_paramgen_curve:P-256"}};
  for (const std::vector<std::string>& kind : kinds) {
    INFO(kind[0]);
    std::vector<std::string> argv = {"openssl", "genpkey", "-out", key_file, "-algorithm"};
    argv.insert(argv.end(), kind.begin(), kind.end());
    REQUIRE(run_program(argv) == 0);
    REQUIRE(run_program({"openssl", "pkey", "-in", key_file, "-pubout", "-out", pub_file}) == 0);
    CHECK(code_of(PublicKey::from_pem(dir.read("key.pub"))) == Code::kKeyUnsupported);
    CHECK(code_of(PrivateKey::from_pem(dir.read("key.pem"))) == Code::kKeyUnsupported);
  }
}

}  // namespace airlock::verify::test
