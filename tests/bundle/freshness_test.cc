#include "bundle/freshness.h"

#include <catch2/catch.hpp>

#include "support.h"

namespace airlock::bundle::test {
namespace {

manifests::BundleManifest manifest(std::vector<std::string> paths, std::map<std::string, manifests::StalenessBudget> budgets) {
  std::vector<Member> members;
  for (std::string& path : paths) members.push_back({std::move(path), "bytes", false});
  Parts made = parts();
  made.members = members;
  list_members(made);
  made.manifest.budgets = std::move(budgets);
  return made.manifest;
}

ContentAge aged(const std::string& category, verify::Freshness freshness) {
  ContentAge age{BundleId::parse("acme-kit").value(), 1, {}};
  age.staleness.category = category;
  age.staleness.freshness = freshness;
  if (freshness != verify::Freshness::kUnanchored) age.staleness.anchor = kNow;
  return age;
}

std::string refusal(const std::vector<ContentAge>& ages, const FreshnessRules& rules) {
  const auto got = check_fresh(ages, rules);
  return got ? "fresh" : code_text(got.error());
}

}  // namespace

TEST_CASE("a bundle's categories are those it gives a budget, and the known ones it has a folder of") {
  const auto both = categories_of(manifest({"data/advisories/a.json", "data/models/m"}, {{"models", {5, 9}}, {"anchor", {1, 2}}}));
  REQUIRE(both.size() == 2);
  CHECK(both.at("models").breach_seconds == 9);
  CHECK(both.at("advisories").breach_seconds == 259'200);
  CHECK(categories_of(manifest({"data/advisories/a.json"}, {{"advisories", {5, 9}}})).at("advisories").breach_seconds == 9);
  CHECK(categories_of(manifest({"data/osv/a.json", "data/advisories.json"}, {})).empty());
}

TEST_CASE("what is past its budget is refused by its name, unless somebody answers for just that") {
  using enum verify::Freshness;
  CHECK(refusal({aged("a", kFresh), aged("b", kWarn)}, {}) == "fresh");
  CHECK(refusal({aged("a", kFresh), aged("b", kBreach)}, {}) == "stale:b");
  CHECK(refusal({aged("a", kBreach), aged("b", kBreach)}, {false, {"a"}}) == "stale:b");
  CHECK(check_fresh({aged("a", kBreach), aged("b", kFresh)}, {false, {"a", "b"}}).value() == std::set<std::string>{"a"});
  CHECK(refusal({aged("a", kUnanchored)}, {}) == "fresh");
  CHECK(refusal({aged("a", kUnanchored)}, {true, {}}) == "stale:a");
  CHECK(refusal({aged("a", kUnanchored)}, {true, {"a"}}) == "fresh");
}

}  // namespace airlock::bundle::test
