#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

constexpr std::string_view kType = "application/vnd.in-toto+json";

std::string sign_with(std::vector<unsigned> numbers, std::string_view payload = "payload",
                      std::string_view type = kType) {
  std::vector<PrivateKey> keys;
  for (const unsigned n : numbers) keys.push_back(test_key(n));
  std::vector<const Signer*> signers;
  for (const PrivateKey& key : keys) signers.push_back(&key);
  return sign_envelope(type, payload, signers).value();
}

std::vector<PublicKey> public_keys(std::vector<unsigned> numbers) {
  std::vector<PublicKey> keys;
  for (const unsigned n : numbers) keys.push_back(test_key(n).public_key());
  return keys;
}

Code verify_text(const std::string& text, std::vector<unsigned> trusted, std::size_t threshold) {
  auto envelope = parse_envelope(text);
  if (!envelope) return envelope.error().code;
  return code_of(verify_envelope(std::move(*envelope), public_keys(std::move(trusted)), threshold, kType));
}

// The text after `change` on its document.
template <class F>
std::string edited(const std::string& text, F change) {
  Json document = parse_json(text, "envelope").value();
  change(document);
  return canonical_json(document);
}

}  // namespace

TEST_CASE("PAE counts bytes, and two different envelopes never have one encoding") {
  CHECK(pae("", "") == "DSSEv1 0  0 ");
  CHECK(pae("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(pae("\xC3\xA9", "\xE2\x82\xAC") == "DSSEv1 2 \xC3\xA9 3 \xE2\x82\xAC");
  CHECK(pae("a", "b 1 c") != pae("a 5 b", "c"));
  CHECK(pae("a b", "c") != pae("a", "b c"));
  CHECK(pae("t", std::string("x\0y", 3)).size() == std::string("DSSEv1 1 t 3 ").size() + 3);
}

TEST_CASE("Published vectors: PAE byte for byte") {
  const VectorSet set("dsse");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "pae") continue;
    INFO(item.at("id"));
    CHECK(pae(item.at("payloadType").get<std::string>(), set.file(item, "payload")) ==
          set.file(item, "expected"));
    ++checked;
  }
  CHECK(checked == 3);
}

TEST_CASE("Published envelopes of every maker: what their keys signed is accepted, and nothing else") {
  const VectorSet set("dsse");
  std::size_t checked = 0;
  for (const Json& item : set.cases()) {
    if (item.at("kind") != "envelope") continue;
    INFO(item.at("id"));
    std::vector<PublicKey> keys;
    for (const auto& [role, file] : item.at("files").items())
      if (role.starts_with("key")) keys.push_back(PublicKey::from_pem(set.file(item, role)).value());
    const auto envelope = parse_envelope(set.file(item, "envelope"));
    // DSSE names no scheme: DER or r || s, PSS or PKCS #1 are all tried, as for any envelope.
    const std::size_t threshold = item.value("threshold", std::size_t{1});
    const bool accepted = envelope && verify_envelope(*envelope, keys, threshold, envelope->payload_type);
    CHECK(accepted == (item.at("expect") == "accept"));
    ++checked;
    if (!accepted) continue;
    Envelope ours = *envelope;
    REQUIRE(add_signature(ours, test_key(1)));
    keys.push_back(test_key(1).public_key());
    CHECK(verify_envelope(ours, keys, threshold + 1, ours.payload_type).value().payload() == envelope->payload);
    CHECK(code_of(verify_envelope(*envelope, keys, threshold + 1, ours.payload_type)) == Code::kDsseThreshold);
    CHECK(code_of(verify_envelope(*envelope, keys, threshold, "text/other")) == Code::kDssePayloadType);
  }
  CHECK(checked == 39);
}

TEST_CASE("An envelope we sign is canonical, the same every time, and verifies") {
  const std::string text = sign_with({1, 2});
  CHECK(text == sign_with({1, 2}));
  CHECK(canonical_json(parse_json(text, "envelope").value()) == text);
  const auto verified = verify_envelope(parse_envelope(text).value(), public_keys({1, 2, 3}), 2, kType);
  REQUIRE(verified);
  CHECK(verified->payload() == "payload");
  std::vector<std::string> ids = {test_key(1).key_id(), test_key(2).key_id()};
  std::ranges::sort(ids);
  CHECK(verified->key_ids() == ids);
  CHECK(write_envelope(parse_envelope(text).value()) == text);
  CHECK(code_of(sign_envelope(kType, "payload", {})) == Code::kUsage);
}

TEST_CASE("A later signature joins the others; a second one by the same key takes the place of its first") {
  Envelope envelope = parse_envelope(sign_with({1})).value();
  REQUIRE(add_signature(envelope, test_key(2)));
  REQUIRE(add_signature(envelope, test_key(1)));
  CHECK(envelope.signatures.size() == 2);
  CHECK(code_of(verify_envelope(envelope, public_keys({1, 2}), 2, kType)) == kAccepted);
}

TEST_CASE("Attacks on the threshold and on the payload") {
  struct Case {
    const char* name;
    std::string text;
    std::vector<unsigned> trusted;
    std::size_t threshold;
    Code want;
  };
  const std::string one = sign_with({1}), both = sign_with({1, 2});
  const auto sig_of = [](const std::string& text, std::size_t i) {
    return parse_json(text, "e").value()["signatures"][i];
  };
  const std::vector<Case> cases = {
      {"signed by the one trusted key", one, {1}, 1, kAccepted},
      {"signed by two of two", both, {1, 2}, 2, kAccepted},
      {"signed by another key", one, {2}, 1, Code::kDsseThreshold},
      {"no trusted key at all", one, {}, 1, Code::kDsseThreshold},
      {"threshold of nobody", one, {1}, 0, Code::kDsseThreshold},
      {"one of two needed signers", one, {1, 2}, 2, Code::kDsseThreshold},
      {"two signatures by one key",
       edited(one, [&](Json& e) { e["signatures"].push_back(sig_of(one, 0)); }),
       {1, 2},
       2,
       Code::kDsseThreshold},
      {"one key under two ids",
       edited(one,
              [&](Json& e) {
                e["signatures"].push_back(sig_of(one, 0));
                e["signatures"][1]["keyid"] = test_key(2).key_id();
              }),
       {1, 2},
       2,
       Code::kDsseThreshold},
      {"one key trusted twice",
       edited(one, [&](Json& e) { e["signatures"].push_back(sig_of(one, 0)); }),
       {1, 1},
       2,
       Code::kDsseThreshold},
      {"a hint that names nobody",
       edited(one, [](Json& e) { e["signatures"][0]["keyid"] = "nobody"; }),
       {1},
       1,
       kAccepted},
      {"a hint that names another trusted key",
       edited(one, [](Json& e) { e["signatures"][0]["keyid"] = test_key(2).key_id(); }),
       {1, 2},
       1,
       kAccepted},
      {"no hint", edited(one, [](Json& e) { e["signatures"][0].erase("keyid"); }), {1}, 1, kAccepted},
      {"bad signatures beside enough good ones",
       edited(both,
              [](Json& e) {
                for (const char* s : {"", "AAAA"})
                  e["signatures"].insert(e["signatures"].begin(),
                                         Json::object({{"keyid", test_key(1).key_id()}, {"sig", s}}));
              }),
       {1, 2},
       2,
       kAccepted},
      {"payload type changed",
       edited(one, [](Json& e) { e["payloadType"] = "text/plain"; }),
       {1},
       1,
       Code::kDsseThreshold},
      {"payload changed",
       edited(one, [](Json& e) { e["payload"] = to_base64("Payload"); }),
       {1},
       1,
       Code::kDsseThreshold},
      {"PAE as the payload",
       edited(one, [](Json& e) { e["payload"] = to_base64(pae(kType, "payload")); }),
       {1},
       1,
       Code::kDsseThreshold},
      {"payload and type shifted against each other",
       edited(sign_with({1}, "b 1 c", "a"),
              [](Json& e) {
                e["payloadType"] = "a 5 b";
                e["payload"] = to_base64("c");
              }),
       {1},
       1,
       Code::kDsseThreshold},
      {"another type, well signed", sign_with({1}, "payload", "text/plain"), {1}, 1, Code::kDssePayloadType},
      {"another type, badly signed: the signature is told first",
       sign_with({2}, "payload", "text/plain"),
       {1},
       1,
       Code::kDsseThreshold},
      {"signature cut short",
       edited(one, [](Json& e) { e["signatures"][0]["sig"] = to_base64(std::string(63, 'x')); }),
       {1},
       1,
       Code::kDsseThreshold},
      {"64 signatures, the last one good",
       edited(one,
              [&](Json& e) {
                while (e["signatures"].size() < 64)
                  e["signatures"].insert(e["signatures"].begin(),
                                         Json::object({{"keyid", ""}, {"sig", "AAAA"}}));
              }),
       {1},
       1,
       kAccepted},
      {"65 signatures",
       edited(one,
              [&](Json& e) {
                while (e["signatures"].size() < 65)
                  e["signatures"].insert(e["signatures"].begin(),
                                         Json::object({{"keyid", ""}, {"sig", "AAAA"}}));
              }),
       {1},
       1,
       Code::kDsseMalformed},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(verify_text(c.text, c.trusted, c.threshold) == c.want);
  }
}

TEST_CASE("The form of an envelope is strict where two readers could differ, and open where it may grow") {
  const std::string payload =
      "\xFB\xFF\xFE payload";  // its base64 has both of the letters that the alphabets differ in
  const PrivateKey key = test_key(1);
  const Signer* signer = &key;
  const std::string good = sign_envelope(kType, payload, {&signer, 1}).value();
  const auto url = [](std::string text) {
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
  };
  REQUIRE(to_base64(payload).substr(0, 4) == "+//+");
  struct Case {
    const char* name;
    std::string text;
    Code want;
  };
  const std::vector<Case> cases = {
      {"as it is written", good, kAccepted},
      {"URL-safe base64 in both places",
       edited(good,
              [&](Json& e) {
                e["payload"] = url(e["payload"]);
                e["signatures"][0]["sig"] = url(e["signatures"][0]["sig"]);
              }),
       kAccepted},
      {"mixed base64", edited(good, [](Json& e) { e["payload"] = "-//-IHBheWxvYWQ="; }),
       Code::kDsseMalformed},
      {"base64 without padding", edited(good, [](Json& e) { e["payload"] = "AA"; }), Code::kDsseMalformed},
      {"base64 with unused bits set", edited(good, [](Json& e) { e["payload"] = "AB=="; }),
       Code::kDsseMalformed},
      {"base64 with a line feed", edited(good, [](Json& e) { e["payload"] = "AAAA\nAAA"; }),
       Code::kDsseMalformed},
      {"fields nobody knows",
       edited(good,
              [](Json& e) {
                e["later"] = {{"x", 1}};
                e["signatures"][0]["cert"] = "y";
              }),
       kAccepted},
      {"a key twice", "{\"payload\":\"AAAA\"," + good.substr(1), Code::kDsseMalformed},
      {"a key twice, once escaped", "{\"pa\\u0079load\":\"AAAA\"," + good.substr(1), Code::kDsseMalformed},
      {"a key twice in a signature",
       edited(good, [](Json&) {}).replace(good.find("{\"keyid\""), 1, "{\"sig\":\"AAAA\","),
       Code::kDsseMalformed},
      {"bytes after it", good + "{}", Code::kDsseMalformed},
      {"cut short", good.substr(0, good.size() / 2), Code::kDsseMalformed},
      {"not an object", "[]", Code::kDsseMalformed},
      {"nothing", "", Code::kDsseMalformed},
      {"no payload", edited(good, [](Json& e) { e.erase("payload"); }), Code::kDsseMalformed},
      {"payload is a number", edited(good, [](Json& e) { e["payload"] = 7; }), Code::kDsseMalformed},
      {"no payload type", edited(good, [](Json& e) { e.erase("payloadType"); }), Code::kDsseMalformed},
      {"no signatures field", edited(good, [](Json& e) { e.erase("signatures"); }), Code::kDsseMalformed},
      {"no signature", edited(good, [](Json& e) { e["signatures"] = Json::array(); }), Code::kDsseMalformed},
      {"signatures are an object", edited(good, [](Json& e) { e["signatures"] = Json::object(); }),
       Code::kDsseMalformed},
      {"a signature is text", edited(good, [](Json& e) { e["signatures"][0] = "x"; }), Code::kDsseMalformed},
      {"a signature without sig", edited(good, [](Json& e) { e["signatures"][0].erase("sig"); }),
       Code::kDsseMalformed},
      {"sig is not base64", edited(good, [](Json& e) { e["signatures"][0]["sig"] = "???"; }),
       Code::kDsseMalformed},
      {"keyid is a number", edited(good, [](Json& e) { e["signatures"][0]["keyid"] = 7; }),
       Code::kDsseMalformed},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(verify_text(c.text, {1}, 1) == c.want);
  }
  Limits small;
  small.manifest_bytes = good.size() - 1;
  CHECK(code_of(parse_envelope(good, "envelope", small)) == Code::kTooLarge);
}

TEST_CASE("Every single flipped bit of a signed envelope is refused or changes nothing that was signed") {
  const std::string good = sign_with({1}, "{\"a\":1}");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    auto envelope = parse_envelope(bad);
    if (!envelope) continue;
    const auto verified = verify_envelope(std::move(*envelope), public_keys({1}), 1, kType);
    if (verified) CHECK(verified->payload() == "{\"a\":1}");
  }
}

}  // namespace airlock::verify::test
