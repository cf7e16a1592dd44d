// The schemas that are published accept what we write, and refuse what a schema can refuse.
#include <catch2/catch.hpp>

#include "manifests/bundle.h"
#include "manifests/pem.h"
#include "manifests/trust_roots.h"
#include "published_schema.h"

namespace airlock::manifests::test {
namespace {

BundleManifest sample() {
  const auto entry = [](const char* path, bool executable) {
    return BundleEntry{.path = path,
                       .sha256 = Digest::of(path),
                       .size = 3,
                       .executable = executable,
                       .media_type = "application/vnd.x+json"};
  };
  return {.bundle_id = BundleId::parse("acme-kit").value(),
          .kind = BundleKind::kDagPack,
          .version = SemVer::parse("1.0.0-rc.1+b").value(),
          .generation = 12,
          .created_at = Instant::parse("2026-11-20T08:00:00.250Z").value(),
          .producer = "ACME, Zürich",
          .tenants = {"*"},
          .entries = {entry("data/é.json", false), entry("plugins/p/1.0.0/bin/p", true)},
          .base = BundleBase{BundleId::parse("acme-kit").value(), 11, Digest::of("base"),
                              {{Digest::of("data/é.json"), Digest::of("old"), Digest::of("patch"), 99}}},
          .budgets = {{"advisories", {1, 2}}}};
}

}  // namespace

TEST_CASE("the published bundle manifest schema accepts what is written and refuses what it can") {
  static constexpr Edit kEdits[] = {
      {"another statement type", [](Json& d) { d["_type"] = "x"; }},
      {"another predicate type", [](Json& d) { d["predicateType"] = "x"; }},
      {"a field beside the statement's", [](Json& d) { d["x"] = 1; }},
      {"an unknown field", [](Json& d) { d["predicate"]["x"] = 1; }},
      {"another kind", [](Json& d) { d["predicate"]["kind"] = "kit"; }},
      {"a version that is not SemVer", [](Json& d) { d["predicate"]["version"] = "1.0"; }},
      {"a negative generation", [](Json& d) { d["predicate"]["generation"] = -1; }},
      {"a local time", [](Json& d) { d["predicate"]["createdAt"] = "2026-11-20T08:00:00"; }},
      {"no tenants", [](Json& d) { d["predicate"]["tenants"] = Json::array(); }},
      {"a tenant with a slash", [](Json& d) { d["predicate"]["tenants"] = {"a/b"}; }},
      {"no entries", [](Json& d) { d["predicate"]["entries"] = Json::array(); }},
      {"an entry with more", [](Json& d) { d["predicate"]["entries"][0]["uid"] = 0; }},
      {"an entry without digest", [](Json& d) { d["predicate"]["entries"][0].erase("sha256"); }},
      {"a set-id mode", [](Json& d) { d["predicate"]["entries"][0]["mode"] = "4755"; }},
      {"a media type without a slash", [](Json& d) { d["predicate"]["entries"][0]["mediaType"] = "json"; }},
      {"an absolute path", [](Json& d) { d["predicate"]["entries"][0]["path"] = "/etc/passwd"; }},
      {"a backslash", [](Json& d) { d["predicate"]["entries"][0]["path"] = "a\\b"; }},
      {"a Merkle root in upper case", [](Json& d) { d["predicate"]["merkleRoot"] = std::string(64, 'A'); }},
      {"a base without digest", [](Json& d) { d["predicate"]["base"].erase("manifestSha256"); }},
      {"no patches, listed", [](Json& d) { d["predicate"]["base"]["patches"] = Json::array(); }},
      {"a patch of nothing", [](Json& d) { d["predicate"]["base"]["patches"][0]["patchBytes"] = 0; }},
      {"a patch with more", [](Json& d) { d["predicate"]["base"]["patches"][0]["path"] = "x"; }},
      {"a budget as a number", [](Json& d) { d["predicate"]["budgets"]["advisories"] = 3600; }},
      {"a subject with two digests", [](Json& d) { d["subject"][0]["digest"]["sha512"] = "00"; }},
  };
  PublishedSchema schema("bundle-manifest.schema.json");
  check_edits(schema, write_bundle_statement(sample()).value(), kEdits,
              [](const std::string& text) { return parse_bundle_statement(text); });
}

TEST_CASE("the published trust roots schema accepts what is written and refuses what it can") {
  static constexpr Edit kEdits[] = {
      {"another schema", [](Json& d) { d["schema"] = "x"; }},
      {"threshold of nobody", [](Json& d) { d["threshold"] = 0; }},
      {"no keys", [](Json& d) { d["keys"] = Json::array(); }},
      {"a key without id", [](Json& d) { d["keys"][0].erase("keyid"); }},
      {"a key that is no PEM", [](Json& d) { d["keys"][0]["pem"] = "AAAA"; }},
      {"an empty name", [](Json& d) { d["keys"][0]["name"] = ""; }},
      {"a field nobody knows", [](Json& d) { d["skipVerification"] = true; }},
      {"a time in another zone", [](Json& d) { d["validFrom"] = "2026-01-01T00:00:00+01:00"; }},
  };
  const TrustRoots roots{.threshold = 1,
                         .keys = {{Digest::of("key").hex(), der_to_pem("key", "PUBLIC KEY"), "release"}},
                         .valid_from = Instant::parse("2026-01-01T00:00:00Z").value(),
                         .valid_until = Instant::parse("2027-01-01T00:00:00Z").value()};
  PublishedSchema schema("trust-roots.schema.json");
  check_edits(schema, write_trust_roots(roots).value(), kEdits,
              [](const std::string& text) { return parse_trust_roots(text); });
}

}  // namespace airlock::manifests::test
