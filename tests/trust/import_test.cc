// Checks 4 and 6 of an import: what the TUF metadata in a bundle must say, and who must have agreed to a new root.
#include <catch2/catch.hpp>
#include <functional>

#include "world.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;
using trust::test::kDay;
using trust::test::member;
using trust::test::World;

TEST_CASE("a bundle that trusted targets name is accepted, and the site trusts its metadata byte for byte") {
  World w;
  const Parts kit = w.published(parts());
  REQUIRE(w.import(kit) == "accepted");
  CHECK(w.seen("tuf") == "kits: root 1, timestamp 2 until 2026-12-21T12:00:00.000Z, snapshot 2, targets names \"acme-kit/1.json\"");
  CHECK(w.seen("rotation") == "no new root");
  CHECK(w.trusted("timestamp") == w.publisher.file("metadata/timestamp.json"));
  CHECK(w.trusted("targets") == w.publisher.file("metadata/2.targets.json"));
  CHECK(w.site.content("data/osv/b.bin") == noise(20'000));
  CHECK(w.import(kit) == "accepted");
  CHECK(w.last.already_active);
  CHECK(w.import(w.published(parts(2, "2.0.0"))) == "accepted");
}

TEST_CASE("what metadata in a bundle can do wrong, and what the site says") {
  struct Row {
    const char* name;
    std::function<Parts(World&)> make;
    const char* code;
  };
  const Row rows[] = {
      {"no metadata", [](World&) { return parts(); }, "tuf:required"},
      {"roots alone", [](World& w) {
         Parts kit = parts();
         kit.members.insert(kit.members.begin(), {"trust/1.root.json", w.publisher.first_root(), false});
         return kit;
       }, "tuf:required"},
      {"targets that name nothing", [](World& w) { return w.with_metadata(parts()); }, "tuf:target"},
      {"targets that name another manifest", [](World& w) {
         REQUIRE(w.publisher.repo.add(World::target(parts()), "another statement", nullptr, kNow));
         w.publisher.sign();
         return w.with_metadata(parts());
       }, "tuf:target"},
      {"another generation's metadata", [](World& w) {
         (void)w.published(parts());
         return w.with_metadata(parts(2, "2.0.0"));
       }, "tuf:target"},
      {"a timestamp that expired", [](World& w) { return w.published(parts(), kNow - Millis(40 * kDay)); }, "tuf:expired"},
      {"a snapshot with one byte changed", [](World& w) {
         Parts kit = w.published(parts());
         member(kit, "trust/snapshot.json").bytes[20] ^= 1;
         return kit;
       }, "tuf:hash"},
      {"a timestamp with one byte changed", [](World& w) {
         Parts kit = w.published(parts());
         std::string& bytes = member(kit, "trust/timestamp.json").bytes;
         bytes.replace(bytes.find("\"version\":2"), 11, "\"version\":9");
         return kit;
       }, "tuf:signatures"},
      {"no targets", [](World& w) {
         Parts kit = w.published(parts());
         std::erase_if(kit.members, [](const Member& m) { return m.path == "trust/targets.json"; });
         return kit;
       }, "tuf:missing"},
      {"metadata after the payload", [](World& w) {
         Parts kit = w.published(parts());
         std::ranges::rotate(kit.members, kit.members.begin() + 1);
         return kit;
       }, "archive:order"},
      {"metadata that is executable", [](World& w) {
         Parts kit = w.published(parts());
         member(kit, "trust/1.root.json").executable = true;
         return kit;
       }, "member-mode"},
      {"a stranger beside the metadata", [](World& w) {
         Parts kit = w.published(parts());
         kit.members.insert(kit.members.begin(), {"trust/README", "hello", false});
         return kit;
       }, "member-unlisted"},
      {"a folder below the metadata", [](World& w) {
         Parts kit = w.published(parts());
         kit.members.insert(kit.members.begin() + 1, {"trust/a/b.json", "{}", false});
         return kit;
       }, "member-unlisted"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    World w;
    const std::string before = w.site.state();
    CHECK(w.import(row.make(w)) == row.code);
    CHECK(w.site.state() == before);
    CHECK(w.trusted("timestamp").empty());
    CHECK(w.last.quarantined.has_value());
  }
}

TEST_CASE("C065 metadata of a bundle whose members are not right is not trusted") {
  World w;
  Parts kit = w.published(parts());
  member(kit, "data/osv/b.bin").bytes[0] ^= 1;
  CHECK(w.import(kit) == "member-digest");
  CHECK(w.seen("tuf") != "not made");  // it was right, and made before the first payload byte
  CHECK(w.trusted("timestamp").empty());
}

TEST_CASE("C063 a site that was further on refuses the metadata of before") {
  World w;
  const Parts old = w.published(parts());
  REQUIRE(w.import(w.published(parts(2, "2.0.0"))) == "accepted");
  const std::string trusted = w.trusted("timestamp");
  CHECK(w.import(old) == "tuf:rollback");
  CHECK(code_info(w.last.verdict.refusal->code).exit_status == 8);
  CHECK(w.trusted("timestamp") == trusted);
}

TEST_CASE("a new root in a bundle waits for two different people, and changes nothing until then") {
  World w;
  w.rotate_root('R');
  const Parts kit = w.published(parts());
  const std::string before = w.site.state();
  CHECK(w.approve("alice") == "not-found");  // nothing waits yet
  CHECK(w.import(kit) == "rotation:unapproved");
  CHECK(code_info(w.last.verdict.refusal->code).exit_status == 3);
  CHECK(w.site.state() == before);
  CHECK_FALSE(w.last.quarantined);
  CHECK(w.trusted("root") == w.publisher.first_root());
  CHECK(w.approve("alice") == "ok");
  CHECK(w.approve("alice") == "rotation:same-person");
  CHECK(w.import(kit) == "rotation:unapproved");
  CHECK(w.approve("bob") == "ok");
  CHECK(w.import(kit) == "accepted");
  CHECK(w.seen("rotation").find("approved by 2 of 2") != std::string::npos);
  CHECK(w.trusted("root") == w.publisher.file("metadata/2.root.json"));
  CHECK_FALSE(w.repository().pending_root().value());

  w.rotate_root('Q');  // agreement was to that root, not to the next one
  CHECK(w.import(w.published(parts(2, "2.0.0"))) == "rotation:unapproved");
}

TEST_CASE("a site may ask for one person only") {
  World w({{"*"}, 1, true});
  w.rotate_root('R');
  const Parts kit = w.published(parts());
  CHECK(w.import(kit) == "rotation:unapproved");
  CHECK(w.approve("alice") == "ok");
  CHECK(w.import(kit) == "accepted");
}

TEST_CASE("a rotation that changes nothing is refused whoever agrees") {
  World w;
  REQUIRE(w.publisher.repo.renew("root", kNow));  // the same expiry, one version more
  w.publisher.sign();
  CHECK(w.import(w.published(parts())) == "rotation:no-change");
  CHECK_FALSE(w.repository().pending_root().value());
}

TEST_CASE("a dry run neither trusts metadata nor lets a root wait") {
  World w;
  w.rotate_root('R');
  const std::string path = w.site.home + "/kit.tar.zst";
  write_file(path, w.published(parts()).file());
  ImportRequest request = w.site.request(path);
  request.dry_run = true;
  CHECK(code_of(w.site.import(path, request)) == "rotation:unapproved");
  CHECK_FALSE(w.repository().pending_root().value());
  CHECK(w.trusted("timestamp").empty());
}

TEST_CASE("a site without a TUF repository takes a bundle with metadata for what its manifest says") {
  World w;
  w.site.repositories.clear();
  CHECK(w.import(w.published(parts())) == "accepted");
  CHECK(w.seen("tuf") == "not made");
}

TEST_CASE("where metadata is optional a bundle may come without, but not with bad metadata") {
  World w({{"*"}, 2, false});
  CHECK(w.import(parts()) == "accepted");
  CHECK(w.import(w.with_metadata(parts(2, "2.0.0"))) == "tuf:target");
}

TEST_CASE("a repository speaks for the bundles it names, and for no others") {
  World w({{"other-kit"}, 2, true});
  CHECK(w.import(parts()) == "accepted");
}

TEST_CASE("bundle verify looks at metadata as an import would") {
  World w;
  const std::string path = w.site.home + "/kit.tar.zst";
  write_file(path, w.published(parts()).file());
  CHECK(verify_bundle({path, {}, {}}, w.site.trust, kNow, &w.site.repositories).accepted());
  const Verdict late = verify_bundle({path, {}, {}}, w.site.trust, kNow + Millis(31 * kDay), &w.site.repositories);
  REQUIRE(late.refusal);
  CHECK(late.refusal->code == Code::kTufExpired);
}
