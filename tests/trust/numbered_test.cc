// Hostile TUF metadata by its number in docs/hostile-bundles.md, as a site sees it that imports a bundle: what is refused
// changes nothing of what the site trusts, and blocks nothing that comes later.
#include <catch2/catch.hpp>

#include "ledger/airgap.h"
#include "world.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;
using trust::test::kDay;
using trust::test::member;
using trust::test::World;

namespace {

// Every file that the site trusts.
std::map<std::string, std::string> trusted_files(World& w) {
  std::map<std::string, std::string> out;
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) out[role] = w.trusted(role);
  return out;
}

}  // namespace

TEST_CASE("C062 a root that a bundle brings and that is refused is neither trusted nor left waiting for approval") {
  World w;
  REQUIRE(w.import(w.published(parts())) == "accepted");
  const auto before = trusted_files(w);
  const std::string state = w.site.state();
  w.rotate_root('R');
  const Parts good = w.published(parts(2, "2.0.0"));
  for (const char* what : {"\"threshold\":1", "\"version\":2", "\"expires\":\"20"}) {
    INFO(what);
    Parts bad = good;
    std::string& root = member(bad, "trust/2.root.json").bytes;
    REQUIRE(root.find(what) != std::string::npos);
    root[root.find(what) + std::string_view(what).size() - 1] = '3';  // what nobody signed
    CHECK(w.import(bad).starts_with("tuf:"));
    CHECK(trusted_files(w) == before);
    CHECK(w.site.state() == state);
    CHECK_FALSE(w.repository().pending_root().value());
  }
  CHECK(w.import(good) == "rotation:unapproved");
  CHECK((w.approve("alice") == "ok" && w.approve("bob") == "ok"));
  CHECK(w.import(good) == "accepted");
}

TEST_CASE("C063 a publisher that went back to a copy of yesterday and published under the same versions is refused") {
  World w, copy;  // the same keys, the same versions
  REQUIRE(w.import(w.published(parts())) == "accepted");
  const auto before = trusted_files(w);
  const Parts other = copy.published(parts(2, "2.0.0"));
  REQUIRE(copy.publisher.file("metadata/timestamp.json") != before.at("timestamp"));
  CHECK(w.import(other) == "tuf:target");  // what was trusted under these versions stays, and does not name this bundle
  CHECK(trusted_files(w) == before);
}

TEST_CASE("C065 what a site trusts changes as a whole, so a refused update does not block the next good one") {
  World w;
  REQUIRE(w.import(w.published(parts())) == "accepted");
  const auto before = trusted_files(w);
  const Parts second = w.published(parts(2, "2.0.0"));
  for (const char* file : {"trust/snapshot.json", "trust/targets.json"}) {
    INFO(file);
    Parts bad = second;  // its timestamp is new and good
    member(bad, file).bytes[30] ^= 1;
    CHECK(w.import(bad) == "tuf:hash");
    CHECK(trusted_files(w) == before);
  }
  Parts bad = second;
  bad.members.back().bytes += "x";
  CHECK(w.import(bad) != "accepted");
  CHECK(trusted_files(w) == before);
  CHECK(w.import(second) == "accepted");
  CHECK(trusted_files(w) != before);
}

TEST_CASE("C067 metadata that has expired on trusted time is refused, though the clock was set back behind it") {
  World w;
  const Parts kit = w.published(parts());
  REQUIRE(w.site.ledger->write(kNow, [](ledger::Tx& tx) { return ledger::raise_high_water(tx, {kNow + Millis(31 * kDay), {}}); }));
  CHECK(w.import(kit) == "tuf:expired");
  CHECK(w.site.state().empty());
}

TEST_CASE("C068 metadata of two releases in one bundle is refused") {
  World w;
  const Parts fourth = w.published(parts(4, "4.0.0"));
  const Parts fifth = w.published(parts(5, "5.0.0"));
  for (const char* file : {"trust/targets.json", "trust/snapshot.json"}) {
    INFO(file);
    Parts mixed = fifth, other = fourth;
    member(mixed, file).bytes = member(other, file).bytes;
    CHECK(w.import(mixed) == "tuf:hash");
  }
  CHECK(w.import(fifth) == "accepted");
}
