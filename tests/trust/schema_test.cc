// The schemas of what a site keeps about a TUF repository accept what is written, and refuse what a schema can refuse.
#include <catch2/catch.hpp>

#include "tests/manifests/published_schema.h"
#include "trust/repository.h"

using namespace airlock;
using namespace airlock::trust;
using namespace airlock::manifests::test;

TEST_CASE("the published schema of a followed repository accepts what is written and refuses what it can") {
  PublishedSchema schema("tuf-repository.schema.json");
  static constexpr Edit kEdits[] = {
      {"another schema", [](Json& d) { d["schema"] = "airlock.tuf-repository/v2"; }},
      {"no bundles", [](Json& d) { d["bundles"] = Json::array(); }},
      {"bundles missing", [](Json& d) { d.erase("bundles"); }},
      {"an id that is a path", [](Json& d) { d["bundles"] = {"../kit"}; }},
      {"nobody need approve", [](Json& d) { d["approvals"] = 0; }},
      {"three must", [](Json& d) { d["approvals"] = 3; }},
      {"approvals as text", [](Json& d) { d["approvals"] = "2"; }},
      {"required as text", [](Json& d) { d["required"] = "yes"; }},
      {"an unknown field", [](Json& d) { d["x"] = 1; }}};
  check_edits(schema, write_repository_config({{"acme-kit", "*"}, 1, false}).value(), kEdits, [](const std::string& text) { return parse_repository_config(text); });
}

TEST_CASE("the published schema of root approvals accepts what is written and refuses what it can") {
  PublishedSchema schema("root-approvals.schema.json");
  const Instant at = Instant::parse("2026-11-20T08:00:00.250Z").value();
  const std::string good = write_approvals({{Digest::of("root"), 2, "alice", at, ""}, {Digest::of("root"), 2, "bob", at, "by telephone"}});
  static constexpr Edit kEdits[] = {
      {"another schema", [](Json& d) { d["schema"] = "x"; }},
      {"a digest that is short", [](Json& d) { d["approvals"][0]["rootSha256"] = "00"; }},
      {"a version below zero", [](Json& d) { d["approvals"][0]["version"] = -1; }},
      {"nobody", [](Json& d) { d["approvals"][0].erase("actor"); }},
      {"a time that is none", [](Json& d) { d["approvals"][0]["at"] = "yesterday"; }},
      {"an unknown field", [](Json& d) { d["approvals"][0]["x"] = 1; }},
      {"a field beside", [](Json& d) { d["x"] = 1; }}};
  check_edits(schema, good, kEdits, [](const std::string& text) { return parse_approvals(text); });
}
