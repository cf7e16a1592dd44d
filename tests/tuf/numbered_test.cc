// Hostile TUF metadata by its number in docs/hostile-bundles.md, C058 to C073. Attacks that need no more than one edit
// stand in workflow_test.cc, too; what an import makes of refused metadata in tests/trust/numbered_test.cc.
#include <catch2/catch.hpp>
#include <functional>

#include "simulator.h"

using namespace airlock;
using namespace airlock::verify::tuf;
using namespace airlock::verify::tuf::test;

namespace {

const std::string kExpired = "2026-11-21T11:59:59Z", kMalformed = "tuf:malformed";

// A client that has seen version 1 of everything, and is about to see what `edit` makes of the repository.
struct Followed : Simulator {
  Followed() { REQUIRE(refresh() == "ok"); }
  explicit Followed(const std::function<void(Simulator&)>& before) {
    before(*this);
    publish();
    REQUIRE(refresh() == "ok");
  }
};

void next_root(Simulator& s) { new_root(s, [](Json&) {}); }

// The four top-level documents of a simulator.
struct Place {
  std::string role, file;  // the file of version 2
  Json Simulator::*document;
  std::string Simulator::*signers;
};
const Place kPlaces[] = {{"root", "2.root.json", &Simulator::root, &Simulator::root_signers},
                         {"timestamp", "timestamp.json", &Simulator::timestamp, &Simulator::timestamp_signers},
                         {"snapshot", "2.snapshot.json", &Simulator::snapshot, &Simulator::snapshot_signers},
                         {"targets", "2.targets.json", &Simulator::targets, &Simulator::targets_signers}};

// The client sees the next version of everything, with `edit` made to the document of this role before it is signed.
std::string refresh_with(const Place& place, const std::function<void(Json&)>& edit, std::string* why = nullptr) {
  Followed s;
  s.bump();
  if (place.document == &Simulator::root) s.root["version"] = 2;
  s.publish();
  edit(s.*place.document);
  // Under its right name and by its right key, whatever it now says of itself.
  s.source.files[place.file] = Simulator::sign(s.*place.document, s.*place.signers);
  const std::string code = s.refresh();
  if (why != nullptr) *why = s.last;
  return code;
}

}  // namespace

TEST_CASE("C058 a root signed by the old keys only, or by the new ones only, is refused") {
  const auto make_root_two = [](Simulator& s, const std::string& signers) {
    new_root(s, [](Json& r) { set_role_key(r, "root", "xy", 2); }, signers);
  };
  for (const char* signers : {"", "r", "x", "xy", "rx", "ry"}) {
    Followed s;
    make_root_two(s, signers);
    INFO(signers);
    CHECK(s.refresh() == "tuf:signatures");
    CHECK(s.trusted("root") == 1);
  }
  Followed s;
  make_root_two(s, "rxy");
  CHECK(s.refresh() == "ok");
  CHECK(s.trusted("root") == 2);
}

TEST_CASE("C059 a chain of roots has no gap, no repeat and no step back, and a file is the version that its name says") {
  Followed s;
  SECTION("a gap: what comes behind it is never asked for, and its keys count for nothing") {
    new_root(s, [](Json&) {});
    new_root(s, [](Json& r) { set_role_key(r, "timestamp", "M"); });
    s.source.files.erase("2.root.json");
    s.timestamp_signers = "M", s.bump(), s.publish();
    CHECK(s.refresh() == "tuf:signatures");
    CHECK(s.trusted("root") == 1);
    CHECK(std::ranges::count(s.source.looked_up, "metadata/3.root.json") == 0);
  }
  SECTION("a later root under the next name") {
    next_root(s), next_root(s);
    s.source.files["2.root.json"] = s.source.files["3.root.json"];
    CHECK(s.refresh() == "tuf:version");
    CHECK(s.trusted("root") == 1);
  }
  SECTION("the same version again") {
    s.source.files["2.root.json"] = s.source.files["1.root.json"];
    CHECK(s.refresh() == "tuf:rollback");
  }
  SECTION("a version that falls") {
    next_root(s), next_root(s);
    s.source.files["4.root.json"] = s.source.files["2.root.json"];
    CHECK(s.refresh() == "tuf:rollback");
    CHECK(s.trusted("root") == 3);
  }
  SECTION("another version than the file's name, below the root") {
    for (const char* name : {"2.snapshot.json", "2.targets.json"}) {
      Followed other;
      other.bump(), other.publish();
      other.source.files[name] = other.source.files["1" + std::string(name).substr(1)];
      INFO(name);
      CHECK(other.refresh() == "tuf:version");
    }
  }
}

TEST_CASE("C060 an expired root is a step of the chain, and never its end") {
  const auto expired = [](Json& r) { r["expires"] = kExpired; };
  const auto fresh = [](Json& r) { r["expires"] = "2027-01-01T00:00:00Z"; };
  Followed s;
  SECTION("in the middle") {
    new_root(s, expired), new_root(s, expired), new_root(s, fresh);
    CHECK(s.refresh() == "ok");
    CHECK(s.trusted("root") == 4);
  }
  SECTION("at the end") {
    new_root(s, fresh), new_root(s, expired);
    CHECK(s.refresh() == "tuf:expired");
  }
  SECTION("the one the client holds, with nothing behind it") { CHECK(s.refresh(kLater) == "tuf:expired"); }
  SECTION("the one the client holds, with a fresh one behind it") {
    s.root["expires"] = kExpired;
    s.keeper.files["root"] = Simulator::sign(s.root, "r");
    CHECK(s.refresh() == "tuf:expired");
    new_root(s, fresh);
    CHECK(s.refresh() == "ok");
  }
}

// Above the cap airlock does not refuse the repository: it goes as far as the cap in one refresh, keeps that root, and goes
// on with it (specification section 5.3.3 bounds the work and says no more). Metadata of a root behind the cap is refused
// until the next refresh has walked there.
TEST_CASE("C061 hundreds of roots are walked, and a bounded number of them at once") {
  const std::uint64_t cap = UpdateLimits{}.root_updates;
  REQUIRE(cap == 1024);
  Simulator s;
  for (int i = 0; i < 299; ++i) next_root(s);
  CHECK(s.refresh() == "ok");
  CHECK(s.trusted("root") == 300);
  for (std::uint64_t i = 0; i < cap; ++i) next_root(s);
  new_root(s, [](Json& r) { set_role_key(r, "timestamp", "M"); });  // the 1025th ahead
  s.timestamp_signers = "M", s.bump(), s.publish();
  CHECK(s.refresh() == "tuf:signatures");
  CHECK(s.source.looked_up.size() == cap + 1);
  CHECK(s.trusted("root") == 300 + cap);
  CHECK(s.refresh() == "ok");
  CHECK(s.trusted("root") == 301 + cap);
}

TEST_CASE("C062 a root that was refused is not kept, whatever was wrong with it") {
  const std::pair<const char*, std::function<void(Simulator&)>> rows[] = {
      {"signed by strangers", [](Simulator& s) { new_root(s, [](Json&) {}, "x"); }},
      {"signed by its own keys alone", [](Simulator& s) { new_root(s, [](Json& r) { set_role_key(r, "root", "x"); }, "x"); }},
      {"of another version", [](Simulator& s) { next_root(s), next_root(s), s.source.files["2.root.json"] = s.source.files["3.root.json"]; }},
      {"without a role", [](Simulator& s) { new_root(s, [](Json& r) { r["roles"].erase("snapshot"); }); }},
      {"with an impossible threshold", [](Simulator& s) { new_root(s, [](Json& r) { r["roles"]["root"]["threshold"] = 0; }); }},
      {"no JSON", [](Simulator& s) { s.source.files["2.root.json"] = "{"; }},
      {"empty", [](Simulator& s) { s.source.files["2.root.json"] = ""; }},
      {"too long", [](Simulator& s) { s.source.files["2.root.json"] = std::string(kMiB, ' '); }},
  };
  for (const auto& [name, edit] : rows) {
    INFO(name);
    Followed s;
    const auto before = s.keeper.files;
    edit(s);
    CHECK(s.refresh() != "ok");
    CHECK(s.keeper.files == before);
    CHECK(s.refresh() != "ok");  // and it is not taken the second time either
    s.source.files.erase("2.root.json"), s.source.files.erase("3.root.json");
    CHECK(s.refresh() == "ok");
  }
}

// "Refused" is here: not believed. A timestamp of the version that is trusted is no news (specification section 5.4.3.1), so
// the trusted bytes stay and nothing of the second content is used; the same for what the snapshot says is unchanged.
TEST_CASE("C063 the same version with other content is never believed") {
  const Json other = target_entry("other content", nullptr);
  SECTION("where the metadata above states hashes, it is refused") {
    for (const char* role : {"snapshot", "targets"}) {
      INFO(role);
      Simulator s;
      const bool is_snapshot = role == std::string("snapshot");
      Json& above = is_snapshot ? s.timestamp["meta"]["snapshot.json"] : s.snapshot["meta"]["targets.json"];
      above["hashes"] = {{"sha256", Digest::of(s.source.files.at("1." + std::string(role) + ".json")).hex()}};
      s.publish();
      s.targets["targets"]["x"] = other, s.snapshot["comment"] = "other content";
      s.source.files["1." + std::string(role) + ".json"] =
          is_snapshot ? Simulator::sign(s.snapshot, "s") : Simulator::sign(s.targets, "t");
      CHECK(s.refresh() == "tuf:hash");
    }
  }
  SECTION("where it is seen the second time, the first stays") {
    Followed s;
    const auto trusted = s.keeper.files;
    s.targets["targets"]["x"] = other;
    s.snapshot["comment"] = s.timestamp["comment"] = "other content";
    s.publish();
    CHECK(s.refresh() == "ok");
    CHECK(s.keeper.files == trusted);
    CHECK(s.find("x") == "tuf:target");
  }
}

TEST_CASE("C064 a role that a snapshot named before may not be gone from the next") {
  for (const char* gone : {"targets.json", "a.json"}) {
    Followed s([](Simulator& made) { made.delegate(made.targets, "a", 'a', {"a/*"}); });
    const auto before = s.keeper.files;
    s.bump();
    s.snapshot["meta"].erase(gone);
    s.publish();
    INFO(gone);
    CHECK(s.refresh() == "tuf:rollback");
    CHECK(s.keeper.files.at("snapshot") == before.at("snapshot"));
    s.snapshot["meta"][gone] = {{"version", std::string(gone) == "a.json" ? 1 : 2}};
    s.publish();
    CHECK(s.refresh() == "ok");
  }
}

TEST_CASE("C065 after a refused update the next good one is taken") {
  const std::pair<const char*, std::function<void(Simulator&)>> rows[] = {
      {"an older snapshot", [](Simulator& s) { s.timestamp["version"] = 9, s.timestamp["meta"]["snapshot.json"]["version"] = 1; }},
      {"older targets", [](Simulator& s) { s.bump(), s.snapshot["meta"]["targets.json"]["version"] = 1; }},
      {"a snapshot of strangers", [](Simulator& s) { s.bump(), s.snapshot_signers = "x"; }},
      {"targets of strangers", [](Simulator& s) { s.bump(), s.targets_signers = "x"; }},
      {"expired targets", [](Simulator& s) { s.bump(), s.targets["expires"] = kExpired; }},
  };
  for (const auto& [name, edit] : rows) {
    INFO(name);
    Followed s([](Simulator& made) { made.bump(); });
    const Simulator good = s;
    edit(s);
    s.publish();
    CHECK(s.refresh() != "ok");
    s.targets = good.targets, s.snapshot = good.snapshot, s.timestamp = good.timestamp;
    s.targets_signers = "t", s.snapshot_signers = "s";
    s.bump(), s.bump(), s.timestamp["version"] = 10, s.publish();
    CHECK(s.refresh() == "ok");
    CHECK(s.trusted("targets") == 4);
  }
}

TEST_CASE("C066 after a fast-forward attack new keys make a new beginning") {
  constexpr std::uint64_t kFar = 2147483647;
  for (const std::uint64_t far : {kFar, std::uint64_t{9007199254740991}}) {
    INFO(far);
    Simulator s;
    const auto all_at = [&](std::uint64_t version) {
      s.timestamp["version"] = s.snapshot["version"] = s.targets["version"] = version;
      s.timestamp["meta"]["snapshot.json"]["version"] = s.snapshot["meta"]["targets.json"]["version"] = version;
      s.publish();
    };
    all_at(far);
    REQUIRE(s.refresh() == "ok");
    all_at(2);
    REQUIRE(s.refresh() == "tuf:rollback");
    new_root(s, [](Json& r) { set_role_key(r, "timestamp", "M"), set_role_key(r, "snapshot", "S"); });
    s.timestamp_signers = "M", s.snapshot_signers = "S";
    s.publish();
    CHECK(s.refresh() == "ok");
    for (const char* role : {"timestamp", "snapshot", "targets"}) CHECK(s.trusted(role) == 2);
  }
}

// The budget that warns before is that of time anchors: tests/time/trusted_time_test.cc. Trusted time, not the clock, is
// what a site passes in here: tests/bundle/clock_test.cc.
TEST_CASE("C067 the same old metadata is good until it expires, and not a second longer") {
  for (const Place& place : kPlaces) {
    INFO(place.role);
    const Instant end = kNow + Millis(60'000);
    Followed s([&](Simulator& made) {
      (made.*place.document)["expires"] = "2026-11-21T12:01:00Z";
      if (place.role != "root") return;
      made.publish_root();
      made.keeper.files["root"] = made.source.files["1.root.json"];
    });
    for (int day = 0; day < 3; ++day) CHECK(s.refresh() == "ok");
    CHECK(s.refresh(end - Millis(1)) == "ok");
    CHECK(s.refresh(end) == "tuf:expired");
    CHECK(s.refresh(end + Millis(1)) == "tuf:expired");
  }
}

TEST_CASE("C068 parts of two releases do not make a third") {
  Followed s([](Simulator& made) {
    for (int i = 0; i < 3; ++i) made.bump();
  });
  REQUIRE(s.trusted("targets") == 4);
  const auto with_hashes = [](Simulator& m) {
    m.snapshot["meta"]["targets.json"]["hashes"] = {{"sha256", Digest::of(Simulator::sign(m.targets, "t")).hex()}};
    m.timestamp["meta"]["snapshot.json"]["hashes"] = {{"sha256", Digest::of(Simulator::sign(m.snapshot, "s")).hex()}};
  };
  s.bump();
  SECTION("targets of release 4 below the snapshot of 5: the version tells") {
    s.publish();
    s.source.files["5.targets.json"] = s.source.files["4.targets.json"];
    CHECK(s.refresh() == "tuf:version");
  }
  SECTION("a snapshot of release 4 below the timestamp of 5: the version tells") {
    s.publish();
    s.source.files["5.snapshot.json"] = s.source.files["4.snapshot.json"];
    CHECK(s.refresh() == "tuf:version");
  }
  SECTION("targets of release 4 below the snapshot of 5: the hash tells") {
    with_hashes(s), s.publish();
    s.source.files["5.targets.json"] = s.source.files["4.targets.json"];
    CHECK(s.refresh() == "tuf:hash");
  }
  SECTION("a snapshot of release 4 below the timestamp of 5: the hash tells") {
    with_hashes(s), s.publish();
    s.source.files["5.snapshot.json"] = s.source.files["4.snapshot.json"];
    CHECK(s.refresh() == "tuf:hash");
  }
  SECTION("the timestamp of release 4 above everything of 5: nothing of 5 is seen") {
    const std::string before = s.source.files["timestamp.json"];
    s.publish();
    s.source.files["timestamp.json"] = before;
    CHECK(s.refresh() == "ok");
    CHECK(s.trusted("targets") == 4);
  }
  CHECK(s.trusted("targets") == 4);
}

TEST_CASE("C069 a type, a version of the specification or a role that is another's is refused, under the right key, too") {
  for (const Place& place : kPlaces) {
    INFO(place.role);
    for (const char* type : {"root", "timestamp", "snapshot", "targets", "mirrors", "Root", ""})
      if (place.role != type) CHECK(refresh_with(place, [&](Json& d) { d["_type"] = type; }) == kMalformed);
    for (const char* version : {"2.0.0", "2.0", "0.9", "1", "1.", "1.0.", "1.0.0.0", "1.x", "", "v1.0"})
      CHECK(refresh_with(place, [&](Json& d) { d["spec_version"] = version; }) == kMalformed);
    for (const char* version : {"1.0", "1.0.31", "1.9.9"})
      CHECK(refresh_with(place, [&](Json& d) { d["spec_version"] = version; }) == "ok");
    for (const Place& other : kPlaces) {
      if (&other == &place) continue;
      INFO(other.role << " in its place");
      const Simulator published;
      CHECK(refresh_with(place, [&](Json& d) { d = published.*other.document; }) == kMalformed);
    }
  }
}

TEST_CASE("C070 ten thousand delegations, and a pattern that tries to match everything, end the search in bounds") {
  Followed s([](Simulator& made) {
    made.delegate(made.targets, "r0", 'a', {"*"});
    Json& roles = made.targets["delegations"]["roles"];
    for (int i = 1; i < 10'000; ++i) {
      Json role = roles[0];
      const std::string name = "r" + std::to_string(i);
      role["name"] = name;
      roles.push_back(role);
      made.snapshot["meta"][name + ".json"] = {{"version", 1}};
      if (i < 100) made.delegated[name] = made.delegated["r0"], made.delegated_signers[name] = "a";  // the others are never to be asked for
    }
    made.bump();
  });
  CHECK(s.find("nowhere") == "tuf:target");
  CHECK(s.source.looked_up.size() <= 2 + UpdateLimits{}.delegations);

  Simulator stars;
  stars.delegate(stars.targets, "a", 'a', {"**"});
  stars.delegate(stars.targets, "b", 'b', {"**/**"});
  for (const char* path : {"x", "d/x", "d/e/x"}) stars.delegated["a"]["targets"][path] = stars.delegated["b"]["targets"][path] = target_entry("c", nullptr);
  stars.bump(), stars.publish();
  CHECK(stars.find("x") == "a");               // two stars are one: they do not cross a slash
  CHECK(stars.find("d/x") == "b");
  CHECK(stars.find("d/e/x") == "tuf:target");
}

TEST_CASE("C071 a delegated role that was kept is judged by who delegates it now") {
  Followed s([](Simulator& made) {
    made.delegate(made.targets, "a", 'a', {"a/*"});
    made.delegated["a"]["targets"]["a/file"] = target_entry("content", nullptr);
    made.bump();
  });
  REQUIRE(s.find("a/file") == "a");
  REQUIRE(s.trusted("a") == 1);
  SECTION("its key was exchanged: what the old one signed is worth nothing, kept or looked up") {
    s.targets["delegations"] = Json::object();
    s.delegate(s.targets, "a", 'b', {"a/*"});
    s.delegated_signers["a"] = "a";
    s.bump(), s.publish();
    CHECK(s.find("a/file") == "tuf:signatures");
    s.delegated_signers["a"] = "b";
    s.publish();
    CHECK(s.find("a/file") == "a");
  }
  SECTION("nobody delegates it any more: it is not asked") {
    s.targets["delegations"]["roles"] = Json::array();
    s.bump(), s.publish();
    CHECK(s.find("a/file") == "tuf:target");
  }
  SECTION("its paths were taken away: it is not asked about them") {
    s.targets["delegations"]["roles"][0]["paths"] = {"b/*"};
    s.bump(), s.publish();
    CHECK(s.find("a/file") == "tuf:target");
  }
}

// Looser than the row in one point: a fraction of a second is read, since published repositories have written them (the root
// keys of a well-known one among them). It is judged to the millisecond, so nothing expires later than it says.
TEST_CASE("C072 a date has one form, and says a moment that exists") {
  const std::pair<Json, const char*> rows[] = {
      {"2026-12-21T12:00:00Z", "ok"},
      {"9999-12-31T23:59:59Z", "ok"},  // far away, and a date all the same
      {"2028-02-29T00:00:00Z", "ok"},
      {"2026-12-21T12:00:00.5Z", "ok"},
      {"2026-12-21T12:00:00.123456789Z", "ok"},
      {"2026-12-21T12:00:00.1234567890Z", "tuf:malformed"},
      {"2026-12-21T12:00:00.Z", "tuf:malformed"},
      {"2026-02-30T12:00:00Z", "tuf:malformed"},
      {"2027-02-29T12:00:00Z", "tuf:malformed"},
      {"2026-13-01T12:00:00Z", "tuf:malformed"},
      {"2026-12-00T12:00:00Z", "tuf:malformed"},
      {"2026-12-21T24:00:00Z", "tuf:malformed"},
      {"2026-12-31T23:59:60Z", "tuf:malformed"},  // a leap second
      {"2026-12-21T12:00:00z", "tuf:malformed"},
      {"2026-12-21t12:00:00Z", "tuf:malformed"},
      {"2026-12-21 12:00:00Z", "tuf:malformed"},
      {"2026-12-21T12:00:00+00:00", "tuf:malformed"},
      {"2026-12-21T12:00:00-06:00", "tuf:malformed"},
      {"2026-12-21T12:00:00", "tuf:malformed"},
      {"2026-12-21T12:00Z", "tuf:malformed"},
      {"2026-12-21", "tuf:malformed"},
      {"20261221T120000Z", "tuf:malformed"},
      {"12026-12-21T12:00:00Z", "tuf:malformed"},
      {"+026-12-21T12:00:00Z", "tuf:malformed"},
      {"0000-12-21T12:00:00Z", "tuf:malformed"},
      {" 2026-12-21T12:00:00Z", "tuf:malformed"},
      {"2026-12-21T12:00:00Z ", "tuf:malformed"},
      {std::string("2026-12-21T12:00:00Z\0", 21), "tuf:malformed"},
      {"never", "tuf:malformed"},
      {"", "tuf:malformed"},
      {1797854400, "tuf:malformed"},
      {nullptr, "tuf:malformed"},
      {Json::array(), "tuf:malformed"},
      {"2026-11-21T12:00:00.000Z", "tuf:expired"},
      {"2026-11-21T12:00:00.0009Z", "tuf:expired"},  // cut, not rounded up
      {"2026-11-21T12:00:00.001Z", "ok"},
      {"1969-12-31T23:59:59Z", "tuf:expired"},
      {"0001-01-01T00:00:00Z", "tuf:expired"},
  };
  for (const Place& place : kPlaces) {
    CHECK(refresh_with(place, [](Json& d) { d.erase("expires"); }) == kMalformed);
    for (const auto& [text, code] : rows) {
      INFO(place.role << ": " << text);
      CHECK(refresh_with(place, [&](Json& d) { d["expires"] = text; }) == code);
    }
  }
}

TEST_CASE("C073 whatever stands in the place of any field, a client refuses it or does as well without") {
  // A fraction has no canonical form, so nobody can sign it: workflow_test.cc puts one into signed bytes.
  const Json values[] = {nullptr, true, 0, -1, 18446744073709551615ULL, "", "x", "../../x", std::string(5000, 'k'), Json::array(), {nullptr},
                         Json::object(), {{"", Json::object()}}, {{"keyids", nullptr}}};
  std::size_t tried = 0, refused = 0;
  for (const Place& place : kPlaces) {
    Simulator shape;
    shape.delegate(shape.targets, "a", 'a', {"a/*"});
    shape.targets["targets"]["x"] = target_entry("content", {{"custom", 1}});
    shape.timestamp["meta"]["snapshot.json"]["hashes"] = {{"sha256", std::string(64, '0')}};
    const Json whole = (shape.*place.document).flatten();
    std::set<std::string> places;  // every field, and every object or list that holds one
    for (const auto& [pointer, unused] : whole.items())
      for (std::size_t at = pointer.size(); at != std::string::npos && at > 0; at = pointer.rfind('/', at - 1)) places.insert(pointer.substr(0, at));
    for (const std::string& pointer : places) {
      const auto attempt = [&](const std::function<void(Json&)>& edit) {
        std::string why;
        const std::string code = refresh_with(place, [&](Json& d) {
          const Json version = d["version"];
          d = shape.*place.document;
          if (place.role != "root") d["version"] = version;
          edit(d);
        }, &why);
        INFO(place.role << pointer << ": " << why);
        CHECK((code == "ok" || code.starts_with("tuf:")));
        ++tried;
        refused += code != "ok";
      };
      for (const Json& value : values) attempt([&](Json& d) { d[Json::json_pointer(pointer)] = value; });
      const Json::json_pointer at(pointer);
      attempt([&](Json& d) {
        Json& parent = d[at.parent_pointer()];
        if (parent.is_array()) parent.erase(0);
        else parent.erase(at.back());
      });
    }
  }
  CHECK(tried > 1000);
  CHECK(refused > tried / 2);

  // And the files themselves, cut at any length.
  for (const Place& place : kPlaces) {
    Followed s;
    s.bump(), next_root(s), s.publish();
    const std::string file = s.source.files[place.file];
    for (std::size_t size = 0; size + 2 < file.size(); size += 7) {
      Followed cut;
      cut.source.files = s.source.files;
      cut.source.files[place.file] = file.substr(0, size);
      INFO(place.file << " cut at " << size);
      CHECK(cut.refresh() == kMalformed);
    }
  }
}
