#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

#include "bundle/layout.h"
#include "bundle/prune.h"
#include "bundle/sign.h"
#include "bundle/space.h"
#include "delta_kit.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

// A kit as a folder, which changes from generation to generation.
class Kit {
 public:
  explicit Kit(const std::string& home) : folder_(home + "/kit"), home_(home) {
    put("plugins/tool/1.0.0/plugin.json", R"({"name":"tool","version":"1.0.0","entrypoint":"bin/tool"})");
    write_file(folder_ + "/plugins/tool/1.0.0/bin/tool", noise(9000), 0755);
    put("dags/scan.yaml", "apiVersion: airlock/v1\nkind: Dag\nmetadata: {id: scan, version: 1.0.0}\nspec:\n  steps:\n    - {id: one, plugin: tool@1.0.0, outputs: [{path: out.json}]}\n");
    put("data/large.bin", noise(300'000, 5));
    put("data/small.txt", "small");
    put("data/same.bin", noise(100'000, 6));
    put("data/empty", "");
    put("trust/9.root.json", "{}");  // of no repository here: stands before the patches, and is not stored
  }
  void put(const std::string& path, const std::string& bytes) { write_file(folder_ + "/" + path, bytes); }
  void drop(const std::string& path) { std::filesystem::remove(folder_ + "/" + path); }
  void move(const std::string& from, const std::string& to) { std::filesystem::rename(folder_ + "/" + from, folder_ + "/" + to); }
  std::string read(const std::string& path) const { return read_whole(folder_ + "/" + path); }

  Result<Built> try_build(std::uint64_t generation, const std::string& output, const std::string& base = "", std::string_view base_keys = "a",
                          const std::string& id = "acme-kit") {
    put("bundle.json", R"({"bundleId":")" + id + R"(","kind":"offline-kit","version":")" + std::to_string(generation) +
                           R"(.0.0","generation":1,"producer":"tests","tenants":["*"],"createdAt":"2026-11-01T00:00:00Z"})");
    const Signer* signer = &key('a');
    BuildRequest request{.folder = folder_, .output = output, .signers = {&signer, 1}, .created_at = std::nullopt, .generation = generation,
                         .zstd_level = 3, .limits = {}, .progress = {}};
    if (!base.empty()) {
      request.base = BuildBase{base, {}};
      for (const char letter : base_keys) request.base->keys.push_back({key(letter).key_id(), key(letter).public_key().pem(), std::nullopt});
    }
    return build_bundle(request);
  }
  // The path of the file, built over the one of `base`, or in full.
  std::string build(std::uint64_t generation, const std::string& base = "") {
    const std::string output = home_ + "/out/" + std::to_string(generation) + (base.empty() ? "-full" : "-delta");
    std::filesystem::create_directories(home_ + "/out");
    const auto built = try_build(generation, output, base);
    if (!built) FAIL(describe(built.error()));
    last = *built;
    return output;
  }
  // Generation 2: one member edited, one new, one gone, one under another name.
  void change() {
    put("data/large.bin", noise(1000, 7) + noise(300'000, 5));
    put("data/new.txt", "new");
    drop("data/empty");
    move("data/same.bin", "data/moved.bin");
  }

  Built last{"", "", 0, 0, 0, 0, Digest::of(""), Digest::of("")};

 private:
  std::string folder_, home_;
};

std::string seen(const Verdict& verdict, std::string_view check) {
  for (const Check& c : verdict.checks)
    if (c.name == check) return c.seen.text;
  return "(no such check)";
}

void damage(const std::string& path) {
  std::string bytes = read_whole(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  write_file(path, bytes, 0444);
}

}  // namespace

TEST_CASE("a delta kit leads to the same state as a full kit of the same folder") {
  Site by_delta, by_full;
  Kit kit(by_delta.home);
  const std::string first = kit.build(1);
  REQUIRE(code_of(by_delta.import(first)) == "accepted");
  REQUIRE(code_of(by_full.import(first)) == "accepted");
  kit.change();
  const std::string delta = kit.build(2, first);
  REQUIRE(kit.last.delta);
  CHECK(kit.last.entries == 7);
  CHECK(kit.last.delta->carried == 1);
  CHECK(kit.last.delta->patched == 1);
  CHECK(kit.last.delta->unchanged == 5);
  CHECK(kit.last.delta->saved_bytes + kit.last.delta->patch_bytes > 400'000);
  CHECK(std::filesystem::file_size(delta) < 8'000);
  const std::string full = kit.build(2);
  CHECK_FALSE(kit.last.delta);

  const auto outcome = by_delta.import(delta);
  INFO(outcome.verdict.to_json().dump(1));
  REQUIRE(code_of(outcome) == "accepted");
  CHECK(outcome.new_blobs == 2);
  CHECK_THAT(seen(outcome.verdict, kCheckBase), Catch::StartsWith("acme-kit generation 1 is held, manifest "));
  CHECK_THAT(seen(outcome.verdict, kCheckMembers), Catch::StartsWith("1 of 7 members carried, 1 patched, 5 from acme-kit generation 1, "));
  CHECK_THAT(seen(outcome.verdict, kCheckSpace), Catch::Contains("in 2 new files"));
  CHECK(by_delta.content("data/large.bin") == kit.read("data/large.bin"));
  CHECK(by_delta.content("data/moved.bin") == noise(100'000, 6));
  CHECK(by_delta.content("data/empty") == "(no item)");

  REQUIRE(code_of(by_full.import(full)) == "accepted");
  const auto without_manifest = [](std::string state) {  // the one line that differs: a delta's manifest names its base
    const auto at = state.find("acme-kit 2 2.0.0 ") + 17;
    return state.replace(at, 64, "");
  };
  CHECK(without_manifest(by_delta.state()) == without_manifest(by_full.state()));
}

TEST_CASE("a delta kit that was imported is a no-op, also when its base is gone") {
  Site site;
  Kit kit(site.home);
  const std::string first = kit.build(1);
  REQUIRE(code_of(site.import(first)) == "accepted");
  kit.change();
  const std::string delta = kit.build(2, first);
  REQUIRE(code_of(site.import(delta)) == "accepted");
  const std::string before = site.state();
  auto again = site.import(delta);
  CHECK(code_of(again) == "accepted");
  CHECK(again.already_active);
  CHECK(site.state() == before);
  ImportRequest repair = site.request(delta);
  repair.repair = true;
  CHECK(code_of(site.import(delta, repair)) == "accepted");
  CHECK(site.state() == before);

  REQUIRE(prune_bundles({tenant(), std::nullopt, 1, {.actor = "tester"}, false, Wait::kYes}, *site.store, *site.ledger, kNow));
  again = site.import(delta);
  CHECK(code_of(again) == "accepted");
  CHECK(again.already_active);
  CHECK(code_of(site.import(delta, repair)) == "bundle:base-missing");
}

TEST_CASE("C101 a delta kit whose base is missing, pruned or another is refused, and says what it needs") {
  Site site;
  Kit kit(site.home);
  const std::string first = kit.build(1);
  const std::string needed = "acme-kit generation 1, manifest " + kit.last.manifest_sha256.hex() + ", is needed";
  kit.change();
  const std::string delta = kit.build(2, first);
  const auto refused = [&](const std::string& code, const std::string& held) {
    const std::string before = site.state();
    const auto outcome = site.import(delta);
    INFO(outcome.verdict.to_json().dump(1));
    CHECK(code_of(outcome) == code);
    CHECK_THAT(outcome.verdict.refusal->context, Catch::StartsWith(needed) && Catch::EndsWith(held));
    CHECK(outcome.verdict.checks.back().name == kCheckBase);
    CHECK(site.state() == before);
    return outcome.quarantined.has_value();
  };
  CHECK_FALSE(refused("bundle:base-missing", "holds none of its generations"));

  kit.put("data/small.txt", "other");
  const std::string other = kit.build(1);
  REQUIRE(code_of(site.import(other)) == "accepted");
  CHECK(refused("bundle:base-other", "holds that generation with manifest " + kit.last.manifest_sha256.hex()));

  Site pruned;
  REQUIRE(code_of(pruned.import(delta)) == "bundle:base-missing");
  // The delta was built before `first` was overwritten by `other`: build the first one again, bytes and all.
  Kit again(pruned.home);
  REQUIRE(code_of(pruned.import(again.build(1))) == "accepted");
  REQUIRE(code_of(pruned.import(again.build(3))) == "accepted");
  REQUIRE(prune_bundles({tenant(), std::nullopt, 1, {.actor = "tester"}, false, Wait::kYes}, *pruned.store, *pruned.ledger, kNow));
  const auto outcome = pruned.import(delta);
  CHECK(code_of(outcome) == "bundle:base-missing");
  CHECK_THAT(outcome.verdict.refusal->context, Catch::EndsWith("holds generation 3"));
}

TEST_CASE("C101 what another tenant holds is no base") {
  Site site;
  const Delta delta;
  REQUIRE(code_of(site.import_bytes(delta.base.file())) == "accepted");
  const std::string path = site.home + "/delta";
  write_file(path, delta.kit.file());
  ImportRequest theirs = site.request(path);
  theirs.tenant = tenant("globex");
  const auto outcome = site.import(path, theirs);
  CHECK(code_of(outcome) == "bundle:base-missing");
  CHECK_THAT(outcome.verdict.refusal->context, Catch::EndsWith("tenant globex holds none of its generations"));
}

TEST_CASE("C101 the base need be neither active nor young, and a delta of a delta of a kit is whole") {
  Site site, young;
  Kit kit(site.home);
  const std::string first = kit.build(1);
  kit.change();
  const std::string second = kit.build(2, first);
  kit.put("data/large.bin", kit.read("data/large.bin") + "more");   // a patch in the second: nothing to patch against
  kit.put("data/small.txt", "smaller");
  const std::string third = kit.build(3, second);
  CHECK(kit.last.delta->patched == 0);
  CHECK(kit.last.delta->carried == 2);
  kit.put("data/large.bin", "again " + kit.read("data/large.bin"));  // whole in the third
  const std::string fourth = kit.build(4, third);
  CHECK(kit.last.delta->patched == 1);
  CHECK(kit.last.delta->carried == 0);
  for (const std::string& file : {first, second, third, fourth}) {
    INFO(file);
    REQUIRE(code_of(site.import(file)) == "accepted");
  }
  CHECK(site.content("data/large.bin") == kit.read("data/large.bin"));
  CHECK(site.content("data/small.txt") == "smaller");

  // A site that went over a full second generation, and then back to the first, takes the delta of the first.
  REQUIRE(code_of(young.import(first)) == "accepted");
  const std::string skipped = kit.build(5, first), newer = kit.build(6);
  REQUIRE(code_of(young.import(newer)) == "accepted");
  ImportRequest force = young.request(skipped);
  force.force = Force{"drill", "T-1"};
  const auto outcome = young.import(skipped, force);
  CHECK(code_of(outcome) == "accepted");
  CHECK(young.content("data/large.bin") == kit.read("data/large.bin"));
}

TEST_CASE("a dry run of a delta kit makes every check and writes nothing") {
  Site site;
  Delta delta;
  REQUIRE(code_of(site.import_bytes(delta.base.file())) == "accepted");
  const std::string before = site.state(), path = site.home + "/delta";
  ImportRequest dry = site.request(path);
  dry.dry_run = true;
  write_file(path, delta.kit.file());
  const auto good = site.import(path, dry);
  INFO(good.verdict.to_json().dump(1));
  CHECK(code_of(good) == "accepted");
  CHECK_THAT(seen(good.verdict, kCheckMembers), Catch::StartsWith("2 of 8 members carried, 1 patched, 5 from acme-kit generation 1"));
  CHECK(site.state() == before);
  delta.sign_patch(Delta::patch_of(delta.old_bytes, "y" + delta.old_bytes));
  write_file(path, delta.kit.file());
  CHECK(code_of(site.import(path, dry)) == "bundle:patch");
  CHECK(site.state() == before);
}

TEST_CASE("deltas that do not hold are refused, and change nothing") {
  struct Case {
    std::string name;
    std::function<void(Delta&)> spoil;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"as it should be", [](Delta&) {}, "accepted"},
      {"a member carried whole beside its patch", [](Delta& d) { d.kit.members.insert(d.kit.members.begin() + 2, {"data/large.bin", d.new_bytes, false}); }, "accepted"},
      {"a member carried whole although the base has it", [](Delta& d) { d.kit.members.push_back({"data/osv/b.bin", noise(20'000), false}); }, "accepted"},
      {"C036 one bit of a patch's content", [](Delta& d) { d.kit.members[0].bytes[30] ^= 1; }, "member-digest"},
      {"C036 one bit of a patch's header", [](Delta& d) { d.kit.members[0].bytes[0] ^= 1; }, "member-digest"},
      {"C036 the last bit of a patch", [](Delta& d) { d.kit.members[0].bytes.back() ^= 1; }, "member-digest"},
      {"C037 a patch is longer", [](Delta& d) { d.kit.members[0].bytes += "x"; }, "member-size"},
      {"C037 a patch is shorter", [](Delta& d) { d.kit.members[0].bytes.pop_back(); }, "member-size"},
      {"C012 a patch is executable", [](Delta& d) { d.kit.members[0].executable = true; }, "member-mode"},
      {"C034 a patch is missing", [](Delta& d) { d.kit.members.erase(d.kit.members.begin()); }, "member-missing"},
      {"C034 a patch is missing, its member is carried whole",
       [](Delta& d) { d.kit.members = {d.kit.members[1], {"data/large.bin", d.new_bytes, false}, d.kit.members[2]}; }, "member-missing"},
      {"C034 a member is in neither", [](Delta& d) { d.kit.members.pop_back(); }, "member-missing"},
      {"C034 a digest of the base under another size", [](Delta& d) { d.entry("data/osv/b.bin").size += 1; }, "member-missing"},
      {"C035 a patch that nobody listed",
       [](Delta& d) { d.kit.members.insert(d.kit.members.begin(), {"delta/" + std::string(64, '0') + ".zst", "x", false}); }, "member-unlisted"},
      {"C035 something else below delta/", [](Delta& d) { d.kit.members.insert(d.kit.members.begin() + 1, {"delta/readme", "x", false}); }, "member-unlisted"},
      {"C033 a patch behind the members", [](Delta& d) { std::rotate(d.kit.members.begin(), d.kit.members.begin() + 1, d.kit.members.end()); }, "archive:order"},
      {"C013 a patch twice", [](Delta& d) { d.kit.members.insert(d.kit.members.begin(), d.kit.members[0]); }, "archive:duplicate"},
      {"a member below delta/, signed as one",
       [](Delta& d) {
         d.kit.manifest.entries.push_back(entry_of({"delta/x", "x", false}));
         std::ranges::sort(d.kit.manifest.entries, {}, &manifests::BundleEntry::path);
       }, "manifest-invalid"},
      {"C101 another base", [](Delta& d) { d.kit.manifest.base->manifest_sha256 = Digest::of("other"); }, "bundle:base-other"},
      {"C101 a generation that is not held", [](Delta& d) { d.kit.manifest.base->generation = 0; }, "bundle:base-missing"},
      {"C101 a bundle that is not held", [](Delta& d) { d.kit.manifest.base->bundle_id = BundleId::parse("acme-kid").value(); }, "bundle:base-missing"},
      {"a patch from what the base does not have", [](Delta& d) { d.listed().from = Digest::of("nowhere"); }, "bundle:patch"},
      {"a patch from another member", [](Delta& d) { d.listed().from = Digest::of(noise(20'000)); }, "bundle:patch"},
      {"a patch that gives other bytes", [](Delta& d) { d.sign_patch(Delta::patch_of(d.old_bytes, "y" + d.old_bytes)); }, "bundle:patch"},
      {"a patch that gives less", [](Delta& d) { d.sign_patch(Delta::patch_of(d.old_bytes, d.old_bytes)); }, "bundle:patch"},
      {"a patch that gives more", [](Delta& d) { d.sign_patch(Delta::patch_of(d.old_bytes, "xx" + d.old_bytes)); }, "bundle:patch"},
      {"a patch that is none", [](Delta& d) { d.sign_patch("hello"); }, "bundle:patch"},
      {"a patch with bytes behind it", [](Delta& d) { d.sign_patch(d.patch + "x"); }, "bundle:patch"},
      {"a patch that is cut", [](Delta& d) { d.sign_patch(d.patch.substr(0, d.patch.size() - 1)); }, "bundle:patch"},
      {"a patch that reads behind its base", [](Delta& d) { d.sign_patch(Delta::patch_of(d.old_bytes + "z", d.new_bytes)); }, "bundle:patch"},
      {"a file below trust/ is listed and not carried",
       [](Delta& d) {
         d.kit.manifest.entries.push_back(entry_of({"trust/1.root.json", "", false}));  // the base has that content
         std::ranges::sort(d.kit.manifest.entries, {}, &manifests::BundleEntry::path);
       }, "member-missing"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    Site site;
    Delta delta;
    REQUIRE(code_of(site.import_bytes(delta.base.file())) == "accepted");
    const std::string before = site.state();
    c.spoil(delta);
    const auto outcome = site.import_bytes(delta.kit.file());
    INFO(outcome.verdict.to_json().dump(1));
    CHECK(code_of(outcome) == c.want);
    CHECK((site.state() == before) == (c.want != "accepted"));
    CHECK(std::filesystem::is_empty(site.home + "/cas/tmp"));
    if (c.want == "accepted") CHECK(site.content("data/large.bin") == delta.new_bytes);
    else CHECK(outcome.quarantined.has_value() == (c.want != "bundle:base-missing"));
  }
}

TEST_CASE("C098 a base whose blob is damaged or gone is named, and the kit is not blamed") {
  Delta delta;
  const std::string file = delta.kit.file(), dag = delta.kit.members[1].bytes;
  struct Case {
    const char* name;
    Digest blob;
    bool gone;
  };
  const Case cases[] = {{"what a patch is made from, damaged", Digest::of(delta.old_bytes), false},
                        {"what a patch is made from, gone", Digest::of(delta.old_bytes), true},
                        {"an unchanged member, damaged", Digest::of(noise(20'000)), false},
                        {"an unchanged member, gone", Digest::of(noise(20'000)), true},
                        {"a plugin descriptor, damaged", delta.entry("plugins/tool/1.0.0/plugin.json").sha256, false}};
  for (const Case& c : cases) {
    INFO(c.name);
    Site site;
    REQUIRE(code_of(site.import_bytes(delta.base.file())) == "accepted");
    const std::string path = site.store->blob_path(c.blob);
    if (c.gone) std::filesystem::remove(path);
    else damage(path);
    const std::string before = site.state();
    const auto outcome = site.import_bytes(file);
    INFO(outcome.verdict.to_json().dump(1));
    CHECK(code_of(outcome) == "store:corrupt");
    CHECK_THAT(outcome.verdict.refusal->context, Catch::Contains(path));
    CHECK_FALSE(outcome.quarantined);
    CHECK(site.state() == before);
    // As the remedy says: the base, with --repair.
    const std::string base = site.home + "/base";
    write_file(base, delta.base.file());
    ImportRequest repair = site.request(base);
    repair.repair = true;
    CHECK(site.import(base, repair).repaired_blobs + (c.gone ? 1 : 0) == 1);
    CHECK(code_of(site.import_bytes(file)) == "accepted");
  }
}

TEST_CASE("specs that a delta kit does not carry are judged all the same") {
  Site site;
  Delta delta;
  REQUIRE(code_of(site.import_bytes(delta.base.file())) == "accepted");
  const auto outcome = site.import_bytes(delta.kit.file());
  REQUIRE(code_of(outcome) == "accepted");
  CHECK_THAT(seen(outcome.verdict, kCheckSpecs), Catch::StartsWith("1 DAGs, 1 plugins"));

  // The plugin's program goes away; its descriptor, which nobody carries, still names it.
  Site strict;
  Delta broken;
  std::erase_if(broken.kit.manifest.entries, [](const auto& entry) { return entry.path.ends_with("bin/tool"); });
  REQUIRE(code_of(strict.import_bytes(broken.base.file())) == "accepted");
  CHECK(code_of(strict.import_bytes(broken.kit.file())) == "spec:invalid");

  // A descriptor that a patch makes.
  Site patched;
  Delta made;
  const std::string old_text = R"({"name":"tool","version":"1.0.0","entrypoint":"bin/tool","deterministic":true})";
  const std::string new_text = R"({"name":"tool","version":"1.0.0","entrypoint":"bin/none","deterministic":true})";
  for (auto& entry : made.kit.manifest.entries)
    if (entry.path.ends_with("plugin.json")) entry.sha256 = Digest::of(new_text);
  const std::string patch = Delta::patch_of(old_text, new_text);
  made.kit.manifest.base->patches.push_back({Digest::of(new_text), Digest::of(old_text), Digest::of(patch), patch.size()});
  made.kit.members.insert(made.kit.members.begin(), {made.kit.manifest.base->patches.back().path(), patch, false});
  std::ranges::sort(made.kit.members, [](const Member& a, const Member& b) { return in_order(a.path, b.path); });
  REQUIRE(code_of(patched.import_bytes(made.base.file())) == "accepted");
  const auto refused = patched.import_bytes(made.kit.file());
  CHECK(code_of(refused) == "spec:invalid");
  CHECK_THAT(refused.verdict.refusal->context, Catch::Contains("entrypoint plugins/tool/1.0.0/bin/none"));
}

TEST_CASE("without a site a delta kit is verified as far as it goes, and says how far that is") {
  TempDir dir;
  Kit kit(dir.path());
  const std::string first = kit.build(1);
  kit.change();
  const std::string delta = kit.build(2, first);
  const auto verdict = verify_bundle({delta, {}, {}}, roots("a"), kNow);
  INFO(verdict.to_json().dump(1));
  CHECK(verdict.accepted());
  CHECK_THAT(seen(verdict, kCheckMembers), Catch::Contains("1 of 7 members carried") && Catch::Contains("1 as patches, which are whole") &&
                                               Catch::Contains("5 NOT CARRIED AND NOT LOOKED AT: this is a delta kit, they are in acme-kit generation 1"));
  Delta spoilt;
  spoilt.kit.members[0].bytes[30] ^= 1;
  write_file(dir / "spoilt", spoilt.kit.file());
  CHECK(verify_bundle({dir / "spoilt", {}, {}}, roots("a"), kNow).refusal->code == Code::kMemberDigest);
  const auto claims = inspect_untrusted(delta);
  REQUIRE(claims);
  CHECK(claims->manifest.base->patches.size() == 1);
}

TEST_CASE("a delta kit is built the same twice, and leaves nothing beside it") {
  TempDir dir;
  Kit kit(dir.path());
  const std::string first = kit.build(1);
  kit.change();
  const std::string delta = kit.build(2, first), before = read_whole(delta);
  kit.build(2, first);
  CHECK(read_whole(delta) == before);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "out")) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"1-full", "2-delta"});
}

TEST_CASE("a delta kit is signed by others like any other, also one that carries nothing") {
  Site site("ab", 2);
  Kit kit(site.home);
  const std::string first = kit.build(1);
  const auto sign_b = [](const std::string& file) {
    const Signer* signer = &key('b');
    const auto done = sign_bundle({file, {&signer, 1}, {}});
    if (!done) FAIL(describe(done.error()));
  };
  const std::string unsigned_first = read_whole(first);
  sign_b(first);
  REQUIRE(code_of(site.import(first)) == "accepted");
  kit.change();
  const std::string second = kit.build(2, first);
  sign_b(second);
  REQUIRE(code_of(site.import(second)) == "accepted");
  kit.drop("data/new.txt");
  kit.move("data/moved.bin", "data/back.bin");
  const std::string third = kit.build(3, second);
  CHECK(kit.last.delta->carried + kit.last.delta->patched == 0);
  CHECK(code_of(site.import(third)) == "dsse:threshold");
  sign_b(third);
  REQUIRE(code_of(site.import(third)) == "accepted");
  CHECK(site.content("data/back.bin") == noise(100'000, 6));
  CHECK(site.content("data/new.txt") == "(no item)");
}

TEST_CASE("a base that cannot be built upon is refused by name, and no file is left") {
  TempDir dir;
  Kit kit(dir.path());
  const std::string first = kit.build(1), out = dir / "out/refused";
  kit.change();
  const auto refused = [&](const Result<Built>& built, Code code, const std::string& words) {
    REQUIRE_FALSE(built);
    CHECK(built.error().code == code);
    CHECK_THAT(built.error().context, Catch::Contains(words));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused(kit.try_build(1, out, first), Code::kField, "generation 1 is not newer");
  refused(kit.try_build(2, out, first, "a", "other-kit"), Code::kField, "it is acme-kit generation 1, this is to be other-kit");
  refused(kit.try_build(2, out, first, "b"), Code::kDsseThreshold, "--base-key");
  refused(kit.try_build(2, out, dir / "none"), Code::kNotFound, "none");
  CHECK(kit.try_build(2, out, first, "ba"));
  std::filesystem::remove(out);
  Delta spoilt;
  spoilt.base.members[3].bytes[10] ^= 1;
  write_file(dir / "spoilt", spoilt.base.file());
  refused(kit.try_build(2, out, dir / "spoilt"), Code::kMemberDigest, "the base " + (dir / "spoilt"));
  write_file(dir / "cut", read_whole(first).substr(0, 5000));
  refused(kit.try_build(2, out, dir / "cut"), Code::kArchiveTruncated, "the base ");
  kit.put("delta/x", "x");
  refused(kit.try_build(2, out, first), Code::kManifestInvalid, "delta");
}

TEST_CASE("members of several pieces are patched through an import, wherever they changed") {
  Site site;
  Kit kit(site.home);
  const std::string a = noise(9'000'000, 30), b = noise(10'000'000, 31), c = noise(6'000'000, 32);
  kit.put("data/large.bin", a + b + c);
  kit.put("data/shrinks.bin", a);
  const std::string first = kit.build(1);
  REQUIRE(code_of(site.import(first)) == "accepted");
  kit.put("data/large.bin", b + "inserted" + c + a.substr(0, 8'000'000));
  kit.put("data/shrinks.bin", a.substr(5'000'000, 100'000));
  kit.put("data/grows.bin", a + c);  // new: carried whole
  const std::string second = kit.build(2, first);
  CHECK(kit.last.delta->patched == 2);
  CHECK(kit.last.delta->patch_bytes < 600'000);
  const auto outcome = site.import(second);
  INFO(outcome.verdict.to_json().dump(1));
  REQUIRE(code_of(outcome) == "accepted");
  for (const std::string path : {"data/large.bin", "data/shrinks.bin", "data/grows.bin"}) CHECK((site.content(path) == kit.read(path)));
}
