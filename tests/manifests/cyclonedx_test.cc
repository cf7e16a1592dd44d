#include <catch2/catch.hpp>

#include "manifests/cyclonedx.h"

using namespace airlock;
using namespace airlock::manifests;

namespace {

// A document of version 1.6 with these fields.
Result<void> check(const std::string& fields, const std::string& version = "1.6") {
  return check_cyclonedx(parse_json(R"({"bomFormat":"CycloneDX","specVersion":")" + version + R"(","version":1,)" + fields + "}", "t").value());
}

}  // namespace

TEST_CASE("A CycloneDX document is told from one that breaks its schema, with the place") {
  CHECK(check(R"("components":[{"type":"library","name":"a","licenses":[{"license":{"id":"MIT"}}],"hashes":[{"alg":"MD5","content":"3942447fac867ae5cdb3229b658f4d48"}]}])"));
  CHECK(check(R"("metadata":{"timestamp":"2026-01-31T12:00:00.5+01:00"},"unknownField":1)"));
  const std::pair<const char*, const char*> refused[] = {
      {R"("components":[{"type":"library"}])", "components[0].name"},
      {R"("components":[{"type":"libary","name":"a"}])", "components[0].type"},
      {R"("components":[{"type":"file","name":"a","components":[{"type":"file","name":"b","scope":"maybe"}]}])", "components[0].components[0].scope"},
      {R"("components":[{"type":"file","name":"a","hashes":[{"alg":"MD5","content":"x"}]}])", "components[0].hashes[0].content"},
      {R"("components":[{"type":"file","name":"a","licenses":[{"license":{"id":"Apache-2"}}]}])", "components[0].licenses[0].license.id"},
      {R"("components":[{"type":"file","name":"a","licenses":[{"license":{}}]}])", "components[0].licenses[0].license"},
      {R"("components":[{"type":"file","name":"a","licenses":[{"expression":"MIT"},{"license":{"id":"MIT"}}]}])", "components[0].licenses"},
      {R"("components":[{"type":"file","name":"a","properties":[{"value":"v"}]}])", "components[0].properties[0].name"},
      {R"("components":{})", "components"},
      {R"("metadata":{"timestamp":"2026-02-30"})", "metadata.timestamp"},
      {R"("metadata":{"timestamp":"2026-13-01T00:00:00Z"})", "metadata.timestamp"},
      {R"("serialNumber":"urn:uuid:1")", "serialNumber"},
      {R"("services":[{"name":"s","data":[{"flow":"sideways","classification":"x"}]}])", "services[0].data[0].flow"},
  };
  for (const auto& [fields, place] : refused) {
    INFO(fields);
    const auto got = check(fields);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kSbom);
    CHECK(got.error().context.starts_with(std::string(place) + ":"));
  }
  CHECK_FALSE(check_cyclonedx(Json::array()));
  CHECK_FALSE(check("\"components\":[]", "9.9"));
  CHECK_FALSE(check(R"("components":[{"type":"cryptographic-asset","name":"a"}])", "1.5"));
}
