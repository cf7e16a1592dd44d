// The configuration file: what it sets, and that nothing misspelt passes in silence.
#include <catch2/catch.hpp>

#include "manifests/config.h"
#include "published_schema.h"

namespace airlock::manifests::test {
namespace {

constexpr const char* kFull = R"({"schema": "airlock.config/v1", "home": "/srv/airlock", "tenant": "acme", "actor": "timer",
  "maxParallel": 4, "limits": {"memberBytes": "16GiB", "bundleBytes": 34359738368, "members": 5, "zstdWindowBytes": "1GiB",
  "expansionRatio": 500, "manifestBytes": "128MiB", "metadataBytes": 1048576}})";

TEST_CASE("a configuration sets what it names and leaves the rest at its default") {
  const auto config = parse_config(kFull, "airlock.json");
  REQUIRE(config);
  CHECK(config->home == "/srv/airlock");
  CHECK(config->tenant->str() == "acme");
  CHECK(config->actor == "timer");
  CHECK(config->max_parallel == 4);
  CHECK(config->limits.member_bytes == 16 * kGiB);
  CHECK(config->limits.bundle_bytes == 32 * kGiB);
  CHECK(config->limits.members == 5);
  CHECK(config->limits.zstd_window_bytes == kGiB);
  CHECK(config->limits.expansion_ratio == 500);
  CHECK(config->limits.manifest_bytes == 128 * kMiB);
  CHECK(config->limits.metadata_bytes == kMiB);
  CHECK(config->limits.path_bytes == Limits{}.path_bytes);

  const auto empty = parse_config(R"({"schema": "airlock.config/v1"})", "airlock.json");
  REQUIRE(empty);
  CHECK_FALSE(empty->home);
  CHECK_FALSE(empty->tenant);
  CHECK(empty->limits.members == Limits{}.members);
}

TEST_CASE("a configuration that is not understood is refused, by file and field, as its schema does") {
  struct Row {
    const char* name;
    const char* pointer;  // what is set, from the root
    Json value;
    const char* said;
  };
  const Row rows[] = {
      {"another schema", "/schema", "airlock.config/v2", "schema"},
      {"a misspelt key", "/tennant", "acme", "tennant"},
      {"a misspelt limit", "/limits/memberByte", 5, "memberByte"},
      {"a relative home", "/home", "srv", "home"},
      {"a tenant that is none", "/tenant", "a/b", "tenant"},
      {"nobody", "/actor", "", "actor"},
      {"no step at once", "/maxParallel", 0, "maxParallel"},
      {"too many steps at once", "/maxParallel", 1000, "maxParallel"},
      {"a limit of nothing", "/limits/memberBytes", 0, "memberBytes"},
      {"a negative limit", "/limits/members", -1, "members"},
      {"a count with a unit", "/limits/members", "5KiB", "members"},
      {"a size in another unit", "/limits/memberBytes", "16GB", "memberBytes"},
      {"limits that are a list", "/limits", Json::array(), "limits"},
  };
  PublishedSchema schema("config.schema.json");
  const Json good = Json::parse(kFull);
  REQUIRE(schema.accepts(good));
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Json bad = good;
    bad[Json::json_pointer(row.pointer)] = row.value;
    const auto config = parse_config(bad.dump(), "airlock.json");
    REQUIRE_FALSE(config);
    CHECK_THAT(config.error().context, Catch::Contains("airlock.json") && Catch::Contains(row.said));
    CHECK_FALSE(schema.accepts(bad));
  }
  CHECK(parse_config("{\"schema\": 1, \"schema\": 2}", "x").error().code == Code::kJson);
  CHECK(parse_config(std::string(2 * kMiB, ' '), "x").error().code == Code::kTooLarge);
}

TEST_CASE("a limit is set by its name, and a wrong one says which might be meant") {
  Limits limits;
  REQUIRE(set_limit(limits, "memberBytes=9GiB"));
  CHECK(limits.member_bytes == 9 * kGiB);
  REQUIRE(set_limit(limits, "expansionRatio=1000"));
  CHECK(limits.expansion_ratio == 1000);
  for (const char* bad : {"", "=", "memberBytes", "memberBytes=", "memberBytes=0", "memberBytes=x", "members=1KiB", "expansionRatio=9999999999"}) {
    CAPTURE(bad);
    const auto set = set_limit(limits, bad);
    REQUIRE_FALSE(set);
    CHECK(set.error().code == Code::kUsage);
  }
  CHECK_THAT(set_limit(limits, "memberByte=5").error().context, Catch::Contains("did you mean \"memberBytes\"?"));
  CHECK(limits.member_bytes == 9 * kGiB);
}

}  // namespace
}  // namespace airlock::manifests::test
