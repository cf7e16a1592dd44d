#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "audit/spool.h"
#include "base/json.h"
#include "manifests/audit_line.h"
#include "manifests/audit_records.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;
using manifests::CanonicalLine;

namespace {

// What the flat reader must agree with: the strict reader and the canonical writer of base.
bool canonical_by_base(const std::string& text) {
  const auto value = parse_json(text, "text");
  return value && canonical_json(*value) == text;
}

void agrees(const std::string& text) {
  CanonicalLine line;
  INFO(text);
  CHECK(line.parse(text).has_value() == canonical_by_base(text));
}

}  // namespace

TEST_CASE("a line is accepted exactly when it is canonical JSON") {
  for (const char* text : {
           "{}", "[]", "null", "true", "false", "0", "1", "-1", "1.5", "1e21", "1e-7", "123456789012345680000", "0.000001", "\"\"", "\"a\"",
           R"({"a":1,"b":2})", R"({"b":1,"a":2})", R"({"a":1,"a":2})", R"({"a":1,})", R"({,"a":1})", R"({"a"})", R"({"a":})", R"({"a":1 })",
           R"([1,2,3])", R"([1,,2])", R"([1,])", R"([,1])", "[", "]", "{", "}", "", " ", " {}", "{} ", "{}{}", "nul", "truee", "-", "-0", "00", "01",
           "1.0", "1.50", "1E5", "1e5", "+1", ".5", "5.", "1e+21", "1e400", "18446744073709551615", "18446744073709551616", "-9223372036854775808",
           "-9223372036854775809", "\"\\u0041\"", "\"\\u001f\"", "\"\\u001F\"", "\"\\u000a\"", "\"\\n\"", "\"\\/\"", "\"/\"", "\"\\b\\f\\n\\r\\t\\\"\\\\\"",
           "\"\\u0000\"", "\"\\ud800\"", "\"\x01\"", "\"\x7f\"", "\"\xc3\xa9\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "\"\xf0\x9f\x98\x80\"", "\"a",
           "\"a\\\"", "\"12345678\\n12345678\"", "\"1234567\xc3\xa9\"", "{\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":2}", "{\"\xef\xbf\xbd\":2,\"\xf0\x9f\x98\x80\":1}",
           R"({"\n":1,"a":2})", R"({"a":2,"\n":1})", R"({"a\"":1,"a#":2})", R"({"a#":1,"a\"":2})", R"({"a":{"b":[1,{"c":null}]},"d":[]})", "NaN", "Infinity", "'a'",
           "/**/1", "\xef\xbb\xbf{}"})
    agrees(text);
}

TEST_CASE("nesting is accepted to the limit and refused behind it") {
  for (const std::size_t depth : {1UL, 63UL, 64UL, 65UL, 100000UL}) agrees(std::string(depth, '[') + std::string(depth, ']'));
}

TEST_CASE("mutations of a canonical line are judged as the strict reader judges them") {
  const std::string seed =
      R"({"actor":"user:\"ol\u0001ga\"","after":{"state":"running"},"data":{"cpuMs":12.5,"list":[1,-2,true,null],"x":"\u00e9\n"},"seq":17,"ts":"2026-11-21T08:00:00.000Z"})";
  std::mt19937 random(42);
  const std::string alphabet = "{}[]\",:\\unabtf0123456789.-+eE \x01\x80\xc3\xa9";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    const std::size_t edits = 1 + random() % 3;
    for (std::size_t i = 0; i < edits; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = alphabet[random() % alphabet.size()]; break;
        case 1: text.erase(at, 1 + random() % 4); break;
        default: text.insert(at, 1, alphabet[random() % alphabet.size()]);
      }
    }
    CanonicalLine line;
    if (line.parse(text).has_value() != canonical_by_base(text)) FAIL("disagree about: " << text);
  }
}

TEST_CASE("a view gives members by name, at any depth, and refuses unknown ones") {
  const std::string text = R"({"a":{"b":[1,{"c":"x"}]},"n":18446744073709551615,"s":"t\n"})";
  CanonicalLine line;
  const auto root = must(line.parse(text));
  CHECK(root.find("a")->find("b")->items().at(1).string_at("c") == "x");
  CHECK(root.uint_at("n") == 18446744073709551615ULL);
  CHECK(root.string_at("s") == "t\\n");
  CHECK(!root.find("b"));
  CHECK(!root.uint_at("s"));
  CHECK(root.members(std::array<std::string_view, 4>{"a", "b", "n", "s"}).has_value());
  CHECK(!root.members(std::array<std::string_view, 2>{"a", "n"}));
}

TEST_CASE("an event's members have their types or the line is refused") {
  const std::string good =
      R"({"actor":"u","after":{"state":"running"},"data":{},"kind":"run.running","seq":1,"subject":"run:x","tenant":"t","ts":"2026-11-21T08:00:00.000Z"})";
  const auto read = [](std::string text, const std::string& from, const std::string& to) {
    if (!from.empty()) text.replace(text.find(from), from.size(), to);
    CanonicalLine line;
    return manifests::read_event(must(line.parse(text))).has_value();
  };
  CHECK(read(good, "", ""));
  CHECK(!read(good, R"("seq":1)", R"("seq":-1)"));
  CHECK(!read(good, R"("actor":"u",)", ""));
  CHECK(!read(good, R"("data":{})", R"("data":[])"));
  CHECK(!read(good, "08:00:00.000Z", "08:00:00Z"));
  CHECK(!read(good, R"("state":"running")", R"("state":"flying")"));
  CHECK(read(good, R"("kind":"run.running")", R"("kind":"seal.changed")"));
}

TEST_CASE("the spool sorts more than it may hold, stably") {
  const TempDir folder;
  for (const std::size_t budget : {std::size_t{300}, std::size_t{5000}, std::size_t{1} << 30}) {
    INFO("budget " << budget);
    SortedSpool spool(folder.path(), budget);
    std::mt19937 random(7);
    std::vector<std::pair<std::string, std::string>> expected;
    for (int i = 0; i < 500; ++i) {
      const std::string key = "k" + std::to_string(random() % 60), value = std::string(random() % 200, 'v') + std::to_string(i);
      expected.emplace_back(key, value);
      must(spool.add(key, value));
    }
    std::ranges::stable_sort(expected, {}, &std::pair<std::string, std::string>::first);
    std::vector<std::pair<std::string, std::string>> got;
    must(spool.drain([&](const std::string& key, std::string value) -> Result<void> {
      got.emplace_back(key, std::move(value));
      return {};
    }));
    CHECK(got == expected);
  }
}
