#include "base/json.h"

#include <catch2/catch.hpp>

using namespace airlock;

namespace {
struct Case {
  const char* name;
  std::string text;
  bool ok;
};
}  // namespace

TEST_CASE("parse_json refuses what two readers could understand differently") {
  const Case cases[] = {
      {"plain object", R"({"a":1,"b":[true,null,"x"]})", true},
      {"top-level scalar", "1", true},
      {"duplicate key", R"({"a":1,"a":2})", false},
      {"duplicate key after unescaping", "{\"a\":1,\"\\u0061\":2}", false},
      {"duplicate nested key", R"([{"a":{"b":1,"b":1}}])", false},
      {"NaN", "NaN", false},
      {"number out of range", "1e999", false},
      {"integer over 64 bits", "18446744073709551616", false},
      {"largest unsigned", "18446744073709551615", true},
      {"a double as RFC 8785 writes it", "100000000000000000000", true},
      {"the same, negative", "-100000000000000000000", true},
      {"its neighbour, which no double is", "100000000000000000001", false},
      {"leading zero", "01", false},
      {"trailing bytes", "{} x", false},
      {"trailing NUL", std::string("{}\0", 3), false},
      {"byte order mark", "\xEF\xBB\xBF{}", false},
      {"comment", "/*x*/{}", false},
      {"lone surrogate", "\"\\ud800\"", false},
      {"invalid UTF-8", "\"\xff\"", false},
      {"over-long UTF-8", "\"\xc0\xaf\"", false},
      {"single quotes", "{'a':1}", false},
      {"empty input", "", false},
      {"64 levels", std::string(64, '[') + std::string(64, ']'), true},
      {"65 levels", std::string(65, '[') + std::string(65, ']'), false},
      {"100000 levels", std::string(100000, '['), false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(parse_json(c.text, "test").has_value() == c.ok);
  }
}

TEST_CASE("long strings are read as short ones are, wherever they stand") {
  const std::string plain(100, 'a'), other(70, 'b'), limit(48, 'c'), below(47, 'd');
  const std::string escaped = std::string(60, 'e') + "\\\\\\\"" + std::string(60, 'f'), wide = std::string(60, 'g') + "\xC3\xA9";
  Json document{{plain, other}, {"short", {plain, "", below, limit, escaped, wide, plain}}, {limit, {{other, nullptr}}}, {"n", 1.5}};
  document["last"] = "\\";
  const auto parsed = parse_json(document.dump(), "test");
  REQUIRE(parsed);
  CHECK(*parsed == document);
  const auto spaced = parse_json(document.dump(2), "test");
  REQUIRE(spaced);
  CHECK(*spaced == document);
}

TEST_CASE("long strings do not hide what is wrong, nor move where it stands") {
  const std::string text(100, 'a');
  const auto context = [](const std::string& json) {
    const auto r = parse_json(json, "x");
    REQUIRE_FALSE(r);
    return r.error().context;
  };
  CHECK_THAT(context("{\"" + text + "\": 1, \"" + text + "\": 2}"), Catch::Contains("duplicate key"));
  CHECK_THAT(context("[\"" + text + "\",\n\"" + text + "\" x]"), Catch::StartsWith("x, line 2 column 104:"));
  CHECK_THAT(context("[\"" + text + "]"), Catch::Contains("missing closing quote"));
  CHECK_THAT(context("[\"" + text + "\"] \"" + text + "\""), Catch::StartsWith("x, line 1 column"));
  CHECK_THAT(context("[\"" + text + "\n\"]"), Catch::Contains("control character"));
  CHECK_THAT(context("[\"" + text + "\xFF\"]"), Catch::Contains("ill-formed UTF-8"));
  CHECK_THAT(context("[\"" + text + "\\q\"]"), Catch::Contains("forbidden character after backslash"));
}

TEST_CASE("a JSON error names line and column") {
  const auto r = parse_json("{\n  \"a\": tru\n}", "spec.json");
  REQUIRE(!r);
  CHECK(r.error().code == Code::kJson);
  CHECK(r.error().context.starts_with("spec.json, line 2 column 11: syntax error"));
}

TEST_CASE("canonical_json is RFC 8785") {
  const auto v = parse_json("{\"\\u20ac\":\"Euro\",\"\\r\":\"CR\",\"\\ufb33\":\"Hebrew\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Smile\","
                            "\"\\u0080\":\"Control\",\"\\u00f6\":\"o\"}", "t");
  REQUIRE(v);
  // The order of RFC 8785 section 3.2.3: by UTF-16 code units, so the emoji comes before U+FB33.
  CHECK(canonical_json(*v) ==
        "{\"\\r\":\"CR\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"o\",\"\xe2\x82\xac\":\"Euro\","
        "\"\xf0\x9f\x98\x80\":\"Smile\",\"\xef\xac\xb3\":\"Hebrew\"}");
}

TEST_CASE("canonical numbers are those of ECMAScript") {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0"}, {-0.0, "0"}, {1.0, "1"}, {-1.5, "-1.5"}, {1e21, "1e+21"}, {1e20, "100000000000000000000"},
      {1e-6, "0.000001"}, {1e-7, "1e-7"}, {5e-324, "5e-324"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
      {333333333.33333329, "333333333.3333333"}, {4.5, "4.5"}, {2e-3, "0.002"}, {9007199254740992.0, "9007199254740992"},
  };
  for (const auto& [value, text] : cases) CHECK(canonical_number(value) == text);
}

TEST_CASE("ObjectReader names the path of a bad field and the likely spelling of an unknown one") {
  const Json doc = {{"timeoutt", "5m"}, {"count", -1}};
  auto r = ObjectReader::of(doc, "steps[2]");
  REQUIRE(r);
  CHECK(r->uint("count").error().context == "steps[2].count: expected a whole number, zero or more");
  CHECK(r->string("name").error().context == "steps[2].name: missing, expected a string");
  (void)r->string_or("timeout", "");
  const auto end = r->finish();
  REQUIRE(!end);
  CHECK(end.error().code == Code::kSpecUnknownField);
  CHECK(end.error().context == "steps[2].timeoutt, did you mean \"timeout\"?");
}
