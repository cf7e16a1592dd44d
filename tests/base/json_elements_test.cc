#include <catch2/catch.hpp>

#include "base/json.h"

namespace airlock::test {
namespace {

struct Taken {
  std::string text;  // "array index element;" for each element that arrived
  Json rest;
};

Result<Taken> take_all(std::string_view text, std::vector<std::string> arrays) {
  Taken taken;
  const ElementSink sink{
      std::move(arrays), [&](std::size_t array, std::size_t index, const Json& element) -> Result<void> {
        taken.text +=
            std::to_string(array) + " " + std::to_string(index) + " " + canonical_json(element) + ";";
        return {};
      }};
  taken.rest = TRY(parse_json_elements(text, "doc", sink));
  return taken;
}

}  // namespace

TEST_CASE("Elements of named arrays stream by, and everything else is kept") {
  struct Case {
    const char* name;
    const char* text;
    std::vector<std::string> arrays;
    const char* taken;
    const char* rest;
  };
  const std::vector<Case> cases = {
      {"a top-level array",
       R"({"a":[1,{"x":[2]},[3]],"b":[4]})",
       {"a"},
       R"(0 0 1;0 1 {"x":[2]};0 2 [3];)",
       R"({"a":[],"b":[4]})"},
      {"one below another object",
       R"({"p":{"a":[1,2]},"a":[3]})",
       {"p.a"},
       "0 0 1;0 1 2;",
       R"({"a":[3],"p":{"a":[]}})"},
      {"two arrays", R"({"a":[1],"b":[2]})", {"b", "a"}, "1 0 1;0 0 2;", R"({"a":[],"b":[]})"},
      {"the same name inside an element",
       R"({"a":[{"a":[1]}]})",
       {"a", "a.a"},
       R"(0 0 {"a":[1]};)",
       R"({"a":[]})"},
      {"an empty array", R"({"a":[]})", {"a"}, "", R"({"a":[]})"},
      {"not an array", R"({"a":{"b":1}})", {"a"}, "", R"({"a":{"b":1}})"},
      {"the document itself", "[1,2]", {""}, "0 0 1;0 1 2;", "[]"},
      {"a name that is not there", R"({"a":[1]})", {"c"}, "", R"({"a":[1]})"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto taken = take_all(c.text, c.arrays);
    REQUIRE(taken);
    CHECK(taken->text == c.taken);
    CHECK(canonical_json(taken->rest) == c.rest);
  }
}

TEST_CASE("Streaming is as strict as parsing") {
  for (const char* text : {R"({"a":[1,{"x":1,"x":2}]})", R"({"a":[1],"a":[2]})", R"({"a":[1})",
                           R"({"a":[1]} x)", R"({"a":[1e999]})", "", "{\"a\":[\"\xFF\"]}"}) {
    INFO(text);
    const auto taken = take_all(text, {"a"});
    CHECK_FALSE(taken);
    if (!taken) CHECK(taken.error().code == Code::kJson);
  }
}

TEST_CASE("An error of the one who takes elements ends the parse and comes out as it is") {
  std::size_t calls = 0;
  const ElementSink sink{{"a"}, [&](std::size_t, std::size_t index, const Json&) -> Result<void> {
                           ++calls;
                           if (index == 1) return fail(Code::kTooLarge, "enough");
                           return {};
                         }};
  const auto parsed = parse_json_elements(R"({"a":[1,2,3,4]})", "doc", sink);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Code::kTooLarge);
  CHECK(parsed.error().context == "enough");
  CHECK(calls == 2);
}

}  // namespace airlock::test
