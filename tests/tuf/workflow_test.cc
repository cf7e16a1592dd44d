// Attacks on the client workflow, one edit each. Order and names follow section 5 of the TUF specification.
#include <catch2/catch.hpp>
#include <functional>

#include "simulator.h"

using namespace airlock;
using namespace airlock::verify::tuf;
using namespace airlock::verify::tuf::test;

namespace {

struct Attack {
  const char* name;
  std::function<void(Simulator&)> edit;  // after a first good refresh at version 1
  const char* code;
};

const Attack kAttacks[] = {
    {"nothing has changed", [](Simulator&) {}, "ok"},
    {"everything is one version newer", [](Simulator& s) { s.bump(), s.publish(); }, "ok"},
    {"a root signed by strangers", [](Simulator& s) { new_root(s, [](Json&) {}, "x"); }, "tuf:signatures"},
    {"a root that the old keys signed but not its own", [](Simulator& s) { new_root(s, [](Json& r) { set_role_key(r, "root", "x"); }, "r"); }, "tuf:signatures"},
    {"a root that its own keys signed but not the old", [](Simulator& s) { new_root(s, [](Json& r) { set_role_key(r, "root", "x"); }, "x"); }, "tuf:signatures"},
    {"a root that both signed", [](Simulator& s) { new_root(s, [](Json& r) { set_role_key(r, "root", "x"); }, "rx"); }, "ok"},
    {"a root that says another version than its name", [](Simulator& s) {
       Json other = s.root;
       other["version"] = 3;
       s.source.files["2.root.json"] = Simulator::sign(other, "r");
     }, "tuf:version"},
    {"the old root under the new name", [](Simulator& s) { s.source.files["2.root.json"] = s.source.files["1.root.json"]; }, "tuf:rollback"},
    {"a root that counts one key twice", [](Simulator& s) {
       new_root(s, [](Json& r) {
         Json twin = r["keys"][id_of('r')];
         twin["note"] = "another id for the same key";
         r["keys"]["twin"] = twin;
         r["roles"]["root"] = {{"keyids", {id_of('r'), "twin"}}, {"threshold", 2}};
       });
       Json document = parse_json(s.source.files["2.root.json"], "root").value();
       document["signatures"].push_back({{"keyid", "twin"}, {"sig", document["signatures"][0]["sig"]}});
       s.source.files["2.root.json"] = write_document(document);
     }, "tuf:signatures"},
    {"two signatures under one id", [](Simulator& s) {
       Json document = parse_json(s.source.files["timestamp.json"], "timestamp").value();
       document["signatures"].push_back(document["signatures"][0]);
       s.source.files["timestamp.json"] = write_document(document);
     }, "tuf:malformed"},
    {"the last root has expired", [](Simulator& s) { new_root(s, [](Json& r) { r["expires"] = "2026-11-21T11:59:59Z"; }); }, "tuf:expired"},
    {"an expired root in the middle of the chain", [](Simulator& s) {
       new_root(s, [](Json& r) { r["expires"] = "2020-01-01T00:00:00Z"; });
       new_root(s, [](Json& r) { r["expires"] = "2026-12-21T11:59:59Z"; });
     }, "ok"},
    {"no timestamp", [](Simulator& s) { s.source.files.erase("timestamp.json"); }, "tuf:missing"},
    {"a timestamp signed with the snapshot's key", [](Simulator& s) { s.bump(), s.timestamp_signers = "s", s.publish(); }, "tuf:signatures"},
    {"a snapshot in the place of the timestamp", [](Simulator& s) { s.source.files["timestamp.json"] = s.source.files["1.snapshot.json"]; }, "tuf:malformed"},
    {"a timestamp that has expired", [](Simulator& s) { s.bump(), s.timestamp["expires"] = "2026-11-21T12:00:00Z", s.publish(); }, "tuf:expired"},
    {"a snapshot that the timestamp's hash does not name", [](Simulator& s) {
       s.bump();
       s.timestamp["meta"]["snapshot.json"]["hashes"] = {{"sha256", std::string(64, '0')}};
       s.publish();
     }, "tuf:hash"},
    {"a snapshot longer than announced", [](Simulator& s) { s.bump(), s.timestamp["meta"]["snapshot.json"]["length"] = 10, s.publish(); }, "tuf:limit"},
    {"a snapshot of an unknown hash alone", [](Simulator& s) {
       s.bump();
       s.timestamp["meta"]["snapshot.json"]["hashes"] = {{"md5", "00"}};
       s.publish();
     }, "tuf:hash"},
    {"a snapshot of another version than announced", [](Simulator& s) {
       s.bump();
       s.publish();
       s.source.files["2.snapshot.json"] = s.source.files["1.snapshot.json"];
     }, "tuf:version"},
    {"a snapshot that has expired", [](Simulator& s) { s.bump(), s.snapshot["expires"] = "2026-11-21T11:00:00Z", s.publish(); }, "tuf:expired"},
    {"a snapshot that no longer lists targets", [](Simulator& s) { s.bump(), s.snapshot["meta"].erase("targets.json"), s.publish(); }, "tuf:rollback"},
    {"no snapshot", [](Simulator& s) { s.bump(), s.publish(), s.source.files.erase("2.snapshot.json"); }, "tuf:missing"},
    {"targets signed by nobody", [](Simulator& s) { s.bump(), s.targets_signers = "", s.publish(); }, "tuf:signatures"},
    {"targets of another version than announced", [](Simulator& s) {
       s.bump();
       s.publish();
       s.source.files["2.targets.json"] = s.source.files["1.targets.json"];
     }, "tuf:version"},
    {"targets that have expired", [](Simulator& s) { s.bump(), s.targets["expires"] = "2026-11-21T11:00:00Z", s.publish(); }, "tuf:expired"},
    {"targets of TUF 2", [](Simulator& s) { s.bump(), s.targets["spec_version"] = "2.0.0", s.publish(); }, "tuf:malformed"},
    {"a version of zero", [](Simulator& s) { s.timestamp["version"] = 0, s.publish(); }, "tuf:malformed"},
    {"a number with a fraction in what is signed", [](Simulator& s) { s.source.files["timestamp.json"].insert(s.source.files["timestamp.json"].find("\"version\""), "\"x\":1.5,"); }, "tuf:malformed"},
    {"a key twice in the JSON", [](Simulator& s) { s.source.files["timestamp.json"].insert(s.source.files["timestamp.json"].find("\"version\""), "\"version\":7,"); }, "tuf:malformed"},
};

}  // namespace

TEST_CASE("each attack on the workflow is refused by its name") {
  for (const Attack& attack : kAttacks) {
    Simulator s;
    REQUIRE(s.refresh() == "ok");
    attack.edit(s);
    const std::string code = s.refresh();
    INFO(attack.name << ": " << s.last);
    CHECK(code == attack.code);
  }
}

TEST_CASE("C063 nothing falls back behind what was trusted") {
  Simulator s;
  s.bump(), s.bump(), s.publish();
  REQUIRE(s.refresh() == "ok");
  const auto newer = s.source.files;

  SECTION("an older timestamp") {
    s.timestamp["version"] = 2, s.publish();
    CHECK(s.refresh() == "tuf:rollback");
  }
  SECTION("a newer timestamp that names an older snapshot") {
    s.timestamp["version"] = 9, s.timestamp["meta"]["snapshot.json"]["version"] = 2, s.publish();
    CHECK(s.refresh() == "tuf:rollback");
  }
  SECTION("a newer snapshot that names older targets") {
    s.bump(), s.snapshot["meta"]["targets.json"]["version"] = 2, s.publish();
    CHECK(s.refresh() == "tuf:rollback");
  }
  SECTION("an expired timestamp is still a mark") {
    CHECK(s.refresh(kLater + Millis(1)) == "tuf:expired");
    s.timestamp["version"] = 2, s.publish();
    CHECK(s.refresh() == "tuf:rollback");
  }
  CHECK(s.trusted("timestamp") >= 3);
}

TEST_CASE("a role needs as many different keys as its threshold says") {
  for (const auto& [signers, code] : std::map<std::string, std::string>{{"abc", "ok"}, {"ab", "tuf:signatures"}, {"acx", "tuf:signatures"}, {"ace", "ok"}, {"", "tuf:signatures"}}) {
    INFO(signers);
    Simulator s;
    new_root(s, [](Json& r) { set_role_key(r, "timestamp", "abcde", 3); });
    s.timestamp_signers = signers;
    s.publish();
    CHECK(s.refresh() == code);
  }
}

TEST_CASE("what is looked up is what the specification names, in its order") {
  Simulator s;
  REQUIRE(s.refresh() == "ok");
  CHECK(s.source.looked_up == std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.targets.json"});
  REQUIRE(s.refresh() == "ok");
  CHECK(s.source.looked_up == std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json"});
  new_root(s, [](Json& r) { r["consistent_snapshot"] = false; });
  s.bump(), s.publish();
  s.source.files["snapshot.json"] = s.source.files["2.snapshot.json"];
  s.source.files["targets.json"] = s.source.files["2.targets.json"];
  REQUIRE(s.refresh() == "ok");
  CHECK(s.source.looked_up == std::vector<std::string>{"metadata/2.root.json", "metadata/3.root.json", "metadata/timestamp.json", "metadata/snapshot.json", "metadata/targets.json"});
}

TEST_CASE("there is an end to everything: roots, sizes, delegations") {
  Simulator s;
  UpdateLimits few;
  few.root_updates = 3;
  for (int i = 0; i < 2; ++i) new_root(s, [](Json&) {});
  CHECK(s.refresh(kNow, few) == "ok");
  for (int i = 0; i < 5; ++i) new_root(s, [](Json&) {});
  CHECK(s.refresh(kNow, few) == "ok");
  CHECK(s.trusted("root") == 6);  // as far as it came is kept
  CHECK(s.refresh(kNow, few) == "ok");
  CHECK(s.trusted("root") == 8);
  UpdateLimits small;
  small.timestamp_bytes = 10;
  CHECK(s.refresh(kNow, small) == "tuf:limit");
}

TEST_CASE("C070 delegations are walked in order of precedence, each role once") {
  Simulator s;
  s.delegate(s.targets, "a", 'a', {"a/*"});
  s.delegate(s.targets, "b", 'b', {"*/*"}, true);
  s.delegate(s.targets, "c", 'c', {"*/*"});
  s.delegate(s.delegated["a"], "d", 'd', {"*/deep"});
  s.delegate(s.delegated["d"], "a", 'a', {"*/*"});  // a circle
  const Json file = target_entry("content", nullptr);
  s.delegated["d"]["targets"]["a/deep"] = file;
  s.delegated["b"]["targets"]["b/file"] = file;
  s.delegated["c"]["targets"]["c/file"] = file;
  s.delegated["c"]["targets"]["a/deep"] = file;
  s.delegated["d"]["targets"]["b/foreign"] = file;
  s.bump(), s.publish();
  CHECK(s.find("a/deep") == "d");
  CHECK(s.find("b/file") == "b");
  CHECK(s.find("c/file") == "tuf:target");     // b is terminating: c is not asked
  CHECK(s.find("b/foreign") == "tuf:target");  // d was never given that path
  CHECK(s.find("top") == "tuf:target");
  UpdateLimits few;
  few.delegations = 1;
  CHECK(s.find("a/deep", kNow, few) == "tuf:target");

  s.delegated_signers["d"] = "x";
  s.delegated["d"]["version"] = 2, s.snapshot["meta"]["d.json"]["version"] = 2;
  s.bump(), s.publish();
  CHECK(s.find("a/deep") == "tuf:signatures");
}

TEST_CASE("a delegated role may not take the name of a top-level one") {
  Simulator s;
  s.delegate(s.targets, "a", 'a', {"*"});
  s.targets["delegations"]["roles"][0]["name"] = "snapshot";
  s.bump(), s.publish();
  CHECK(s.refresh() == "tuf:malformed");
}
