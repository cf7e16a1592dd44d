#include "base/olpc_json.h"

#include <catch2/catch.hpp>

using namespace airlock;

TEST_CASE("OLPC canonical JSON has one spelling for each value") {
  const struct {
    const char* name;
    std::string text, canonical;
  } cases[] = {
      {"keys by bytes, no white space", R"({ "b" : 1, "a" : [ true, null, "x" ], "B": {} })", R"({"B":{},"a":[true,null,"x"],"b":1})"},
      {"a line feed stands as itself", R"(["a\nb\t\u0001"])", "[\"a\nb\t\x01\"]"},
      {"quote and backslash alone are escaped", R"(["\"\\\/"])", R"(["\"\\/"])"},
      {"text beyond ASCII as UTF-8", "[\"\\u00e9\\ud83d\\ude00\"]", "[\"\xC3\xA9\xF0\x9F\x98\x80\"]"},
      {"the largest and the smallest integer", "[18446744073709551615,-9223372036854775808]", "[18446744073709551615,-9223372036854775808]"},
      {"keys above the BMP sort by bytes, not by UTF-16", "{\"\\uff61\":1,\"\\ud83d\\ude00\":2}", "{\"\xEF\xBD\xA1\":1,\"\xF0\x9F\x98\x80\":2}"},
      {"a scalar", "-5", "-5"},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    CHECK(olpc_canonical_json(parse_json(c.text, "case").value()).value() == c.canonical);
  }
}

TEST_CASE("OLPC canonical JSON refuses what is not an integer") {
  for (const char* text : {"1.5", "1.0", "1e3", "{\"a\":[0.1]}"}) {
    INFO(text);
    const auto canonical = olpc_canonical_json(parse_json(text, "case").value());
    REQUIRE_FALSE(canonical);
    CHECK(canonical.error().code == Code::kJson);
  }
}
