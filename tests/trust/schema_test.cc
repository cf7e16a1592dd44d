// The schemas of what a site keeps about a TUF repository accept what is written, and refuse what a schema can refuse.
#include <catch2/catch.hpp>

#include "tests/manifests/published_schema.h"
#include "trust/repository.h"

using namespace airlock;
using namespace airlock::trust;
using manifests::test::PublishedSchema;

namespace {

struct Edit {
  const char* name;
  void (*change)(Json&);
};

// Each edit is refused by the parser and by the schema alike.
template <class Parse>
void check_edits(PublishedSchema& schema, const std::string& good, std::initializer_list<Edit> edits, Parse parse) {
  REQUIRE(parse(good).has_value());
  CHECK(schema.accepts(parse_json(good, "good").value()));
  for (const Edit& edit : edits) {
    INFO(edit.name);
    Json document = parse_json(good, "good").value();
    edit.change(document);
    CHECK_FALSE(parse(canonical_json(document)).has_value());
    CHECK_FALSE(schema.accepts(document));
  }
}

}  // namespace

TEST_CASE("the published schema of a followed repository accepts what is written and refuses what it can") {
  PublishedSchema schema("tuf-repository.schema.json");
  const std::string good = write_repository_config({{"acme-kit", "*"}, 1, false}).value();
  check_edits(schema, good,
              {{"another schema", [](Json& d) { d["schema"] = "airlock.tuf-repository/v2"; }},
               {"no bundles", [](Json& d) { d["bundles"] = Json::array(); }},
               {"bundles missing", [](Json& d) { d.erase("bundles"); }},
               {"an id that is a path", [](Json& d) { d["bundles"] = {"../kit"}; }},
               {"nobody need approve", [](Json& d) { d["approvals"] = 0; }},
               {"three must", [](Json& d) { d["approvals"] = 3; }},
               {"approvals as text", [](Json& d) { d["approvals"] = "2"; }},
               {"required as text", [](Json& d) { d["required"] = "yes"; }},
               {"an unknown field", [](Json& d) { d["x"] = 1; }}},
              [](const std::string& text) { return parse_repository_config(text); });
}

TEST_CASE("the published schema of root approvals accepts what is written and refuses what it can") {
  PublishedSchema schema("root-approvals.schema.json");
  const Instant at = Instant::parse("2026-11-20T08:00:00.250Z").value();
  const std::string good = write_approvals({{Digest::of("root"), 2, "alice", at, ""}, {Digest::of("root"), 2, "bob", at, "by telephone"}});
  check_edits(schema, good,
              {{"another schema", [](Json& d) { d["schema"] = "x"; }},
               {"a digest that is short", [](Json& d) { d["approvals"][0]["rootSha256"] = "00"; }},
               {"a version below zero", [](Json& d) { d["approvals"][0]["version"] = -1; }},
               {"nobody", [](Json& d) { d["approvals"][0].erase("actor"); }},
               {"a time that is none", [](Json& d) { d["approvals"][0]["at"] = "yesterday"; }},
               {"an unknown field", [](Json& d) { d["approvals"][0]["x"] = 1; }},
               {"a field beside", [](Json& d) { d["x"] = 1; }}},
              [](const std::string& text) { return parse_approvals(text); });
}
