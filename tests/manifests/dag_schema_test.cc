// The schemas that are published accept what the parsers accept, and refuse what a schema can refuse.
#include <catch2/catch.hpp>
#include <set>

#include "dag_specs.h"
#include "manifests/dag.h"
#include "manifests/document_schema.h"
#include "published_schema.h"

using namespace airlock;
using namespace airlock::manifests;

namespace {

Json yaml(const std::string& text) {
  const auto document = load_authored(text, "dag.yaml");
  if (!document) FAIL(document.error().context);
  return document->value;
}

// Refusals that no schema of one document's form can express.
const std::set<std::string_view> kBeyondSchema = {
    "spec:duplicate-step", "spec:cycle", "spec:unknown-step", "spec:unreachable-step", "spec:undeclared-input", "spec:input-value"};

}  // namespace

TEST_CASE("the published DAG schema agrees with the parser") {
  manifests::test::PublishedSchema schema("dag.schema.json");
  CHECK(schema.accepts(yaml(airlock::test::kFullDag)));
  for (const airlock::test::GoodDag& c : airlock::test::kGoodDags) {
    INFO(c.name);
    CHECK(schema.accepts(yaml(airlock::test::replaced(airlock::test::kSmallDag, c.from, c.to))));
  }
  std::size_t refused = 0;
  for (const airlock::test::BadDag& c : airlock::test::kBadDags) {
    INFO(c.name);
    const auto document = load_authored(airlock::test::edit(c), "dag.yaml");
    if (!document) continue;  // YAML that never becomes a document
    if (code_info(c.code).text == "spec:unknown-field") CHECK_FALSE(schema.accepts(document->value));
    if (kBeyondSchema.contains(code_info(c.code).text)) CHECK(schema.accepts(document->value));
    refused += schema.accepts(document->value) ? 0u : 1u;
  }
  CHECK(refused >= 40);
}

TEST_CASE("the published plugin schema agrees with the parser") {
  manifests::test::PublishedSchema schema("plugin.schema.json");
  const Json good = {{"name", "p"}, {"version", "1.0.0"}, {"entrypoint", "bin/p"}, {"deterministic", true},
                     {"resources", {{"memory", "64MiB"}, {"cpu", 0.5}, {"timeout", "10s"}}},
                     {"inputs", {{"x", {{"required", false}}}}}, {"outputs", {{{"path", "o"}}}}};
  CHECK(parse_plugin(good));
  CHECK(schema.accepts(good));
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{
           {"entrypiont", "x"}, {"name", "A"}, {"version", "1"}, {"deterministic", "yes"}, {"secrets", {1}},
           {"resources", {{"ram", 1}}}, {"inputs", {{"a/b", Json::object()}}}, {"outputs", {{{"file", "x"}}}}, {"network", {{"allow", {"x"}}}}}) {
    INFO(key);
    Json bad = good;
    bad[key] = value;
    CHECK_FALSE(parse_plugin(bad));
    CHECK_FALSE(schema.accepts(bad));
  }
}

TEST_CASE("values are checked against the schema of their input") {
  struct Case {
    const char* schema;
    const char* value;
    bool fits;
  };
  const Case cases[] = {
      {R"({"type":"string"})", R"("x")", true},           {R"({"type":"string"})", "1", false},
      {R"({"type":"integer"})", "1", true},               {R"({"type":"integer"})", "1.5", false},
      {R"({"type":"integer"})", R"("1")", false},         {R"({"type":"number","minimum":0})", "-1", false},
      {R"({"type":"number","exclusiveMinimum":0})", "0", false}, {R"({"type":"integer","multipleOf":5})", "10", true},
      {R"({"type":"boolean"})", "true", true},            {R"({"type":"boolean"})", R"("true")", false},
      {R"({"enum":["a","b"]})", R"("b")", true},          {R"({"enum":["a","b"]})", R"("c")", false},
      {R"({"const":3})", "3", true},                      {R"({"type":"string","minLength":2,"maxLength":3})", R"("abcd")", false},
      {R"({"type":"array","items":{"type":"string"},"maxItems":2})", R"(["a","b"])", true},
      {R"({"type":"array","items":{"type":"string"},"maxItems":2})", R"(["a",1])", false},
      {R"({"type":"array","items":{"type":"string"},"maxItems":2})", R"(["a","b","c"])", false},
      {R"({"type":"array","uniqueItems":true})", R"([1,1])", false},
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})", R"({"a":1})", true},
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})", R"({"a":1,"b":2})", false},
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})", R"({})", false},
      {R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "null", true}, {R"({"not":{"type":"string"}})", R"("x")", false},
      {R"({"type":["string","null"]})", "null", true},
  };
  for (const Case& c : cases) {
    INFO(c.schema << " " << c.value);
    const Json schema = *parse_json(c.schema, "schema"), value = *parse_json(c.value, "value");
    REQUIRE(check_input_schema(schema, "s"));
    const auto got = check_value(schema, value, "input x");
    CHECK(bool{got} == c.fits);
    if (!got) {
      CHECK(got.error().code == Code::kSpecInputValue);
      CHECK(got.error().context.starts_with("input x"));
    }
  }
}

TEST_CASE("text from a command line is read as the type its input declares") {
  struct Case {
    const char* schema;
    const char* text;
    Json want;  // discarded: refused
  };
  const Json kRefused = Json(Json::value_t::discarded);
  const Case cases[] = {
      {R"({"type":"string"})", "12", "12"},        {R"({"type":"string"})", "", ""},
      {R"({"type":"string"})", "[1]", "[1]"},      {R"({"type":"integer"})", "12", 12u},
      {R"({"type":"integer"})", "twelve", kRefused}, {R"({"type":"integer"})", "", kRefused},
      {R"({"type":"boolean"})", "true", true},     {R"({"type":"boolean"})", "yes", kRefused},
      {R"({"type":"array"})", "[\"a\", 1]", Json{"a", 1u}}, {R"({"type":"array"})", "a,b", kRefused},
      {R"({"enum":["low", 3]})", "low", "low"},    {R"({"enum":["low", 3]})", "3", 3u},
      {R"({"type":"object"})", "{\"a\":1,\"a\":2}", kRefused},
  };
  for (const Case& c : cases) {
    INFO(c.schema << " " << c.text);
    const auto got = coerce_value(*parse_json(c.schema, "schema"), c.text, "input x");
    if (c.want.is_discarded()) {
      REQUIRE_FALSE(got);
      CHECK(got.error().code == Code::kSpecInputValue);
    } else {
      REQUIRE(got);
      CHECK(*got == c.want);
    }
  }
}
