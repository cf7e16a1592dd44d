#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>

#include "base/json.h"
#include "base/merkle.h"
#include "manifests/bundle.h"

namespace airlock::manifests::test {
namespace {

constexpr Code kAccepted{-1};

template <class T>
Code code_of(const Result<T>& result) {
  return result ? kAccepted : result.error().code;
}

BundleEntry entry(const std::string& path, std::uint64_t size = 3, bool executable = false) {
  return {.path = path,
          .sha256 = Digest::of(path),
          .size = size,
          .executable = executable,
          .media_type = "application/json"};
}

// Of the two members below data/, in the order of their digests.
std::vector<BundlePatch> patches() {
  std::vector<BundlePatch> out = {{Digest::of("data/a.json"), Digest::of("old a"), Digest::of("patch a"), 1},
                                  {Digest::of("data/b.json"), Digest::of("old b"), Digest::of("patch b"), 4096}};
  std::ranges::sort(out, {}, &BundlePatch::sha256);
  return out;
}

BundleManifest sample() {
  return {.bundle_id = BundleId::parse("acme-offline-kit").value(),
          .kind = BundleKind::kOfflineKit,
          .version = SemVer::parse("1.4.0-rc.1+build.5").value(),
          .generation = 12,
          .created_at = Instant::parse("2026-11-20T08:00:00.250Z").value(),
          .producer = "ACME, Zürich",
          .tenants = {"acme", "emca"},
          .entries = {entry("dags/x/1.0.0.json"), entry("data/a.json"), entry("data/b.json", 0),
                      entry("plugins/p/1.0.0/bin/p", 9'000'000, true)},
          .base = BundleBase{BundleId::parse("acme-offline-kit").value(), 11, Digest::of("base"), patches()},
          .budgets = {{"advisories", {86'400, 259'200}}, {"mirrors", {1, 1}}}};
}

Json sample_document() { return parse_json(write_bundle_statement(sample()).value(), "statement").value(); }

// Subjects, Merkle root and checksums follow from the entries again, so that a test breaks exactly one rule.
void settle(Json& d) {
  Json& entries = d["predicate"]["entries"];
  CompactRange tree;
  Sha256 sums;
  d["subject"] = Json::array();
  for (const Json& e : entries) {
    tree.append(merkle_leaf(canonical_json(e)));
    sums.update(e.at("sha256").get<std::string>() + "  " + e.at("path").get<std::string>() + "\n");
    d["subject"].push_back({{"name", e.at("path")}, {"digest", {{"sha256", e.at("sha256")}}}});
  }
  d["predicate"]["merkleRoot"] = tree.root().hex();
  d["predicate"]["checksumsSha256"] = sums.finish().hex();
}

struct Case {
  const char* name;
  std::function<void(Json&)> change;
  Code want;
  const char* place;  // stands in the error's context
};

void check_cases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.name);
    Json document = sample_document();
    c.change(document);
    const auto parsed = parse_bundle_statement(canonical_json(document));
    CHECK(code_of(parsed) == c.want);
    if (parsed) continue;
    INFO(parsed.error().context);
    CHECK(parsed.error().context.find(c.place) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("A statement that is written is canonical, an in-toto statement, and read back as it was") {
  const std::string text = write_bundle_statement(sample()).value();
  const Json document = parse_json(text, "statement").value();
  CHECK(canonical_json(document) == text);
  CHECK(document.at("_type") == "https://in-toto.io/Statement/v1");
  CHECK(document.at("predicateType") == "urn:airlock:predicate:bundle:v1");
  CHECK(document.at("subject").size() == 4);
  CHECK(document.at("predicate").at("entries").at(3).at("mode") == "0755");
  CHECK(parse_bundle_statement(text).value() == sample());
}

TEST_CASE("Writing sorts, so that the order of gathering does not show") {
  BundleManifest shuffled = sample();
  std::ranges::reverse(shuffled.entries);
  std::ranges::reverse(shuffled.tenants);
  CHECK(write_bundle_statement(shuffled).value() == write_bundle_statement(sample()).value());
}

TEST_CASE("Merkle root and checksums are what coreutils and RFC 6962 give") {
  const BundleEntry one = entry("data/a.json"), two = entry("data/b.json");
  CHECK(canonical_entry(one) ==
        "{\"mediaType\":\"application/json\",\"mode\":\"0644\",\"path\":\"data/a.json\",\"sha256\":\"" +
            Digest::of("data/a.json").hex() + "\",\"size\":3}");
  CHECK(entries_merkle_root({}) == Digest::of(""));
  CHECK(entries_merkle_root({one}) == Digest::of(std::string(1, '\0') + canonical_entry(one)));
  CHECK(entries_merkle_root({one, two}) ==
        merkle_node(merkle_leaf(canonical_entry(one)), merkle_leaf(canonical_entry(two))));
  CHECK(entries_checksums({one, two}) ==
        Digest::of(one.sha256.hex() + "  data/a.json\n" + two.sha256.hex() + "  data/b.json\n"));
}

TEST_CASE("What is not the bundle statement is told apart from a bundle statement with a fault") {
  check_cases({
      {"as it is written", [](Json&) {}, kAccepted, ""},
      {"another statement type", [](Json& d) { d["_type"] = "https://in-toto.io/Statement/v0.1"; },
       Code::kStatement, "_type"},
      {"no statement type", [](Json& d) { d.erase("_type"); }, Code::kStatement, "_type"},
      {"another predicate type", [](Json& d) { d["predicateType"] = "https://slsa.dev/provenance/v1"; },
       Code::kStatement, "predicateType"},
      {"predicate type is a number", [](Json& d) { d["predicateType"] = 1; }, Code::kStatement,
       "predicateType"},
      {"no predicate",
       [](Json& d) {
         d.erase("predicate");
         d["subject"] = Json::array();
       },
       Code::kManifestInvalid, "predicate"},
      {"no subject", [](Json& d) { d.erase("subject"); }, Code::kManifestInvalid, "subject"},
      {"predicate is a list",
       [](Json& d) {
         d["predicate"] = Json::array();
         d["subject"] = Json::array();
       },
       Code::kManifestInvalid, "predicate"},
      {"subject is an object", [](Json& d) { d["subject"] = Json::object(); }, Code::kManifestInvalid,
       "subject"},
      {"a field beside the statement's", [](Json& d) { d["extra"] = 1; }, Code::kManifestInvalid, "extra"},
      {"the document is a list", [](Json& d) { d = Json::array(); }, Code::kStatement, "_type"},
  });
}

TEST_CASE("Every field of the predicate has its rule, and a refusal names the field") {
  check_cases({
      {"a field nobody knows", [](Json& d) { d["predicate"]["skip"] = true; }, Code::kManifestInvalid,
       "predicate.skip"},
      {"a misspelt field", [](Json& d) { d["predicate"]["budget"] = 1; }, Code::kManifestInvalid,
       "did you mean \"budgets\""},
      {"bundle id with a slash", [](Json& d) { d["predicate"]["bundleId"] = "../x"; }, Code::kManifestInvalid,
       "predicate.bundleId"},
      {"no bundle id", [](Json& d) { d["predicate"].erase("bundleId"); }, Code::kManifestInvalid,
       "predicate.bundleId"},
      {"another kind", [](Json& d) { d["predicate"]["kind"] = "kit"; }, Code::kManifestInvalid,
       "predicate.kind"},
      {"a version that is not SemVer", [](Json& d) { d["predicate"]["version"] = "1.0"; },
       Code::kManifestInvalid, "predicate.version"},
      {"a negative generation", [](Json& d) { d["predicate"]["generation"] = -1; }, Code::kManifestInvalid,
       "predicate.generation"},
      {"a generation with a fraction", [](Json& d) { d["predicate"]["generation"] = 12.5; },
       Code::kManifestInvalid, "predicate.generation"},
      {"the largest generation", [](Json& d) { d["predicate"]["generation"] = UINT64_MAX; }, kAccepted, ""},
      {"a local time", [](Json& d) { d["predicate"]["createdAt"] = "2026-11-20T08:00:00"; },
       Code::kManifestInvalid, "predicate.createdAt"},
      {"no producer", [](Json& d) { d["predicate"]["producer"] = ""; }, Code::kManifestInvalid,
       "predicate.producer"},
      {"a producer that moves the cursor", [](Json& d) { d["predicate"]["producer"] = "x\x1b[1A"; },
       Code::kManifestInvalid, "predicate.producer"},
      {"a producer of many words", [](Json& d) { d["predicate"]["producer"] = std::string(1025, 'x'); },
       Code::kManifestInvalid, "predicate.producer"},
      {"for every tenant", [](Json& d) { d["predicate"]["tenants"] = {"*"}; }, kAccepted, ""},
      {"for no tenant", [](Json& d) { d["predicate"]["tenants"] = Json::array(); }, Code::kManifestInvalid,
       "predicate.tenants"},
      {"no tenants field", [](Json& d) { d["predicate"].erase("tenants"); }, Code::kManifestInvalid,
       "predicate.tenants"},
      {"a star among tenants",
       [](Json& d) {
         d["predicate"]["tenants"] = {"*", "acme"};
       },
       Code::kManifestInvalid, "predicate.tenants"},
      {"a tenant twice",
       [](Json& d) {
         d["predicate"]["tenants"] = {"acme", "acme"};
       },
       Code::kManifestInvalid, "predicate.tenants"},
      {"a tenant with a slash", [](Json& d) { d["predicate"]["tenants"] = {"a/b"}; }, Code::kManifestInvalid,
       "predicate.tenants"},
      {"a tenant that is a number", [](Json& d) { d["predicate"]["tenants"] = {1}; }, Code::kManifestInvalid,
       "predicate.tenants"},
      {"another Merkle root", [](Json& d) { d["predicate"]["merkleRoot"] = Digest::of("x").hex(); },
       Code::kMerkleRoot, "merkleRoot"},
      {"other checksums", [](Json& d) { d["predicate"]["checksumsSha256"] = Digest::of("x").hex(); },
       Code::kMerkleChecksums, "checksumsSha256"},
      {"a Merkle root in upper case", [](Json& d) { d["predicate"]["merkleRoot"] = std::string(64, 'A'); },
       Code::kManifestInvalid, "predicate.merkleRoot"},
      {"no base", [](Json& d) { d["predicate"].erase("base"); }, kAccepted, ""},
      {"base is null", [](Json& d) { d["predicate"]["base"] = nullptr; }, Code::kManifestInvalid,
       "predicate.base"},
      {"a base as new as the bundle", [](Json& d) { d["predicate"]["base"]["generation"] = 12; },
       Code::kManifestInvalid, "predicate.base.generation"},
      {"a base without digest", [](Json& d) { d["predicate"]["base"].erase("manifestSha256"); },
       Code::kManifestInvalid, "predicate.base.manifestSha256"},
      {"a base with more", [](Json& d) { d["predicate"]["base"]["x"] = 1; }, Code::kManifestInvalid,
       "predicate.base.x"},
      {"a base without patches", [](Json& d) { d["predicate"]["base"].erase("patches"); }, kAccepted, ""},
      {"no patches, listed", [](Json& d) { d["predicate"]["base"]["patches"] = Json::array(); },
       Code::kManifestInvalid, "predicate.base.patches"},
      {"patches that are no list", [](Json& d) { d["predicate"]["base"]["patches"] = Json::object(); },
       Code::kManifestInvalid, "predicate.base.patches"},
      {"patches out of order",
       [](Json& d) {
         Json& list = d["predicate"]["base"]["patches"];
         std::swap(list[0], list[1]);
       },
       Code::kManifestInvalid, "predicate.base.patches[1].sha256"},
      {"a patch twice",
       [](Json& d) {
         Json& list = d["predicate"]["base"]["patches"];
         list[1] = list[0];
       },
       Code::kManifestInvalid, "predicate.base.patches[1].sha256"},
      {"a patch of what is no entry",
       [](Json& d) { d["predicate"]["base"]["patches"][0]["sha256"] = std::string(64, '0'); },
       Code::kManifestInvalid, "predicate.base.patches[0].sha256"},
      {"a patch from what comes out",
       [](Json& d) {
         Json& patch = d["predicate"]["base"]["patches"][0];
         patch["from"] = patch["sha256"];
       },
       Code::kManifestInvalid, "predicate.base.patches[0].from"},
      {"a patch without digest", [](Json& d) { d["predicate"]["base"]["patches"][1].erase("patchSha256"); },
       Code::kManifestInvalid, "predicate.base.patches[1].patchSha256"},
      {"a patch with more", [](Json& d) { d["predicate"]["base"]["patches"][1]["path"] = "x"; },
       Code::kManifestInvalid, "predicate.base.patches[1].path"},
      {"a patch of no bytes", [](Json& d) { d["predicate"]["base"]["patches"][0]["patchBytes"] = 0; },
       Code::kManifestInvalid, "predicate.base.patches[0].patchBytes"},
      {"a patch over the limit of members",
       [](Json& d) { d["predicate"]["base"]["patches"][0]["patchBytes"] = 9 * kGiB; }, Code::kTooLarge,
       "predicate.base.patches[0].patchBytes"},
      {"no budgets", [](Json& d) { d["predicate"].erase("budgets"); }, kAccepted, ""},
      {"a budget as a number", [](Json& d) { d["predicate"]["budgets"]["mirrors"] = 3600; },
       Code::kManifestInvalid, "predicate.budgets.mirrors"},
      {"a budget that breaches before it warns",
       [](Json& d) {
         d["predicate"]["budgets"]["mirrors"] = {{"warn", 2}, {"breach", 1}};
       },
       Code::kManifestInvalid, "predicate.budgets.mirrors"},
      {"a budget of nothing",
       [](Json& d) {
         d["predicate"]["budgets"]["mirrors"] = {{"warn", 0}, {"breach", 1}};
       },
       Code::kManifestInvalid, "predicate.budgets.mirrors"},
      {"a budget of another category name",
       [](Json& d) {
         d["predicate"]["budgets"]["Mirrors!"] = {{"warn", 1}, {"breach", 1}};
       },
       Code::kManifestInvalid, "Mirrors!"},
  });
}

TEST_CASE("Entries: each field, the order, and what would meet on another file system") {
  const auto path = [](const char* text) {
    return [text](Json& d) {
      d["predicate"]["entries"][1]["path"] = text;
      settle(d);
    };
  };
  check_cases({
      {"no entries",
       [](Json& d) {
         d["predicate"]["entries"] = Json::array();
         settle(d);
       },
       Code::kManifestInvalid, "predicate.entries"},
      {"no entries field",
       [](Json& d) {
         d["predicate"].erase("entries");
         d["subject"] = Json::array();
       },
       Code::kManifestInvalid, "predicate.entries"},
      {"entries is an object",
       [](Json& d) {
         d["predicate"]["entries"] = Json::object();
         d["subject"] = Json::array();
       },
       Code::kManifestInvalid, "predicate.entries"},
      {"an entry is a list", [](Json& d) { d["predicate"]["entries"][2] = Json::array(); },
       Code::kManifestInvalid, "predicate.entries[2]"},
      {"an entry with more", [](Json& d) { d["predicate"]["entries"][2]["uid"] = 0; }, Code::kManifestInvalid,
       "predicate.entries[2].uid"},
      {"an entry without digest", [](Json& d) { d["predicate"]["entries"][2].erase("sha256"); },
       Code::kManifestInvalid, "predicate.entries[2].sha256"},
      {"a negative size", [](Json& d) { d["predicate"]["entries"][2]["size"] = -1; }, Code::kManifestInvalid,
       "predicate.entries[2].size"},
      {"a size over the limit of a member",
       [](Json& d) {
         d["predicate"]["entries"][2]["size"] = 9 * kGiB;
         settle(d);
       },
       Code::kTooLarge, "predicate.entries[2].size"},
      {"a set-id mode", [](Json& d) { d["predicate"]["entries"][2]["mode"] = "4755"; },
       Code::kManifestInvalid, "predicate.entries[2].mode"},
      {"a mode as a number", [](Json& d) { d["predicate"]["entries"][2]["mode"] = 420; },
       Code::kManifestInvalid, "predicate.entries[2].mode"},
      {"a media type without a slash",
       [](Json& d) {
         d["predicate"]["entries"][2]["mediaType"] = "json";
         settle(d);
       },
       Code::kManifestInvalid, "predicate.entries[2].mediaType"},
      {"a media type with a parameter",
       [](Json& d) {
         d["predicate"]["entries"][2]["mediaType"] = "text/plain; a=b";
         settle(d);
       },
       Code::kManifestInvalid, "predicate.entries[2].mediaType"},
      {"a path that climbs", path("data/../../etc/passwd"), Code::kManifestInvalid,
       "predicate.entries[1].path"},
      {"an absolute path", path("/etc/passwd"), Code::kManifestInvalid, "predicate.entries[1].path"},
      {"a backslash", path("data\\a.json"), Code::kManifestInvalid, "predicate.entries[1].path"},
      {"a device name", path("data/NUL.json"), Code::kManifestInvalid, "predicate.entries[1].path"},
      {"the manifest lists itself", path("manifest.dsse.json"), Code::kManifestInvalid,
       "predicate.entries[1].path"},
      {"a manifest in other case", path("Manifest.DSSE.json"), Code::kManifestInvalid,
       "predicate.entries[1].path"},
      {"a folder in the place of the manifest", path("manifest.dsse.json/x"), Code::kManifestInvalid,
       "predicate.entries[1].path"},
      {"entries out of order",
       [](Json& d) {
         std::swap(d["predicate"]["entries"][1], d["predicate"]["entries"][2]);
         settle(d);
       },
       Code::kManifestInvalid, "predicate.entries[2].path"},
      {"a path twice", path("data/b.json"), Code::kManifestInvalid, "listed twice"},
      {"names that differ in case", path("data/B.JSON"), Code::kManifestInvalid, "differ only in case"},
      {"names that differ in Unicode form",
       [](Json& d) {
         d["predicate"]["entries"][1]["path"] = "data/e\xCC\x81";
         d["predicate"]["entries"][2]["path"] = "data/\xC3\xA9";
         settle(d);
       },
       Code::kManifestInvalid, "differ only in case"},
      {"a file that is also a folder",
       [](Json& d) {
         d["predicate"]["entries"][1]["path"] = "data/b";
         d["predicate"]["entries"][2]["path"] = "data/b/c";
         settle(d);
       },
       Code::kManifestInvalid, "is a file and a folder"},
      {"a file that is also a folder in other case",
       [](Json& d) {
         d["predicate"]["entries"][1]["path"] = "data/B";
         d["predicate"]["entries"][2]["path"] = "data/b/c/d";
         settle(d);
       },
       Code::kManifestInvalid, "is a file and a folder"},
      {"folders that differ in case are one folder, and harmless",
       [](Json& d) {
         d["predicate"]["entries"][1]["path"] = "data/X/1";
         d["predicate"]["entries"][2]["path"] = "data/x/2";
         settle(d);
       },
       kAccepted, ""},
  });
}

TEST_CASE("Subjects are the entries, one for one") {
  check_cases({
      {"one subject missing", [](Json& d) { d["subject"].erase(3); }, Code::kManifestInvalid,
       "3 subjects for 4 entries"},
      {"one subject more", [](Json& d) { d["subject"].push_back(d["subject"][3]); }, Code::kManifestInvalid,
       "5 subjects for 4 entries"},
      {"two subjects changed places", [](Json& d) { std::swap(d["subject"][1], d["subject"][2]); },
       Code::kManifestInvalid, "subject[1]"},
      {"another name", [](Json& d) { d["subject"][2]["name"] = "data/c.json"; }, Code::kManifestInvalid,
       "subject[2]"},
      {"another digest", [](Json& d) { d["subject"][2]["digest"]["sha256"] = Digest::of("x").hex(); },
       Code::kManifestInvalid, "subject[2]"},
      {"a second digest", [](Json& d) { d["subject"][2]["digest"]["sha512"] = "00"; }, Code::kManifestInvalid,
       "subject[2].digest.sha512"},
      {"a subject with more", [](Json& d) { d["subject"][2]["uri"] = "x"; }, Code::kManifestInvalid,
       "subject[2].uri"},
      {"a subject is text", [](Json& d) { d["subject"][2] = "data/b.json"; }, Code::kManifestInvalid,
       "subject[2]"},
  });
}

TEST_CASE("The order of fields does not matter: subjects may come before the entries") {
  const Json d = sample_document();
  const std::string text = "{\"subject\":" + canonical_json(d["subject"]) +
                           ",\"predicateType\":" + canonical_json(d["predicateType"]) +
                           ",\"predicate\":" + canonical_json(d["predicate"]) +
                           ",\"_type\":" + canonical_json(d["_type"]) + "}";
  CHECK(parse_bundle_statement(text).value() == sample());
}

TEST_CASE("A statement that is not strict JSON is refused with line and column") {
  const std::string good = write_bundle_statement(sample()).value();
  const auto at_entries = good.find("{\"mediaType\"");
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() - 1), good + " x", good + std::string(1, '\0'),
        "{\"_type\":\"https://in-toto.io/Statement/v1\"," + good.substr(1),
        good.substr(0, at_entries) + "{\"size\":3," + good.substr(at_entries + 1),
        good.substr(0, at_entries) + "{\"si\\u007ae\":3," + good.substr(at_entries + 1)}) {
    const auto parsed = parse_bundle_statement(bad);
    CHECK(code_of(parsed) == Code::kManifestInvalid);
  }
  const auto cut = parse_bundle_statement(good.substr(0, 100));
  REQUIRE_FALSE(cut);
  CHECK(cut.error().context.find("line 1 column") != std::string::npos);
}

TEST_CASE("Limits: members, bytes, path and depth hold for reading and for writing") {
  const std::string good = write_bundle_statement(sample()).value();
  Limits few, small, shallow, fits;
  few.members = 3;
  small.manifest_bytes = good.size() - 1;
  shallow.path_depth = 3;
  fits.members = 4;
  fits.manifest_bytes = good.size();
  fits.path_depth = 5;
  CHECK(code_of(parse_bundle_statement(good, few)) == Code::kTooLarge);
  CHECK(code_of(parse_bundle_statement(good, small)) == Code::kTooLarge);
  CHECK(code_of(parse_bundle_statement(good, shallow)) == Code::kManifestInvalid);
  CHECK(code_of(parse_bundle_statement(good, fits)) == kAccepted);
  CHECK(code_of(write_bundle_statement(sample(), few)) == Code::kTooLarge);
  CHECK(code_of(write_bundle_statement(sample(), small)) == Code::kTooLarge);
  CHECK(code_of(write_bundle_statement(sample(), shallow)) == Code::kManifestInvalid);
}

TEST_CASE("A statement that would be refused when read is not written") {
  const std::vector<std::function<void(BundleManifest&)>> changes = {
      [](BundleManifest& m) { m.entries.clear(); },
      [](BundleManifest& m) { m.tenants.clear(); },
      [](BundleManifest& m) {
        m.tenants = {"acme", "acme"};
      },
      [](BundleManifest& m) { m.producer = "a\nb"; },
      [](BundleManifest& m) { m.entries.push_back(m.entries[0]); },
      [](BundleManifest& m) { m.entries[0].path = "../x"; },
      [](BundleManifest& m) { m.entries[0].media_type = "x"; },
      [](BundleManifest& m) { m.base->generation = m.generation; },
      [](BundleManifest& m) { m.base->patches[0].sha256 = Digest::of("none"); },
      [](BundleManifest& m) { m.base->patches.push_back(m.base->patches[0]); },
      [](BundleManifest& m) { m.budgets["mirrors"] = {}; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    BundleManifest manifest = sample();
    changes[i](manifest);
    CHECK(code_of(write_bundle_statement(manifest)) == Code::kManifestInvalid);
  }
}

TEST_CASE("A manifest finds its entries and knows its tenants") {
  BundleManifest manifest = sample();
  REQUIRE(manifest.find("data/b.json") != nullptr);
  CHECK(manifest.find("data/b.json")->size == 0);
  CHECK(manifest.find("data") == nullptr);
  CHECK(manifest.find("zzz") == nullptr);
  CHECK(manifest.for_tenant(TenantId::parse("acme").value()));
  CHECK_FALSE(manifest.for_tenant(TenantId::parse("other").value()));
  manifest.tenants = {"*"};
  CHECK(manifest.for_tenant(TenantId::parse("other").value()));
  manifest.tenants = {};
  CHECK_FALSE(manifest.for_tenant(TenantId::parse("acme").value()));
}

}  // namespace airlock::manifests::test
