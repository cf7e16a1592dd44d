#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <filesystem>

#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

TEST_CASE("a good bundle becomes active, with every check in its event") {
  Site site;
  const auto outcome = site.import_bytes(parts().file());
  INFO(outcome.verdict.to_json().dump(2));
  REQUIRE(code_of(outcome) == "accepted");
  CHECK(outcome.verdict.activated);
  CHECK_FALSE(outcome.already_active);
  CHECK(outcome.new_blobs == 6);  // seven members, two of them equal
  CHECK(site.content("data/osv/b.bin") == noise(20'000));
  CHECK(site.content("data/osv/empty").empty());

  const Json event = site.last_event();
  CHECK(event.at("kind") == "bundle.imported");
  CHECK(event.at("subject") == "bundle:acme-kit@1");
  std::vector<std::string> names;
  std::map<std::string, Json> facts;
  for (const Json& check : event.at("data").at("checks")) {
    CHECK(check.at("ok") == true);
    names.push_back(check.at("name"));
    facts[names.back()] = check.at("facts");
  }
  CHECK(facts["signature"] == Json{{"keyIds", {key('a').key_id()}}, {"threshold", 1}});
  CHECK(facts["tenant"] == Json{{"tenants", {"*"}}});
  std::uint64_t bytes = 0;
  for (const Member& member : parts().members) bytes += member.bytes.size();
  CHECK(facts["members"] == Json{{"listed", 7}, {"carried", 7}, {"bytes", bytes}, {"patched", 0}, {"inBase", 0}});
  CHECK(facts["generation"] == Json{{"generation", 1}, {"version", "1.0.0"}, {"step", "first"}});
  CHECK(facts["specs"] == Json{{"dags", 1}, {"plugins", 1}});
  CHECK(facts["archive"].at("fileBytes") == outcome.verdict.file_bytes);
  CHECK(names == std::vector<std::string>{"plan", "signature", "tenant", "space", "archive", "members", "generation", "time", "specs"});
  CHECK(ledger::list_dags(*site.ledger, tenant()).value().size() == 1);
}

TEST_CASE("blobs are read-only files named by their digest, whatever the umask") {
  const auto old = ::umask(077);
  Site site;
  REQUIRE(code_of(site.import_bytes(parts().file())) == "accepted");
  ::umask(old);
  for (const auto& file : std::filesystem::recursive_directory_iterator(site.home + "/cas/sha256")) {
    if (!file.is_regular_file()) continue;
    const std::string name = file.path().parent_path().filename().string() + file.path().filename().string();
    CHECK(Digest::of(read_whole(file.path().string())).hex() == name);
    CHECK(static_cast<unsigned>(file.status().permissions()) == 0444U);
  }
}

TEST_CASE("C097 the same bundle again is a no-op that says so") {
  Site site;
  const std::string path = site.home + "/kit.tar.zst", copy = site.home + "/copy.tar.zst";
  write_file(path, parts().file());
  write_file(copy, parts().file());
  REQUIRE(code_of(site.import(path)) == "accepted");
  const std::string before = site.state();
  for (const std::string& again : {path, copy, copy, path}) {  // the copy becomes the known file, then the first one again
    INFO(again);
    const auto outcome = site.import(again);
    CHECK(code_of(outcome) == "accepted");
    CHECK(outcome.already_active);
    CHECK(outcome.new_blobs == 0);
    CHECK(outcome.verdict.activated);
    CHECK(site.state() == before);
  }
  CHECK(site.kinds() == std::vector<std::string>{"bundle.imported", "bundle.reimported", "bundle.imported", "bundle.reimported", "bundle.imported"});
  CHECK(site.last_event().at("data").at("activated") == true);
}

TEST_CASE("C097 only the file that the active bundle was read from is not read again") {
  Site site;
  const std::string path = site.home + "/kit.tar.zst";
  write_file(path, parts().file());
  REQUIRE(code_of(site.import(path)) == "accepted");

  auto damaged = parts();
  damaged.members[3].bytes = "damaged behind the manifest";
  write_file(path, damaged.file());
  CHECK(code_of(site.import(path)) == "member-size");

  // The same bytes again, as another file; then that file, which is known now.
  write_file(path, parts().file());
  REQUIRE(code_of(site.import(path)) == "accepted");
  CHECK(site.last_event().at("kind") == "bundle.imported");
  REQUIRE(code_of(site.import(path)) == "accepted");
  CHECK(site.last_event().at("kind") == "bundle.reimported");
  ImportRequest request = site.request(path);
  request.repair = true;
  REQUIRE(code_of(site.import(path, request)) == "accepted");
  CHECK(site.last_event().at("kind") == "bundle.imported");

  // A memory that is lost or damaged costs a reading, nothing else.
  const std::string memory = site.home + "/bundles/" + tenant().str() + "/acme-kit.json";
  for (const std::string& text : {std::string(), std::string("{}\n"), read_whole(memory) + " "}) {
    write_file(memory, text);
    REQUIRE(code_of(site.import(path)) == "accepted");
    CHECK(site.last_event().at("kind") == "bundle.imported");
  }
  // Trust is asked each time: the short way is closed to whoever is not trusted any more.
  site.trust = roots("b");
  CHECK(code_of(site.import(path)) == "dsse:threshold");
  site.trust = roots("a");
  // Nor does a generation that is known, but not active, take it.
  REQUIRE(code_of(site.import_bytes(parts(2, "2.0.0").file())) == "accepted");
  CHECK(code_of(site.import(path)) == "version-non-monotonic");
}

TEST_CASE("a dry run makes every check and changes nothing") {
  Site site;
  const std::string empty = site.state(), path = site.home + "/kit.tar.zst";
  write_file(path, parts().file());
  ImportRequest request = site.request(path);
  request.dry_run = true;
  const auto outcome = site.import(path, request);
  CHECK(code_of(outcome) == "accepted");
  CHECK_FALSE(outcome.verdict.activated);
  CHECK(outcome.verdict.checks.size() == 9);
  CHECK(site.state() == empty);
  CHECK(site.last_event().at("kind") == "bundle.dry_run");

  site.trust = roots("b");
  const auto refused = site.import(path, request);
  CHECK(code_of(refused) == "dsse:threshold");
  CHECK_FALSE(refused.quarantined);
  CHECK(site.last_event().at("kind") == "bundle.dry_run");
  CHECK(site.last_event().at("data").at("code") == "dsse:threshold");
}

TEST_CASE("a newer generation replaces, an older one is refused, force overrides on the record") {
  Site site;
  REQUIRE(code_of(site.import_bytes(parts(5, "1.5.0").file())) == "accepted");
  REQUIRE(code_of(site.import_bytes(parts(6, "1.6.0").file())) == "accepted");
  CHECK(site.content("data/osv/a.json") == "{\"id\":\"A-6\"}");
  const std::string before = site.state();

  struct Case {
    const char* name;
    Parts bundle;
    const char* want;
  };
  auto other_content = parts(6, "1.6.0");
  other_content.members[3].bytes = "other";
  list_members(other_content);
  const Case cases[] = {{"an older generation", parts(4, "1.4.0"), "version-non-monotonic"},
                        {"the generation before, known but not active", parts(5, "1.5.0"), "version-non-monotonic"},
                        {"a newer generation with an older version", parts(7, "1.5.9"), "version-non-monotonic"},
                        {"C097 the same generation with other content", other_content, "generation-reused"}};
  for (const Case& c : cases) {
    INFO(c.name);
    const auto outcome = site.import_bytes(c.bundle.file());
    CHECK(code_of(outcome) == c.want);
    CHECK(site.state() == before);
    CHECK(outcome.quarantined);
  }

  const std::string path = site.home + "/old.tar.zst";
  write_file(path, parts(5, "1.5.0").file());
  ImportRequest request = site.request(path);
  request.force = Force{"bad feed in 6", ""};
  CHECK(code_of(site.import(path, request)) == "reason-required");
  request.force = Force{"bad feed in 6", "OPS-1"};
  CHECK(code_of(site.import(path, request)) == "accepted");
  CHECK(site.content("data/osv/a.json") == "{\"id\":\"A-5\"}");
  CHECK(site.last_event().at("reason") == "bad feed in 6");
  CHECK(site.last_event().at("ticket") == "OPS-1");
  // The floor stays where it was: 6 has been accepted before.
  write_file(path, parts(6, "1.6.0").file());
  CHECK(code_of(site.import(path)) == "version-non-monotonic");
  write_file(path, other_content.file());
  CHECK(code_of(site.import(path, request)) == "generation-reused");
}

TEST_CASE("a bundle for other tenants is refused before its payload is read") {
  Site site;
  auto bundle = parts();
  bundle.manifest.tenants = {"globex", "initech"};
  const auto outcome = site.import_bytes(bundle.file());
  CHECK(code_of(outcome) == "tenant-mismatch");
  bundle.manifest.tenants = {"acme", "globex"};
  CHECK(code_of(site.import_bytes(bundle.file())) == "accepted");
}

TEST_CASE("the plan is checked first") {
  Site site;
  const std::string path = site.home + "/kit.tar.zst";
  write_file(path, parts().file());
  CHECK(code_of(site.import("")) == "bundle-path-required");
  CHECK(code_of(site.import(site.home + "/none")) == "bundle-path-required");
  CHECK(code_of(site.import(site.home)) == "bundle-path-required");                       // C104: a folder
  REQUIRE(::mkfifo((site.home + "/fifo").c_str(), 0600) == 0);
  CHECK(code_of(site.import(site.home + "/fifo")) == "bundle-path-required");             // C104: a FIFO does not hang
  CHECK(code_of(site.import("/dev/zero")) == "bundle-path-required");                     // C104: a device
  site.clock.set(kNow + std::chrono::hours(2000));
  CHECK(code_of(site.import(path)) == "invalid-trust-window");
  site.trust.reset();
  const auto outcome = site.import(path);
  CHECK(code_of(outcome) == "trust-roots-required");                    // C108: no roots is never "verify if possible"
  CHECK_FALSE(outcome.quarantined);
}

TEST_CASE("verify without a site makes the same checks and writes nothing") {
  const TempDir dir;
  const std::string path = dir / "kit.tar.zst";
  write_file(path, parts().file());
  const auto good = verify_bundle({path, {}, {}}, roots("a"), kNow);
  CHECK(good.accepted());
  CHECK(good.checks.size() == 5);
  CHECK(verify_bundle({path, {}, {}}, roots("b"), kNow).refusal->code == Code::kDsseThreshold);
  CHECK(verify_bundle({path, {}, {}}, std::nullopt, kNow).refusal->code == Code::kTrustRootsRequired);
  const auto claimed = inspect_untrusted(path).value();
  CHECK(claimed.manifest.bundle_id.str() == "acme-kit");
  CHECK(claimed.keyid_hints == std::vector<std::string>{key('a').key_id()});
}

TEST_CASE("C098 a damaged blob is found and replaced by importing again") {
  Site site;
  const std::string file = parts().file(), path = site.home + "/again.tar.zst";
  REQUIRE(code_of(site.import_bytes(file)) == "accepted");
  ImportRequest request = site.request(path);
  request.repair = true;
  const std::string before = site.state();
  const std::string bytes = noise(20'000);
  const Digest digest = Digest::of(bytes);
  std::string flipped = bytes;
  flipped[15'000] = static_cast<char>(flipped[15'000] ^ 1);
  for (const std::string& damage : {flipped, bytes.substr(0, 9000), bytes + "x", std::string()}) {
    INFO(damage.size() << " bytes");
    const auto break_it = [&] {
      std::filesystem::remove(site.store->blob_path(digest));
      write_file(site.store->blob_path(digest), damage, 0444);
      CHECK(site.store->read(digest, kGiB).error().code == Code::kStoreCorrupt);
      CHECK(site.store->open(digest).error().code == Code::kStoreCorrupt);
    };
    break_it();
    write_file(path, file);
    CHECK(site.import(path).repaired_blobs == 1);  // another file than the one that is known
    CHECK(site.state() == before);
    break_it();
    CHECK(site.import(path).repaired_blobs == 0);  // the short way does not look
    const auto outcome = site.import(path, request);
    CHECK(code_of(outcome) == "accepted");
    CHECK(outcome.already_active);
    CHECK(outcome.repaired_blobs == 1);
    CHECK(site.state() == before);
  }
}

TEST_CASE("each check is told when it ends, and not later") {
  Site site;
  const std::string path = site.home + "/kit.tar.zst";
  write_file(path, parts().file());
  ImportRequest request = site.request(path);
  std::vector<std::string> told;
  std::vector<std::string> before_members;
  request.on_check = [&](const Check& check) { told.push_back(check.name + (check.ok ? "" : " refused")); };
  request.progress = [&](std::uint64_t, std::uint64_t) {
    if (before_members.empty()) before_members = told;
  };
  REQUIRE(code_of(site.import(path, request)) == "accepted");
  CHECK(before_members == std::vector<std::string>{"plan", "signature", "tenant", "space"});
  CHECK(told == std::vector<std::string>{"plan", "signature", "tenant", "space", "archive", "members", "generation", "time", "specs"});
  told.clear();
  site.trust = roots("b");
  CHECK(code_of(site.import(path, request)) == "dsse:threshold");
  CHECK(told == std::vector<std::string>{"plan", "signature refused"});
}

TEST_CASE("progress goes from nothing to the whole file") {
  Site site;
  const std::string path = site.home + "/kit.tar.zst";
  write_file(path, parts().file());
  ImportRequest request = site.request(path);
  std::uint64_t last = 0, total = 0;
  request.progress = [&](std::uint64_t done, std::uint64_t of) {
    CHECK(done >= last);
    last = done;
    total = of;
  };
  REQUIRE(code_of(site.import(path, request)) == "accepted");
  CHECK((last == total && total == std::filesystem::file_size(path)));
}
