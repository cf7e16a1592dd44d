#include "common/osv.h"

#include <catch2/catch.hpp>

using namespace airlock;
using namespace airlock::plugin;

namespace {

Result<Advisory> record(const std::string& affected) {
  const std::string text = R"({"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[)" + affected + "]}";
  const auto json = parse_json(text, "record");
  REQUIRE(json);
  return parse_advisory(*json, "record");
}

Affected go_package(const std::string& events) {
  const auto advisory = record(R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[)" + events + "]}]}");
  REQUIRE(advisory);
  return advisory->packages.at({"Go", "p"});
}

struct Case {
  const char* name;
  const char* events;
  const char* version;
  bool affected;
  const char* fixed;  // "" = none known
};

constexpr Case kCases[] = {
    {"below the fix", R"({"introduced":"0"},{"fixed":"1.6.0"})", "1.5.9", true, "1.6.0"},
    {"the fix itself", R"({"introduced":"0"},{"fixed":"1.6.0"})", "1.6.0", false, ""},
    {"a pre-release of the fix", R"({"introduced":"0"},{"fixed":"1.6.0"})", "1.6.0-rc.1", true, "1.6.0"},
    {"zero is below every pre-release of 0.0.0", R"({"introduced":"0"})", "0.0.0-0", true, ""},
    {"0.0.0 is not zero", R"({"introduced":"0.0.0"})", "0.0.0-rc.1", false, ""},
    {"introduced is affected", R"({"introduced":"1.0.0"},{"fixed":"1.1.0"})", "1.0.0", true, "1.1.0"},
    {"before introduced", R"({"introduced":"1.0.0"},{"fixed":"1.1.0"})", "0.9.9", false, ""},
    {"a pre-release of introduced is before it", R"({"introduced":"1.0.0"})", "1.0.0-rc.1", false, ""},
    {"last affected is affected, with no fix known", R"({"introduced":"0"},{"last_affected":"1.2.3"})", "1.2.3", true, ""},
    {"after last affected", R"({"introduced":"0"},{"last_affected":"1.2.3"})", "1.2.4-0", false, ""},
    {"between two ranges", R"({"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"2.0.0"},{"fixed":"2.1.0"})", "1.5.0", false, ""},
    {"in the second range", R"({"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"2.0.0"},{"fixed":"2.1.0"})", "2.0.5", true, "2.1.0"},
    {"events in any order", R"({"fixed":"2.1.0"},{"introduced":"2.0.0"},{"fixed":"1.0.0"},{"introduced":"0"})", "0.5.0", true, "1.0.0"},
    {"introduced twice before the fix", R"({"introduced":"1.0.0"},{"introduced":"1.1.0"},{"fixed":"1.2.0"})", "1.0.5", true, "1.2.0"},
    {"fixed and introduced at one version stays affected", R"({"introduced":"0"},{"fixed":"1.0.0"},{"introduced":"1.0.0"})", "1.0.0", true, ""},
    {"one single version", R"({"introduced":"1.0.0"},{"last_affected":"1.0.0"})", "1.0.0", true, ""},
    {"numbers above 2^32 compare as numbers", R"({"introduced":"0"},{"fixed":"0.0.0-20260628153353"})", "0.0.0-9999999999", true, "0.0.0-20260628153353"},
    {"build metadata does not count", R"({"introduced":"0"},{"fixed":"2.0.3+incompatible"})", "2.0.3", false, ""},
};

}  // namespace

TEST_CASE("a version is judged by the events of a range as the OSV schema says") {
  for (const Case& c : kCases) {
    INFO(c.name);
    const Affected affected = go_package(c.events);
    const auto version = parse_version("Go", "p", c.version);
    REQUIRE(version);
    const auto finding = affects(affected, *version, c.version);
    CHECK(finding.has_value() == c.affected);
    if (finding) CHECK((finding->fixed ? finding->fixed->str() : "") == c.fixed);
  }
}

TEST_CASE("a fix that another range of the same advisory still holds is no fix") {
  const auto advisory = record(
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}]},)"
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.5.0"},{"fixed":"2.0.0"}]}]})");
  REQUIRE(advisory);
  const auto version = SemVer::parse("0.4.0");
  REQUIRE(version);
  const auto finding = affects(advisory->packages.at({"Go", "p"}), *version, "0.4.0");
  REQUIRE(finding);
  REQUIRE(finding->fixed);
  CHECK(finding->fixed->str() == "2.0.0");
}

TEST_CASE("the tags of Go itself become the versions that its vulnerability database orders") {
  const std::pair<const char*, const char*> cases[] = {
      {"go1.22rc1", "1.22.0-rc.1"}, {"go1.22", "1.22.0"},       {"1.21.12", "1.21.12"}, {"v1.20.1", "1.20.1"},
      {"go1.21beta2", "1.21.0-beta.2"}, {"1.22.0-0", "1.22.0-0"}, {"go1", "1.0.0"},
  };
  for (const auto& [tag, version] : cases) {
    INFO(tag);
    const auto parsed = parse_version("Go", "stdlib", tag);
    REQUIRE(parsed);
    CHECK(parsed->str() == version);
  }
  for (const char* tag : {"", "go", "devel", "(devel)", "go1.22rc", "1.x", "gorc1", "go1.2.3.4"}) {
    INFO(tag);
    CHECK_FALSE(parse_version("Go", "stdlib", tag));
  }
}

TEST_CASE("a range that cannot be ordered is kept as undecided, not dropped") {
  const auto python = record(R"({"package":{"ecosystem":"PyPI","name":"p"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"versions":["1.0"]})");
  REQUIRE(python);
  const Affected& affected = python->packages.at({"PyPI", "p"});
  CHECK(affected.undecided.size() == 1);
  CHECK(affects(affected, std::nullopt, "1.0"));
  CHECK_FALSE(affects(affected, std::nullopt, "1.1"));
  CHECK(go_package(R"({"introduced":"0"},{"limit":"2.0.0"})").undecided.size() == 1);
}

TEST_CASE("records that mean nothing are refused, with the place") {
  const char* cases[] = {
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"fixed":"1.0.0"}]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0"}]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0","fixed":"1.0.0"}]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"SEMVER","events":[{"retired":"1.0.0"}]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":[{"type":"NEW","events":[{"introduced":"0"}]}]})",
      R"({"package":{"ecosystem":"Go","name":"p"},"ranges":{}})",
      R"({"package":{"ecosystem":"Go"}})",
      R"({"package":{"ecosystem":"","name":"p"}})",
      R"({"package":[]})",
      R"(7)",
  };
  for (const char* affected : cases) {
    INFO(affected);
    const auto got = record(affected);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kField);
    CHECK(got.error().context.starts_with("record.affected[0]"));
  }
}
