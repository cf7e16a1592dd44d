// JSON that two readers could understand differently; the numbers are those of docs/hostile-bundles.md.
#include <catch2/catch.hpp>

#include "base/json.h"
#include "base/olpc_json.h"

using namespace airlock;

namespace {

bool refused(const std::string& text) { return !parse_json(text, "t"); }
std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("C074 a key that comes twice is refused, also when one is escaped") {
  CHECK(refused(R"({"a":1,"a":1})"));
  CHECK(refused(R"({"x":{"a":1,"b":2,"a":3}})"));
  CHECK(refused(R"({"a":1,"\u0061":2})"));
  CHECK_FALSE(refused(R"({"a":1,"A":2})"));
}

TEST_CASE("C075 numbers that do not survive are refused") {
  for (const char* text : {"NaN", "Infinity", "-Infinity", "1e999", "-1e999", "18446744073709551616", "-9223372036854775809", "01", "-01", "1.",
                           ".5", "+1", "0x1", "1e", "1e-999", "0.1e-400", "1.000000000000000005", "0.1234567890123456789",
                           "123456789012345678901234567890.0", "1e+", "--1"}) {
    INFO(text);
    CHECK(refused(text));
  }
  for (const char* text : {"0", "-0", "18446744073709551615", "-9223372036854775808", "9007199254740993", "333333333.33333329", "1E30", "4.50", "2e-3",
                           "0.000000000000000000000000001", "0.0", "0e999", "1.7976931348623157e308", "5e-324", "10000000000000000000.0"}) {
    INFO(text);
    CHECK_FALSE(refused(text));
  }
  // Where a whole number is due, a fraction is none, whatever its value.
  const Json value = parse_json(R"({"n":1.0,"m":-0})", "t").value();
  auto reader = ObjectReader::of(value, "").value();
  CHECK_FALSE(reader.uint("n"));
}

TEST_CASE("C076 depth, length and number of keys are bounded without use of the stack") {
  CHECK_FALSE(refused(nested(64)));
  CHECK(refused(nested(65)));
  CHECK(refused(std::string(100'000, '[')));
  CHECK(refused(nested(100'000)));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(refused(objects));
}

TEST_CASE("C077 what is no document in UTF-8, or goes on after its end, is refused") {
  for (const std::string& text :
       {std::string("{} x"), std::string("{}{}"), std::string("{}//c"), std::string("/* c */{}"), std::string("\xEF\xBB\xBF{}"),
        std::string("\xFF\xFE{\0}\0", 6), std::string("{\0}", 3), std::string("{}\0", 3), std::string("[\"\\ud800\"]"), std::string("[\"\\udc00\\ud800\"]"),
        std::string("[\"\xED\xA0\x80\"]"), std::string("[\"\xC0\xAF\"]"), std::string("[\"\xFF\"]"), std::string("[\"\x01\"]"), std::string("['a']"),
        std::string("[1,]"), std::string("{a:1}"), std::string("")}) {
    INFO(text);
    CHECK(refused(text));
  }
}

TEST_CASE("C078 each canonical form is fixed: control characters, and the order of keys above the first plane") {
  const Json value = parse_json("{\"\xEF\xBF\xBF\":1,\"\xF0\x90\x80\x80\":2,\"a\":\"\\u001f\\n\\\"\"}", "t").value();
  // RFC 8785 sorts by UTF-16: the surrogate pair of U+10000 before U+FFFF. OLPC sorts by bytes and escapes two characters.
  CHECK(canonical_json(value) == "{\"a\":\"\\u001f\\n\\\"\",\"\xF0\x90\x80\x80\":2,\"\xEF\xBF\xBF\":1}");
  CHECK(olpc_canonical_json(value).value() == "{\"a\":\"\x1F\n\\\"\",\"\xEF\xBF\xBF\":1,\"\xF0\x90\x80\x80\":2}");
}
