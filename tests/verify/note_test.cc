#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/note_text.h"
#include "support.h"
#include "verify/log_checkpoint.h"

namespace airlock::verify::test {
namespace {

constexpr std::string_view kName = "airlock/0123456789abcdef";

Checkpoint sample() {
  return {.origin = std::string(kName) + "/acme", .size = 42, .root = Digest::of("root"), .extensions = {}};
}

std::string signed_sample(unsigned number = 1) {
  return sign_checkpoint(sample(), kName, test_key(number)).value();
}

Code check(const std::string& note, std::vector<unsigned> trusted, std::string_view name = kName) {
  std::vector<PublicKey> keys;
  for (const unsigned n : trusted) keys.push_back(test_key(n).public_key());
  return code_of(verify_checkpoint(note, name, keys));
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  return text.replace(text.find(what), what.size(), by);
}

std::vector<NoteKey> parse_vkeys(const Json& list) {
  std::vector<NoteKey> keys;
  for (const Json& text : list) keys.push_back(NoteKey::parse(text.get<std::string>()).value());
  return keys;
}

}  // namespace

TEST_CASE("A tlog proof is read, and anything else in its place refused") {
  const std::string hash = to_base64(Digest::of("h").raw());
  const std::string good = "c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 10\n" + hash + "\n\ncheckpoint\n";
  const auto proof = parse_tlog_proof(good);
  REQUIRE(proof);
  CHECK(proof->extra == "extra");
  CHECK(proof->index == 10);
  CHECK(proof->hashes == Proof{Digest::of("h")});
  CHECK(proof->checkpoint == "checkpoint\n");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"@v1", "@v2"}, {"index 10", "index 010"}, {"index 10", "index -1"}, {"index 10", "index 18446744073709551616"},
           {"index 10\n", ""}, {"\n\n", "\n"}, {hash, hash.substr(4)}, {"ZXh0cmE=", "ZXh0cmE"}, {"checkpoint\n", ""}})
    CHECK_FALSE(parse_tlog_proof(replaced(good, from, to)));
  CHECK_FALSE(parse_tlog_proof(replaced(good, hash + "\n", [&] { std::string many; for (int i = 0; i < 64; ++i) many += hash + "\n"; return many; }())));
}

TEST_CASE("Published notes: opened, counted and refused as the reference does") {
  const VectorSet set("tlog-note");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "note") continue;
    INFO(item.at("id"));
    const auto note = parse_note(set.file(item, "note"));
    const auto verified =
        note ? verify_note(*note, parse_vkeys(item.at("vkeys"))) : Result<VerifiedNote>(fail(note.error()));
    CHECK(verified.has_value() == (item.at("expect") == "accept"));
    ++checked;
    if (!verified) continue;
    CHECK(verified->names().size() == item.at("verified").get<std::size_t>());
    CHECK(verified->ignored() == item.at("unverified").get<std::size_t>());
    CHECK(write_note(*note) == set.file(item, "note"));
  }
  CHECK(checked == 16);
}

TEST_CASE("Published verifier keys: read and written again, and refused with bytes too many") {
  const VectorSet set("tlog-note");
  for (const Json& item : set.cases()) {
    if (item.at("kind") == "vkey") CHECK_FALSE(NoteKey::parse(item.at("vkey").get<std::string>()));
    if (item.at("kind") != "note") continue;
    for (const Json& text : item.at("vkeys"))
      CHECK(NoteKey::parse(text.get<std::string>()).value().text() == text);
  }
  for (const char* bad :
       {"", "a", "a+b", "a+00000000+", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}) {
    INFO(bad);
    CHECK(code_of(NoteKey::parse(bad)) == Code::kNoteMalformed);
  }
}

TEST_CASE("Published checkpoint bodies: parsed or refused; a root that is not SHA-256 is refused too") {
  const VectorSet set("tlog-note");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "checkpoint-body") continue;
    INFO(item.at("id"));
    const std::string body = set.file(item, "body");
    CHECK_FALSE(parse_checkpoint(body));  // all of these roots are short words
    ++checked;
    if (item.at("expect") != "accept") continue;
    const auto full = parse_checkpoint(
        replaced(body, item.at("hash").get<std::string>(), to_base64(Digest::of("r").raw())));
    // Trailing empty lines are no extension lines: the reference parser keeps them as "rest", we refuse them.
    CHECK(full.has_value() == !body.ends_with("\n\n"));
    if (!full) continue;
    CHECK(full->origin == item.at("origin").get<std::string>());
    CHECK(full->size == item.at("size").get<std::uint64_t>());
  }
  CHECK(checked == 14);
}

TEST_CASE("Checkpoints of production logs verify under the log's key, and not under another") {
  const VectorSet set("tlog-note");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "rekor-checkpoint") continue;
    INFO(item.at("id"));
    const std::vector<PublicKey> key = {PublicKey::from_pem(set.file(item, "key")).value()};
    const std::string bytes = set.file(item, "checkpoint");
    CHECK(verify_log_checkpoint(bytes, key[0]).has_value() == (item.at("expect") == "accept"));
    CHECK_FALSE(verify_log_checkpoint(bytes, test_key(1).public_key()));
    // The form of our own checkpoints is the one with Ed25519 under the whole origin.
    if (key[0].algorithm() != KeyAlgorithm::kEd25519) continue;
    const std::string origin = bytes.substr(0, bytes.find('\n'));
    CHECK(code_of(verify_checkpoint(bytes, origin, key)) == kAccepted);
    CHECK(check(bytes, {1}, origin) == Code::kNoteSignature);
    ++checked;
  }
  CHECK(checked == 11);
}

TEST_CASE("A checkpoint we sign has the agreed form and verifies") {
  const PrivateKey key = test_key(1);
  const std::string note = signed_sample();
  const std::string body = "airlock/0123456789abcdef/acme\n42\n" + to_base64(Digest::of("root").raw()) + "\n";
  const std::string hash =
      std::string(Digest::of(std::string(kName) + "\n\x01" + key.raw_public_key()).raw().substr(0, 4));
  CHECK(note == body + "\n\xE2\x80\x94 " + std::string(kName) + " " +
                    to_base64(hash + key.sign(body).value()) + "\n");
  const std::vector<PublicKey> keys = {key.public_key()};
  const auto verified = verify_checkpoint(note, kName, keys);
  REQUIRE(verified);
  CHECK(verified->get() == sample());
  CHECK(verified->signer() == key.key_id());
}

TEST_CASE("The checkpoint the ledger writes is the one that is signed here, byte for byte") {
  const Checkpoint c = sample();
  CHECK(signed_checkpoint(kName, c.origin, c.size, c.root, test_key(1)).value() == signed_sample());
}

TEST_CASE("Attacks on a checkpoint") {
  const std::string good = signed_sample(), line = good.substr(good.find("\n\n") + 2);
  const std::string other =
      sign_checkpoint({.origin = "o", .size = 1, .root = Digest::of("x"), .extensions = {}}, kName,
                      test_key(1))
          .value();
  struct Case {
    const char* name;
    std::string note;
    std::vector<unsigned> trusted;
    Code want;
  };
  const std::vector<Case> cases = {
      {"as it is written", good, {1}, kAccepted},
      {"one trusted key of several", good, {3, 1, 2}, kAccepted},
      {"the same key given twice", good, {1, 1}, kAccepted},
      {"another key", good, {2}, Code::kNoteSignature},
      {"no key", good, {}, Code::kNoteSignature},
      {"size changed", replaced(good, "\n42\n", "\n43\n"), {1}, Code::kNoteSignature},
      {"tenant changed", replaced(good, "/acme", "/evil"), {1}, Code::kNoteSignature},
      {"a line added to the text", replaced(good, "\n\n", "\nx\n\n"), {1}, Code::kNoteSignature},
      {"signed under another name",
       sign_checkpoint(sample(), "airlock/ffffffffffffffff", test_key(1)).value(),
       {1},
       Code::kNoteSignature},
      {"signature of another checkpoint",
       replaced(good, line, other.substr(other.find("\n\n") + 2)),
       {1},
       Code::kNoteSignature},
      {"signature line doubled", good + line, {1}, kAccepted},
      {"a line of somebody else", good + replaced(line, kName, "other"), {1}, kAccepted},
      {"cut in the signature", good.substr(0, good.size() - 4), {1}, Code::kNoteMalformed},
      {"bytes after it", good + "x", {1}, Code::kNoteMalformed},
      {"an empty line after it", good + "\n", {1}, Code::kNoteMalformed},
      {"no signature", good.substr(0, good.find("\n\n") + 2), {1}, Code::kNoteMalformed},
      {"text only", good.substr(0, good.find("\n\n") + 1), {1}, Code::kNoteMalformed},
      {"a carriage return", replaced(good, "\n42\n", "\r\n42\n"), {1}, Code::kNoteMalformed},
      {"a hyphen for the dash", replaced(good, "\xE2\x80\x94", "-"), {1}, Code::kNoteMalformed},
      {"invalid UTF-8",
       replaced(good, "acme",
                "ac\xFF"
                "e"),
       {1},
       Code::kNoteMalformed},
      {"nothing", "", {1}, Code::kNoteMalformed},
      {"too large", std::string(2 << 20, 'x'), {1}, Code::kTooLarge},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(check(c.note, c.trusted) == c.want);
  }
}

TEST_CASE("A signed text that is no checkpoint is not taken for one") {
  const std::string root = to_base64(Digest::of("root").raw());
  struct Case {
    const char* name;
    std::string text;
    Code want;
  };
  const std::vector<Case> cases = {
      {"three lines", "o\n7\n" + root + "\n", kAccepted},
      {"an extension line", "o\n7\n" + root + "\next\n", kAccepted},
      {"the largest size", "o\n18446744073709551615\n" + root + "\n", kAccepted},
      {"a size beyond 64 bits", "o\n18446744073709551616\n" + root + "\n", Code::kNoteMalformed},
      {"a size with a leading zero", "o\n07\n" + root + "\n", Code::kNoteMalformed},
      {"a size with a sign", "o\n+7\n" + root + "\n", Code::kNoteMalformed},
      {"an empty size", "o\n\n" + root + "\n", Code::kNoteMalformed},
      {"no origin", "\n7\n" + root + "\n", Code::kNoteMalformed},
      {"a short root", "o\n7\nAAAA\n", Code::kNoteMalformed},
      {"two lines", "o\n7\n", Code::kNoteMalformed},
      {"prose", "hello\n", Code::kNoteMalformed},
  };
  const std::vector<PublicKey> keys = {test_key(1).public_key()};
  for (const Case& c : cases) {
    INFO(c.name);
    Note note{c.text, {}};
    REQUIRE(sign_note(note, kName, test_key(1)));
    CHECK(code_of(verify_checkpoint(write_note(note), kName, keys)) == c.want);
  }
}

TEST_CASE("What cannot stand in a note is not signed") {
  const PrivateKey key = test_key(1);
  Checkpoint hidden = sample();
  hidden.origin = "airlock/x/acme\n99";
  CHECK(code_of(sign_checkpoint(hidden, kName, key)) == Code::kNoteMalformed);
  hidden = sample();
  hidden.extensions = {"a\nb"};
  CHECK(code_of(sign_checkpoint(hidden, kName, key)) == Code::kNoteMalformed);
  for (const char* name : {"", "a b", "a+b", "a\nb",
                           "a\xE2\x80\xA8"
                           "b",
                           "a\xC2\xA0"
                           "b"})
    CHECK(code_of(sign_checkpoint(sample(), name, key)) == Code::kNoteMalformed);
  for (const char* text : {"", "\n", "no line feed", "control \x07\n"}) {
    Note note{text, {}};
    CHECK(code_of(sign_note(note, kName, key)) == Code::kNoteMalformed);
  }
}

}  // namespace airlock::verify::test
