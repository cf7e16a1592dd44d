#include <catch2/catch.hpp>

#include "manifests/document.h"

using namespace airlock;
using manifests::load_authored;
using manifests::load_strict;

namespace {

std::string repeated(std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("plain YAML scalars follow JSON, everything else is text") {
  struct Case {
    const char* text;
    Json want;
  };
  const Case cases[] = {
      {"null", nullptr},      {"~", nullptr},         {"", nullptr},        {"true", true},          {"false", false},
      {"True", "True"},       {"yes", "yes"},         {"no", "no"},         {"on", "on"},            {"0", 0u},
      {"-7", -7},             {"12", 12u},            {"007", "007"},       {"0x1F", "0x1F"},        {"0o17", "0o17"},
      {"1:30", "1:30"},       {"1.5", 1.5},           {"-2e3", -2000.0},    {".5", ".5"},            {"1.", "1."},
      {".inf", ".inf"},       {".nan", ".nan"},       {"+1", "+1"},         {"1_000", "1_000"},      {"2.3.0", "2.3.0"},
      {"2026-11-21", "2026-11-21"}, {"\"true\"", "true"}, {"'12'", "12"},   {"\"\"", ""},
      {"18446744073709551615", 18446744073709551615ULL},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto got = load_authored(std::string("v: ") + c.text + "\n", "x.yaml");
    REQUIRE(got);
    CHECK(got->value["v"] == c.want);
    CHECK(got->value["v"].type() == c.want.type());
  }
}

TEST_CASE("what JSON cannot say is refused in YAML, with the place") {
  struct Case {
    const char* name;
    std::string text;
    Code code;
    const char* where;
  };
  const Case cases[] = {
      {"duplicate key", "a: 1\nb:\n  c: 1\n  c: 2\n", Code::kJson, "line 4 column 3"},
      {"duplicate key across spellings", "a: 1\n\"a\": 2\n", Code::kJson, "line 2 column 1"},
      {"anchor", "a: &x 1\n", Code::kJson, "line 1 column 4"},
      {"alias", "a: &x {}\nb: *x\n", Code::kJson, "line 1"},
      {"alias without anchor", "b: *x\n", Code::kJson, "line 1"},
      {"tag", "a: !!str 1\n", Code::kJson, "line 1"},
      {"local tag", "a: !secret x\n", Code::kJson, "line 1"},
      {"tag on a map", "a: !!map {}\n", Code::kJson, "line 1"},
      {"merge key", "a:\n  <<: {b: 1}\n", Code::kJson, "line 2"},
      {"null key", "~: 1\n", Code::kJson, "line 1"},
      {"map as key", "{a: 1}: 2\n", Code::kJson, "line 1"},
      {"list as key", "? [a]\n: 2\n", Code::kJson, "line 1"},
      {"two documents", "a: 1\n---\nb: 2\n", Code::kJson, "second document"},
      {"nothing", "", Code::kJson, "no document"},
      {"number too large", "a: 18446744073709551616\n", Code::kJson, "64 bits"},
      {"number out of range", "a: 1e999\n", Code::kJson, "out of range"},
      {"broken", "a: [1, 2\nb: }\n", Code::kJson, "line 2"},
      {"tab as indent", "a:\n\tb: 1\n", Code::kJson, "line"},
      {"what the YAML library takes for the end", "a: 1\n\x04 b: 2\n", Code::kJson, "line 2 column 1: a control character"},
      {"NUL", std::string("a: 1\nb: \0", 9), Code::kJson, "line 2 column 4"},
      {"byte order mark", "\xEF\xBB\xBF" "a: 1\n", Code::kJson, "byte order mark"},
      {"UTF-16", std::string("a\0:\0 \0001\0", 8), Code::kJson, "control character"},
      {"escape that the YAML library gets wrong", "a: \"\\N\"\n", Code::kJson, "line 1 column 4: an escape"},
      {"invalid UTF-8", "a: \xff\n", Code::kJson, "UTF-8"},
      {"deep", repeated("[", 65) + repeated("]", 65), Code::kTooLarge, "deeper"},
      {"very deep", repeated("[", 20000) + repeated("]", 20000), Code::kTooLarge, "deeper"},
      {"very deep and cut", repeated("[", 20000), Code::kJson, "line 1"},
      {"very deep, in blocks", repeated("- ", 20000), Code::kTooLarge, "deeper"},
      {"strict JSON, trailing comma", "{\"a\": 1,}", Code::kJson, "line 1"},
      {"strict JSON, comment", "{\"a\": 1} # no", Code::kJson, "line 1"},
      {"strict JSON, duplicate", "{\"a\": 1, \"a\": 2}", Code::kJson, "duplicate"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto got = load_authored(c.text, "x.yaml");
    REQUIRE_FALSE(got);
    INFO(got.error().context);
    CHECK(got.error().code == c.code);
    CHECK(got.error().context.starts_with("x.yaml"));
    CHECK(got.error().context.find(c.where) != std::string::npos);
  }
}

TEST_CASE("a document over the caps is refused before it is built") {
  manifests::DocumentLimits limits;
  limits.nodes = 10;
  CHECK(load_authored("[1,2,3,4,5,6,7,8,9]", "x", limits));
  CHECK(load_authored("- 1\n- 2\n- 3\n", "x", limits));
  const auto got = load_authored(repeated("- 1\n", 11), "x", limits);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Code::kTooLarge);
  limits.bytes = 3;
  CHECK(load_authored("a: 1", "x", limits).error().code == Code::kTooLarge);
}

TEST_CASE("every value has a place, in YAML and in JSON") {
  const auto yaml = load_authored("a: 1\nb:\n  - x\n  - c: 2\n\"d/~e\": [3]\n", "x.yaml");
  REQUIRE(yaml);
  const auto at = [](const manifests::Document& d, const char* pointer) {
    const auto it = d.places.find(pointer);
    if (it == d.places.end()) return std::string("nowhere");
    return std::to_string(it->second.line) + ":" + std::to_string(it->second.column);
  };
  CHECK(at(*yaml, "") == "1:1");
  CHECK(at(*yaml, "/a") == "1:1");
  CHECK(at(*yaml, "/b/0") == "3:5");
  CHECK(at(*yaml, "/b/1/c") == "4:5");
  CHECK(at(*yaml, "/d~1~0e/0") == "5:10");

  const auto json = load_authored("{\n  \"a\": 1,\n  \"b\": [true, {\"c\\u0041\": \"x\\\"y\"}],\n\t\"d\": {}, \"e\": []\n}\n", "x.json");
  REQUIRE(json);
  CHECK(at(*json, "/a") == "2:3");
  CHECK(at(*json, "/b/0") == "3:9");
  CHECK(at(*json, "/b/1/cA") == "3:16");
  CHECK(at(*json, "/d") == "4:2");
  CHECK(at(*json, "/e") == "4:11");
}

TEST_CASE("an error is given the place of the value it names, or of what encloses it") {
  const auto doc = load_authored("spec:\n  steps:\n    - id: a\n      retry:\n        cap: 5\n  labels:\n    app.io/x: 1\n", "x.yaml");
  REQUIRE(doc);
  struct Case {
    const char* context;
    const char* where;
  };
  const Case cases[] = {
      {"spec.steps[0].retry.cap: expected", "line 5 column 9"},   {"spec.steps[0].retri, did you mean", "line 3 column 7"},
      {"spec.steps[0]: whole", "line 3 column 7"},                {"spec.labels.app.io/x: expected", "line 7 column 5"},
      {"metadata: missing", "line 1 column 1"},                   {"spec.steps[7].id: x", "line 2 column 3"},
      {"spec.steps[99999999999999999999].id: x", "line 2 column 3"},
  };
  for (const Case& c : cases) {
    INFO(c.context);
    const Error got = doc->located({Code::kField, c.context});
    CHECK(got.code == Code::kField);
    CHECK(got.context == std::string("x.yaml, ") + c.where + ": " + c.context);
  }
}

TEST_CASE("YAML and JSON of the same document are the same value") {
  const auto yaml = load_authored("a: [1, two, {b: null}]\nc: \"3\"\n", "x.yaml");
  const auto json = load_strict(R"({"c": "3", "a": [1, "two", {"b": null}]})", "x.json");
  REQUIRE(yaml);
  REQUIRE(json);
  CHECK(canonical_json(yaml->value) == canonical_json(json->value));
}
