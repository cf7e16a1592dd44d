#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bundle/build_plan.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

constexpr const char* kDescriptor = R"({"bundleId":"acme-kit","kind":"offline-kit","version":"1.0.0","generation":1,
  "producer":"tests","tenants":["*"],"createdAt":"2026-11-01T00:00:00Z",
  "budgets":{"advisories":{"warn":86400,"breach":259200}},"mediaTypes":{".bin":"application/x-noise"}})";
constexpr const char* kDag = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: scan, version: 1.0.0}
spec:
  steps:
    - id: one
      plugin: tool@1.0.0
      inputs: {feed: {bundle: acme-kit, path: data/osv}}
      outputs: [{path: out.json}]
)";

void write_kit(const std::string& folder) {
  write_file(folder + "/bundle.json", kDescriptor);
  write_file(folder + "/dags/any-name.yaml", kDag);
  write_file(folder + "/plugins/tool/1.0.0/plugin.json", R"({"name":"tool","version":"1.0.0","entrypoint":"bin/tool"})");
  write_file(folder + "/plugins/tool/1.0.0/bin/tool", noise(9000), 0755);
  write_file(folder + "/data/osv/a.json", "{}");
  write_file(folder + "/data/osv/b.bin", noise(100'000));
  write_file(folder + "/data/\xC3\xA9t\xC3\xA9.txt", "not ASCII");
  write_file(folder + "/data/" + std::string(120, 'n'), "long");
  write_file(folder + "/data/empty", "");
}

Result<Built> build(const std::string& folder, const std::string& output, std::string_view keys = "a") {
  std::vector<const Signer*> signers;
  for (const char letter : keys) signers.push_back(&key(letter));
  BuildRequest request{.folder = folder, .output = output, .signers = signers, .created_at = std::nullopt, .zstd_level = 3, .limits = {}, .progress = {}};
  return build_bundle(request);
}

int shell(const std::string& command) { return std::system(("set -e; export LC_ALL=C; " + command).c_str()); }

}  // namespace

TEST_CASE("what is built can be imported, and holds what the folder held") {
  Site site("ab", 2);
  const std::string kit = site.home + "/kit", out = site.home + "/kit.airlock.tar.zst";
  write_kit(kit);
  const auto built = build(kit, out, "ab");
  if (!built) FAIL(describe(built.error()));
  CHECK(built->entries == 8);
  CHECK(built->file_bytes == std::filesystem::file_size(out));
  CHECK(built->file_sha256 == Digest::of(read_whole(out)));
  const auto outcome = site.import(out);
  INFO(outcome.verdict.to_json().dump(1));
  REQUIRE(code_of(outcome) == "accepted");
  CHECK(outcome.verdict.manifest_sha256 == built->manifest_sha256);
  CHECK(site.content("data/osv/b.bin") == noise(100'000));
  CHECK(site.content("data/\xC3\xA9t\xC3\xA9.txt") == "not ASCII");
  const auto manifest = inspect_untrusted(out).value().manifest;
  CHECK(manifest.find("plugins/tool/1.0.0/bin/tool")->executable);
  CHECK_FALSE(manifest.find("data/osv/a.json")->executable);
  CHECK(manifest.find("data/osv/b.bin")->media_type == "application/x-noise");
  CHECK(manifest.find("data/osv/a.json")->media_type == "application/json");
  CHECK(manifest.budgets.at("advisories").breach_seconds == 259200);
}

TEST_CASE("the same folder gives the same bytes, whatever its times, order, owner modes and name") {
  const TempDir dir;
  write_kit(dir / "one");
  REQUIRE(build(dir / "one", dir / "one.tar.zst"));
  // The second is made in another order, with other times and modes.
  const std::string two = dir / "two";
  std::filesystem::create_directory(two);
  for (const char* name : {"data", "plugins", "dags", "bundle.json"})
    std::filesystem::copy(dir / "one/" + std::string(name), two + "/" + name,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  ::chmod((two + "/data/osv/a.json").c_str(), 0600);
  ::chmod((two + "/plugins/tool/1.0.0/bin/tool").c_str(), 0700);
  std::filesystem::last_write_time(two + "/data/empty", std::filesystem::file_time_type::clock::now() - std::chrono::hours(999));
  REQUIRE(build(two, dir / "two.tar.zst"));
  CHECK(read_whole(dir / "one.tar.zst") == read_whole(dir / "two.tar.zst"));
}

TEST_CASE("sha256sum and GNU tar alone agree with the manifest", "[peer]") {
  const TempDir dir;
  write_kit(dir / "kit");
  REQUIRE(build(dir / "kit", dir / "kit.tar.zst"));
  std::filesystem::create_directory(dir / "out");
  REQUIRE(shell("cd " + dir.path() + "/out && tar --zstd -xf ../kit.tar.zst && mv manifest.dsse.json .. && "
                "find . -type f -printf '%P\\n' | sort | xargs -d '\\n' sha256sum > ../listing") == 0);
  const auto manifest = inspect_untrusted(dir / "kit.tar.zst").value().manifest;
  CHECK(Digest::of(read_whole(dir / "listing")) == manifests::entries_checksums(manifest.entries));
  REQUIRE(shell("cd " + dir.path() + "/out && sha256sum --quiet -c ../listing") == 0);
}

TEST_CASE("what a bundle must not hold is refused when it is built, and no file is left") {
  struct Case {
    const char* name;
    std::function<void(const std::string& kit)> spoil;
    const char* want;
  };
  const auto put = [](const char* path, const char* bytes) {
    return [=](const std::string& kit) { write_file(kit + "/" + path, bytes); };
  };
  const Case cases[] = {
      {"a symbolic link", [](const std::string& kit) { std::filesystem::create_symlink("/etc/passwd", kit + "/data/link"); }, "archive:entry-type"},
      {"a link to a folder", [](const std::string& kit) { std::filesystem::create_directory_symlink("/etc", kit + "/data/etc"); }, "archive:entry-type"},
      {"a FIFO", [](const std::string& kit) { REQUIRE(::mkfifo((kit + "/data/fifo").c_str(), 0600) == 0); }, "archive:entry-type"},
      {"a file at the top", put("README.md", "x"), "manifest-invalid"},
      {"a folder that no bundle has", put("secrets/x", "x"), "manifest-invalid"},
      {"a name with a line feed", put("data/a\nb", "x"), "archive:path"},
      {"a Windows device", put("data/aux.txt", "x"), "archive:path"},
      {"two names that differ by case", [&](const std::string& kit) { write_file(kit + "/data/A", "1"); write_file(kit + "/data/a", "2"); }, "manifest-invalid"},
      {"an unknown field", put("bundle.json", R"({"bundleId":"a","kindd":"data"})"), "usage"},
      {"no such kind", [](const std::string& kit) { std::string d = kDescriptor; write_file(kit + "/bundle.json", d.replace(d.find("offline-kit"), 11, "online-kit ")); }, "field"},
      {"a DAG that does not parse", put("dags/bad.yaml", "kind: Dag\n"), "field"},
      {"the same DAG twice", put("dags/second.yml", kDag), "archive:duplicate"},
      {"a plugin's descriptor is missing", put("plugins/x/1.0.0/y", "x"), "manifest-invalid"},
      {"data that no member holds", [](const std::string& kit) { std::string d = kDag; write_file(kit + "/dags/any-name.yaml", d.replace(d.find("data/osv"), 8, "data/vso")); }, "spec:undeclared-input"},
      {"it would be refused as a bomb", [](const std::string& kit) { write_file(kit + "/data/zeros", std::string(200'000'000, '\0')); }, "archive:expansion-ratio"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const TempDir dir;
    write_kit(dir / "kit");
    c.spoil(dir / "kit");
    const auto built = build(dir / "kit", dir / "kit.tar.zst");
    REQUIRE_FALSE(built);
    INFO(describe(built.error()));
    CHECK(code_info(built.error().code).text == c.want);
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);  // the kit folder, nothing else
  }
}

TEST_CASE("a build that fails leaves no file, and the old one where it was") {
  const TempDir dir;
  write_kit(dir / "kit");
  write_file(dir / "kit.tar.zst", "old");
  CHECK(build(dir / "kit", dir / "kit.tar.zst", "").error().code == Code::kUsage);
  write_file(dir / "kit/README.md", "x");
  CHECK_FALSE(build(dir / "kit", dir / "kit.tar.zst"));
  CHECK(read_whole(dir / "kit.tar.zst") == "old");
}

TEST_CASE("createdAt comes from the request, else from the descriptor, else from nowhere") {
  const TempDir dir;
  write_kit(dir / "kit");
  const Signer* signer = &key('a');
  BuildRequest request{.folder = dir / "kit", .output = dir / "out", .signers = {&signer, 1}, .created_at = kNow, .zstd_level = 3, .limits = {}, .progress = {}};
  REQUIRE(build_bundle(request));
  CHECK(inspect_untrusted(dir / "out").value().manifest.created_at == kNow);
  request.created_at.reset();
  std::string descriptor = kDescriptor;
  descriptor.erase(descriptor.find("\"createdAt\""), std::string("\"createdAt\":\"2026-11-01T00:00:00Z\",").size());
  write_file(dir / "kit/bundle.json", descriptor);
  CHECK(build_bundle(request).error().code == Code::kUsage);
}

TEST_CASE("the bill of materials of a bundle must be one") {
  const TempDir dir;
  write_file(dir / "bundle.json", R"({"bundleId":"kit","kind":"data","version":"1.0.0","generation":1,"createdAt":"2026-11-21T12:00:00Z","producer":"tests","tenants":["*"]})");
  write_file(dir / "data/x", "x");
  const auto code = [&](const std::string& sbom) {
    write_file(dir / "sbom.cdx.json", sbom);
    BuildRequest request;
    request.folder = dir.path();
    const auto plan = plan_build(request);
    return plan ? std::string("built") : std::string(code_info(plan.error().code).text);
  };
  CHECK(code(R"({"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"zlib"}]})") == "built");
  CHECK(code(R"({"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"libary","name":"zlib"}]})") == "sbom:invalid");
  CHECK(code(R"({"bomFormat":"CycloneDX","specVersion":"1.6","specVersion":"1.6"})") == "json");
  CHECK(code("{}") == "sbom:invalid");
}
