// More of the hostile bundles, by their number in docs/hostile-bundles.md: envelopes, thresholds, and what happens to a file
// while it is read.
#include <catch2/catch.hpp>

#include <filesystem>

#include "archive/archive.h"
#include "base/encoding.h"
#include "support.h"
#include "verify/dsse.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

using EditEnvelope = std::function<void(Json& envelope)>;

std::string import_with(Site& site, const std::function<void(Parts&)>& change) {
  Parts bundle = parts(2, "2.0.0");
  change(bundle);
  return code_of(site.import_bytes(bundle.file()));
}

std::string import_edited(Site& site, const EditEnvelope& edit, const std::string& signers = "a") {
  return import_with(site, [&](Parts& p) {
    p.signers = signers;
    p.edit_envelope = [&](const std::string& text) {
      Json envelope = parse_json(text, "envelope").value();
      edit(envelope);
      return envelope.dump();
    };
  });
}

std::string payload_of(const Json& envelope) { return from_base64(envelope.at("payload").get<std::string>()).value(); }

}  // namespace

TEST_CASE("C040 a digest list that was altered to match other files is refused by the Merkle root that was not") {
  Site site;
  CHECK(import_with(site, [](Parts& p) {
          const std::string honest = manifests::write_bundle_statement(p.manifest).value();
          const auto root_of = [](const std::string& text) { return text.substr(text.find("\"merkleRoot\":\"") + 14, 64); };
          const std::string root = root_of(honest);
          p.members[4].bytes = noise(20'000, 77);
          list_members(p);  // every entry and subject names the exchanged file
          p.edit_statement = [=](std::string text) { return text.replace(text.find(root_of(text)), 64, root); };
        }) == "merkle-root");
  CHECK(site.state().empty());
}

TEST_CASE("C041 C103 the file that was opened is the one that is judged and stored, whatever its path becomes") {
  Site site;
  const std::string path = site.home + "/inbox/kit.airlock.tar.zst";
  write_file(path, parts().file());
  auto request = site.request(path);
  request.progress = [&](std::uint64_t, std::uint64_t) {
    write_file(path + ".new", "something else");
    std::filesystem::rename(path + ".new", path);
  };
  REQUIRE(code_of(site.import(path, request)) == "accepted");
  CHECK(site.content("data/osv/b.bin") == noise(20'000));
  CHECK(read_whole(path) == "something else");
}

TEST_CASE("C043 lengths and types of the signed encoding cannot be moved into each other") {
  Site site;
  const std::string type(manifests::kStatementPayloadType);
  for (const std::string& other : {type + " 2 {}", " " + type, type + std::string(1, '\0'), std::string("application/\xE2\x88\x9A"), std::string()})
    CHECK(import_edited(site, [&](Json& e) { e["payloadType"] = other; }) != "accepted");
  // A payload that is itself an encoding: the verifier encodes again.
  CHECK(import_edited(site, [&](Json& e) { e["payload"] = to_base64(verify::pae(type, payload_of(e))); }) == "dsse:threshold");
}

TEST_CASE("C044 a signature over the bare payload, over its base64 or over the older encoding is none") {
  Site site;
  const auto signed_over = [&](const std::function<std::string(const Json&)>& message) {
    return import_edited(site, [&](Json& e) { e["signatures"][0]["sig"] = to_base64(key('a').sign(message(e)).value()); });
  };
  CHECK(signed_over(payload_of) == "dsse:threshold");
  CHECK(signed_over([](const Json& e) { return e.at("payload").get<std::string>(); }) == "dsse:threshold");
  CHECK(signed_over([](const Json& e) { return "DSSEv0" + verify::pae(manifests::kStatementPayloadType, payload_of(e)).substr(6); }) == "dsse:threshold");
  CHECK(signed_over([](const Json& e) { return verify::pae(manifests::kStatementPayloadType, payload_of(e)); }) == "accepted");
}

TEST_CASE("C045 a field in mixed alphabets, without padding, with white space or loose bits is refused") {
  Site site;
  for (const char* field : {"payload", "sig"}) {
    const auto spoilt = [&](const std::function<std::string(std::string)>& spoil) {
      return import_edited(site, [&](Json& e) {
        Json& value = std::string_view(field) == "sig" ? e["signatures"][0]["sig"] : e["payload"];
        value = spoil(value.get<std::string>());
      });
    };
    INFO(field);
    CHECK(spoilt([](std::string text) { return "\n" + text; }) == "dsse:malformed");
    CHECK(spoilt([](std::string text) { return text + " "; }) == "dsse:malformed");
    CHECK(spoilt([](std::string text) { return "-/" + text.substr(2); }) == "dsse:malformed");
    CHECK(spoilt([](std::string text) { return text + "A"; }) == "dsse:malformed");
    CHECK(spoilt([](std::string text) { return text + "=="; }) == "dsse:malformed");
  }
  CHECK(import_edited(site, [](Json& e) {  // 64 bytes end in "==": the last digit before has four loose bits
          std::string sig = e["signatures"][0]["sig"].get<std::string>();
          sig[sig.size() - 3] = static_cast<char>(sig[sig.size() - 3] + 1);
          e["signatures"][0]["sig"] = sig;
        }) == "dsse:malformed");
}

TEST_CASE("C047 a key id only hints: a wrong one, none, or that of another key changes nothing") {
  for (const Json& id : {Json("wrong"), Json(""), Json(key('x').key_id())}) {
    Site site;
    CHECK(import_edited(site, [&](Json& e) { e["signatures"][0]["keyid"] = id; }) == "accepted");
  }
  Site site;
  CHECK(import_edited(site, [](Json& e) { e["signatures"][0].erase("keyid"); }) == "accepted");
  Site other;
  CHECK(import_edited(other, [](Json& e) { e["signatures"][0]["keyid"] = key('a').key_id(); }, "x") == "dsse:threshold");
}

TEST_CASE("C048 a bad signature before enough good ones does no harm") {
  Site site;
  CHECK(import_edited(site, [](Json& e) {
          Json bad = e["signatures"][0];
          bad["sig"] = to_base64(std::string(64, 'x'));
          e["signatures"].insert(e["signatures"].begin(), bad);
        }) == "accepted");
}

TEST_CASE("C049 C051 a threshold of nothing, of more than the keys, or met by one key under two names is no policy") {
  const std::string good = manifests::write_trust_roots(roots("ab", 2)).value();
  REQUIRE(manifests::parse_trust_roots(good));
  for (const char* threshold : {"0", "-1", "3", "9223372036854775808", "18446744073709551616", "\"2\"", "2.0", "null"}) {
    std::string text = good;
    text.replace(text.find("\"threshold\":2") + 12, 1, threshold);
    INFO(threshold);
    CHECK_FALSE(manifests::parse_trust_roots(text));
  }
  Json twice = parse_json(good, "roots").value();
  twice["keys"][1] = twice["keys"][0];
  twice["keys"][1]["name"] = "somebody else";
  CHECK_FALSE(manifests::parse_trust_roots(twice.dump()));
}

TEST_CASE("C050 many signatures and long key ids are refused before one is verified") {
  Site site;
  CHECK(import_edited(site, [](Json& e) {
          const Json one = e["signatures"][0];
          for (int i = 0; i < 1000; ++i) e["signatures"].push_back(one);
        }) == "dsse:malformed");
  CHECK(import_edited(site, [](Json& e) { e["signatures"][0]["keyid"] = std::string(kMiB, 'k'); }) != "internal");
}

TEST_CASE("C052 what verifies and then does not parse is refused") {
  Site site;
  for (const char* text : {"", "hello", "[]", "{}", "null", "{\"_type\":\"https://in-toto.io/Statement/v1\"}"}) {
    INFO(text);
    const std::string code = import_with(site, [&](Parts& p) { p.edit_statement = [=](const std::string&) { return std::string(text); }; });
    CHECK((code == "manifest-invalid" || code == "dsse:statement" || code == "dsse:malformed"));
  }
  CHECK(site.state().empty());
}

TEST_CASE("C053 trust roots count in their window and at no other time") {
  Site site;
  const std::string file = parts().file();
  for (const auto& [from, until] : {std::pair{kNow + Millis(1), kNow + std::chrono::hours(1)}, {kNow - std::chrono::hours(1), kNow}}) {
    site.trust->valid_from = from;
    site.trust->valid_until = until;
    CHECK(code_of(site.import_bytes(file)) == "invalid-trust-window");
  }
  site.trust->valid_from = kNow;
  site.trust->valid_until = kNow + Millis(1);
  CHECK(code_of(site.import_bytes(file)) == "accepted");
}

TEST_CASE("C108 what holds no proof is refused, and no environment changes that") {
  Site site;
  for (const char* name : {"AIRLOCK_INSECURE", "AIRLOCK_SKIP_VERIFY", "AIRLOCK_NO_VERIFY"}) ::setenv(name, "1", 1);
  CHECK(import_edited(site, [](Json& e) { e["signatures"] = Json::array(); }) == "dsse:malformed");
  CHECK(import_with(site, [](Parts& p) { p.signers = "x"; }) == "dsse:threshold");
  site.trust.reset();
  CHECK(code_of(site.import_bytes(parts().file())) == "trust-roots-required");
}
