#include <catch2/catch.hpp>

#include "base/json.h"
#include "manifests/pem.h"
#include "manifests/trust_roots.h"

namespace airlock::manifests::test {
namespace {

constexpr Code kAccepted{-1};

template <class T>
Code code_of(const Result<T>& result) {
  return result ? kAccepted : result.error().code;
}

// Not a real key: this document only asks that the id is the digest of the bytes.
TrustedKey key(const std::string& seed) {
  return {Digest::of(seed).hex(), der_to_pem(seed, "PUBLIC KEY"), std::nullopt};
}

TrustRoots sample() {
  TrustRoots roots{.threshold = 2,
                   .keys = {key("one"), key("two"), key("three")},
                   .valid_from = Instant::parse("2026-01-01T00:00:00Z").value(),
                   .valid_until = Instant::parse("2027-01-01T00:00:00Z").value()};
  roots.keys[1].name = "release key, Zürich";
  std::ranges::sort(roots.keys, {}, &TrustedKey::keyid);
  return roots;
}

}  // namespace

TEST_CASE("Trust roots that are written are read back, and written the same again") {
  const std::string text = write_trust_roots(sample()).value();
  CHECK(parse_trust_roots(text).value() == sample());
  CHECK(write_trust_roots(parse_trust_roots(text).value()).value() == text);
  TrustRoots shuffled = sample();
  std::ranges::reverse(shuffled.keys);
  CHECK(write_trust_roots(shuffled).value() == text);
}

TEST_CASE("The window of trust roots holds its first instant and not its last") {
  const TrustRoots roots = sample();
  CHECK_FALSE(roots.valid_at(roots.valid_from - Millis(1)));
  CHECK(roots.valid_at(roots.valid_from));
  CHECK(roots.valid_at(roots.valid_until - Millis(1)));
  CHECK_FALSE(roots.valid_at(roots.valid_until));
}

TEST_CASE("Trust roots that promise more than they hold are refused with the place") {
  struct Case {
    const char* name;
    void (*change)(Json&);
    Code want;
    const char* place;
  };
  static constexpr Case kCases[] = {
      {"another schema", [](Json& d) { d["schema"] = "airlock.trust-roots/v2"; }, Code::kField, "schema"},
      {"no schema", [](Json& d) { d.erase("schema"); }, Code::kField, "schema"},
      {"threshold of nobody", [](Json& d) { d["threshold"] = 0; }, Code::kField, "threshold"},
      {"threshold above the number of keys", [](Json& d) { d["threshold"] = 4; }, Code::kField, "threshold"},
      {"threshold met only by counting a key twice",
       [](Json& d) {
         d["threshold"] = 4;
         d["keys"].push_back(d["keys"][0]);
       },
       Code::kField, "keys[3]"},
      {"negative threshold", [](Json& d) { d["threshold"] = -1; }, Code::kField, "threshold"},
      {"threshold as text", [](Json& d) { d["threshold"] = "2"; }, Code::kField, "threshold"},
      {"no keys", [](Json& d) { d["keys"] = Json::array(); }, Code::kField, "keys"},
      {"one key under another id", [](Json& d) { d["keys"][1]["keyid"] = d["keys"][0]["keyid"]; },
       Code::kField, "keys[1].keyid"},
      {"an id in upper case",
       [](Json& d) {
         std::string id = d["keys"][0]["keyid"];
         for (char& c : id) c = static_cast<char>(std::toupper(c));
         d["keys"][0]["keyid"] = id;
       },
       Code::kField, "keys[0].keyid"},
      {"a key that is no PEM", [](Json& d) { d["keys"][0]["pem"] = "AAAA"; }, Code::kField, "keys[0].pem"},
      {"a private key",
       [](Json& d) {
         d["keys"][0]["pem"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
       },
       Code::kField, "keys[0].pem"},
      {"an empty name", [](Json& d) { d["keys"][0]["name"] = ""; }, Code::kField, "keys[0].name"},
      {"a name that moves the cursor", [](Json& d) { d["keys"][0]["name"] = "a\x1b[2J"; }, Code::kField,
       "keys[0].name"},
      {"a misspelt field", [](Json& d) { d["keys"][0]["nmae"] = "x"; }, Code::kSpecUnknownField, "nmae"},
      {"a field nobody knows", [](Json& d) { d["skipVerification"] = true; }, Code::kSpecUnknownField,
       "skipVerification"},
      {"an empty window", [](Json& d) { d["validUntil"] = d["validFrom"]; }, Code::kField, "validUntil"},
      {"no window", [](Json& d) { d.erase("validUntil"); }, Code::kField, "validUntil"},
      {"a time in another zone", [](Json& d) { d["validFrom"] = "2026-01-01T00:00:00+01:00"; }, Code::kField,
       "validFrom"},
  };
  for (const Case& c : kCases) {
    INFO(c.name);
    Json document = parse_json(write_trust_roots(sample()).value(), "trust roots").value();
    c.change(document);
    const auto roots = parse_trust_roots(canonical_json(document));
    CHECK(code_of(roots) == c.want);
    if (!roots) CHECK(roots.error().context.find(c.place) != std::string::npos);
  }
}

TEST_CASE("Trust roots that are no strict JSON, or too large, are refused") {
  const std::string good = write_trust_roots(sample()).value();
  CHECK(code_of(parse_trust_roots("{\"threshold\":1," + good.substr(1))) == Code::kJson);
  CHECK(code_of(parse_trust_roots(good + "x")) == Code::kJson);
  CHECK(code_of(parse_trust_roots("")) == Code::kJson);
  CHECK(code_of(parse_trust_roots("[]")) == Code::kField);
  Limits small;
  small.metadata_bytes = good.size() - 1;
  CHECK(code_of(parse_trust_roots(good, small)) == Code::kTooLarge);
  CHECK(code_of(write_trust_roots(sample(), small)) == Code::kTooLarge);
}

TEST_CASE("Trust roots that would be refused when read are not written") {
  TrustRoots roots = sample();
  roots.threshold = 4;
  CHECK(code_of(write_trust_roots(roots)) == Code::kField);
  roots = sample();
  roots.keys[1] = roots.keys[0];
  CHECK(code_of(write_trust_roots(roots)) == Code::kField);
  roots = sample();
  for (int i = 0; i < 64; ++i) roots.keys.push_back(key("more " + std::to_string(i)));
  CHECK(code_of(write_trust_roots(roots)) == Code::kField);
}

}  // namespace airlock::manifests::test
