#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <filesystem>

#include "bundle/prune.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

TEST_CASE("a refused bundle lies in quarantine with its verdict") {
  Site site("b");
  const std::string file = parts().file();
  const auto outcome = site.import_bytes(file);
  REQUIRE(code_of(outcome) == "dsse:threshold");
  REQUIRE(outcome.quarantined);
  const auto entries = site.quarantine.list(tenant()).value();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].path == *outcome.quarantined);
  CHECK(entries[0].name.starts_with("20261121T120000Z-dsse-threshold-"));
  CHECK(entries[0].reason.starts_with("dsse:threshold: "));
  CHECK(read_whole(entries[0].path + "/bundle.tar.zst") == file);
  CHECK(read_whole(entries[0].path + "/manifest.json") == parts().statement());
  CHECK(site.quarantine.verification(entries[0]).value().at("accepted") == false);
  struct stat st{};
  REQUIRE(::stat(entries[0].path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0700);
  REQUIRE(::stat((entries[0].path + "/bundle.tar.zst").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(site.quarantine.list(tenant("globex")).value().empty());
}

TEST_CASE("removal from quarantine needs a reason and is recorded") {
  Site site("b");
  (void)site.import_bytes(parts().file());
  const auto entry = site.quarantine.list(tenant()).value().at(0);
  const auto remove = [&](const std::string& name, const std::string& reason) {
    return site.quarantine.remove(tenant(), name, {"ops", reason, "T-1"}, *site.ledger, kNow);
  };
  CHECK(remove(entry.name, "").error().code == Code::kReasonRequired);
  CHECK(remove("../../etc", "x").error().code == Code::kNotFound);
  CHECK(std::filesystem::exists(entry.path));
  REQUIRE(remove(entry.name, "analysed"));
  CHECK_FALSE(std::filesystem::exists(entry.path));
  CHECK(site.last_event().at("kind") == "quarantine.removed");
  CHECK(site.last_event().at("reason") == "analysed");
  CHECK(remove(entry.name, "again").error().code == Code::kNotFound);
}

TEST_CASE("what a killed refusal or removal left behind is cleared away by the next one, and never listed") {
  Site site("b");
  const std::string parent = site.home + "/quarantine/" + tenant().str();
  (void)site.import_bytes(parts().file());
  const auto leave_behind = [&] {
    for (const char* name : {".building-20261121T110000Z-x", ".removed-20261121T110000Z-x"}) {
      std::filesystem::create_directories(parent + "/" + name);
      write_file(parent + "/" + name + "/bundle.tar.zst", "half");
    }
    CHECK(site.quarantine.list(tenant()).value().size() == 1);
  };
  const auto folders = [&] {
    std::size_t count = 0;
    for (const auto& found : std::filesystem::directory_iterator(parent)) count += found.is_directory();
    return count;
  };
  leave_behind();
  CHECK(folders() == 3);
  (void)site.import_bytes(parts().file());
  CHECK(folders() == 2);
  const auto entries = site.quarantine.list(tenant()).value();
  REQUIRE(site.quarantine.remove(tenant(), entries[0].name, {"ops", "analysed", std::nullopt}, *site.ledger, kNow));
  leave_behind();
  CHECK(site.quarantine.remove(tenant(), entries[0].name, {"ops", "again", std::nullopt}, *site.ledger, kNow).error().code == Code::kNotFound);
  CHECK(folders() == 1);
}

TEST_CASE("C105 quarantine stays within its budgets, oldest first, on the record") {
  Site site("b");
  const std::string file = parts().file();
  site.quarantine = Quarantine(site.home + "/quarantine", {.bytes = 8 * kGiB, .age = std::chrono::hours(10), .entries = 2});
  std::vector<std::string> kept;
  for (int i = 0; i < 3; ++i) {
    site.clock.advance(Millis(1000));
    kept.push_back(site.import_bytes(file).quarantined.value());
  }
  CHECK_FALSE(std::filesystem::exists(kept[0]));
  CHECK(std::filesystem::exists(kept[1]));
  CHECK(site.kinds() == std::vector<std::string>{"bundle.rejected", "bundle.rejected", "quarantine.removed", "bundle.rejected"});
  site.clock.advance(std::chrono::hours(11));
  kept.push_back(site.import_bytes(file).quarantined.value());
  CHECK(site.quarantine.list(tenant()).value().size() == 1);
  site.quarantine = Quarantine(site.home + "/quarantine", {.bytes = 1000, .age = std::chrono::hours(10), .entries = 9});
  const auto outcome = site.import_bytes(file);
  REQUIRE(outcome.quarantined);
  CHECK_FALSE(std::filesystem::exists(*outcome.quarantined + "/bundle.tar.zst"));
  CHECK(read_whole(*outcome.quarantined + "/failure-reason.txt").find("over the budget") != std::string::npos);
}

TEST_CASE("prune keeps the last two generations and every blob that something names") {
  Site site;
  for (std::uint64_t generation = 1; generation <= 4; ++generation) {
    auto bundle = parts(generation, "1." + std::to_string(generation) + ".0");
    REQUIRE(code_of(site.import_bytes(bundle.file())) == "accepted");
  }
  const auto blob = [](int generation) { return Digest::of("{\"id\":\"A-" + std::to_string(generation) + "\"}"); };
  PruneRequest request{.tenant = tenant(), .bundle = std::nullopt, .keep = 2, .who = {.actor = "ops"}, .dry_run = true, .wait = Wait::kYes};
  const std::string before = site.state();
  CHECK(prune_bundles(request, *site.store, *site.ledger, kNow).value().pruned.size() == 2);
  CHECK(site.state() == before);
  request.dry_run = false;
  const auto report = prune_bundles(request, *site.store, *site.ledger, kNow).value();
  CHECK(report.pruned.size() == 2);
  CHECK(report.blobs_removed == 2);  // each generation had one blob of its own
  CHECK_FALSE(site.store->has(blob(1)));
  CHECK_FALSE(site.store->has(blob(2)));
  CHECK(site.store->has(blob(3)));
  CHECK(site.content("data/osv/b.bin") == noise(20'000));
  CHECK(site.last_event().at("kind") == "bundle.pruned");
  CHECK(prune_bundles(request, *site.store, *site.ledger, kNow).value().pruned.empty());
  // What was pruned is still accepted history: it cannot come back as new.
  CHECK(code_of(site.import_bytes(parts(2, "1.2.0").file())) == "version-non-monotonic");
  request.keep = 0;
  CHECK(prune_bundles(request, *site.store, *site.ledger, kNow).error().code == Code::kUsage);
}
