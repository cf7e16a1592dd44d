// What a publisher writes is what our client takes, through every change of keys, and wherever the work was interrupted.
#include <catch2/catch.hpp>

#include "publisher.h"
#include "tests/bundle/fault_fs.h"
#include "verify/tuf/updater.h"

using namespace airlock;
using namespace airlock::trust;
using namespace airlock::trust::test;
using bundle::test::Fault;
using bundle::test::FaultFs;
using verify::tuf::Updater;

namespace {

// A client that began at the publisher's first root; its store goes with it.
struct Client {
  explicit Client(const std::string& folder) : source(folder) {
    REQUIRE(store.keep("root", bundle::test::read_whole(folder + "/metadata/1.root.json")));
  }
  Result<std::string> get(const std::string& target, Instant now = kNow) {
    Updater updater = TRY(Updater::start(source, store, now));
    TRY(updater.refresh());
    return updater.fetch(TRY(updater.find(target)));
  }
  std::string code(const std::string& target, Instant now = kNow) {
    const auto got = get(target, now);
    return got ? "ok" : std::string(code_info(got.error().code).text);
  }
  TempDir dir;
  FolderSource source;
  TufStore store{dir.path()};
};

}  // namespace

TEST_CASE("a repository signed by all its keys is taken by a client, target and all") {
  Publisher p;
  REQUIRE(p.repo.add("kit/1.json", "statement one", nullptr, kNow));
  const SignReport report = p.sign();
  CHECK(report.published == std::vector<std::string>{"1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"});
  CHECK(report.waiting.empty());
  Client client(p.folder());
  CHECK(client.get("kit/1.json").value() == "statement one");
  CHECK(client.code("kit/2.json") == "tuf:target");

  REQUIRE(p.repo.add("kit/2.json", "statement two", {{"version", "2.0.0"}}, kNow));
  CHECK(client.code("kit/2.json") == "tuf:target");  // staged is not published
  p.sign("tsm");
  CHECK(client.get("kit/2.json").value() == "statement two");
  CHECK(client.get("kit/1.json").value() == "statement one");
  const auto again = p.repo.add("kit/2.json", "other words", nullptr, kNow);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::kAlreadyExists);
}

TEST_CASE("keys that are kept apart sign one after the other, and nothing is published early") {
  Publisher p;
  CHECK(p.sign("t").published.empty());
  CHECK(p.sign("r").published == std::vector<std::string>{"1.root.json"});
  CHECK(p.sign("m").published.empty());
  CHECK(p.sign("t").published == std::vector<std::string>{"1.targets.json"});
  CHECK(p.sign("s").published == std::vector<std::string>{"1.snapshot.json"});
  const SignReport last = p.sign("m");
  CHECK(last.published == std::vector<std::string>{"timestamp.json"});
  CHECK(last.waiting.empty());
  CHECK(p.sign("x").published.empty());
}

TEST_CASE("a threshold of two needs two, and says what it waits for") {
  TempDir dir;
  auto wanted = roles();
  wanted["root"] = role("rq", 2);
  TufRepo repo = TufRepo::create(dir / "repo", wanted, default_lifetimes(), kNow).value();
  const SignReport first = repo.sign(keys("rtsm"), kNow).value();
  CHECK(first.published.empty());
  REQUIRE_FALSE(first.waiting.empty());
  CHECK(first.waiting.front().find("1 of 2 keys signed it, 2 needed") != std::string::npos);
  CHECK(repo.sign(keys("q"), kNow).value().published.front() == "1.root.json");

  for (const auto& [name, bad] : std::map<std::string, std::map<std::string, verify::tuf::RoleKeys>>{
           {"a threshold out of reach", {{"root", role("r", 2)}, {"targets", role("t")}, {"snapshot", role("s")}, {"timestamp", role("m")}}},
           {"a role without keys", {{"root", role("r")}, {"targets", role("t")}, {"snapshot", role("s")}}}}) {
    INFO(name);
    const auto refused = TufRepo::create(dir / "bad", bad, default_lifetimes(), kNow);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kUsage);
  }
}

TEST_CASE("keys are rotated role by role, and a client follows from its first root") {
  Publisher p;
  REQUIRE(p.repo.add("kit/1.json", "one", nullptr, kNow));
  p.sign();
  Client client(p.folder());
  REQUIRE(client.code("kit/1.json") == "ok");
  const auto rotate = [&](const std::string& name, char add, char remove) {
    REQUIRE(p.repo.rotate({name, {bundle::test::key(add).public_key()}, {bundle::test::key(remove).key_id()}, std::nullopt}, kNow));
  };
  rotate("root", 'R', 'r');
  CHECK(p.sign("R").published.empty());  // the old root must agree
  CHECK(p.sign("r").published == std::vector<std::string>{"2.root.json"});
  CHECK(client.code("kit/1.json") == "ok");

  const struct {
    const char* role;
    char add, remove;
  } turns[] = {{"timestamp", 'M', 'm'}, {"snapshot", 'S', 's'}, {"targets", 'T', 't'}};
  for (const auto& [name, add, remove] : turns) {
    INFO(name);
    rotate(name, add, remove);
    p.sign("RTSMtsm");
    CHECK(client.code("kit/1.json") == "ok");
    Client fresh(p.folder());
    CHECK(fresh.code("kit/1.json") == "ok");
  }
  REQUIRE(p.repo.add("kit/2.json", "two", nullptr, kNow));
  CHECK(p.sign("tsm").published.empty());  // the old keys are worth nothing any more
  p.sign("TSM");
  CHECK(client.code("kit/2.json") == "ok");
}

TEST_CASE("a rotation that changes nothing is refused") {
  Publisher p;
  p.sign();
  const auto same = p.repo.rotate({"targets", {bundle::test::key('t').public_key()}, {}, 1}, kNow);
  REQUIRE_FALSE(same);
  CHECK(same.error().code == Code::kRotationNoChange);
  const auto unknown = p.repo.rotate({"targets", {}, {"0000"}, std::nullopt}, kNow);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::kNotFound);
  const auto emptied = p.repo.rotate({"targets", {}, {bundle::test::key('t').key_id()}, std::nullopt}, kNow);
  REQUIRE_FALSE(emptied);
  CHECK(emptied.error().code == Code::kUsage);
}

TEST_CASE("metadata expires when its lifetime is over, and a renewal moves it on") {
  Publisher p;
  REQUIRE(p.repo.add("kit/1.json", "one", nullptr, kNow));
  p.sign();
  Client client(p.folder());
  const Instant later = kNow + Millis(31 * kDay);
  CHECK(client.code("kit/1.json", later) == "tuf:expired");
  REQUIRE(p.repo.renew("timestamp", later));
  p.sign("m", later);
  CHECK(client.code("kit/1.json", later) == "ok");
  CHECK(client.code("kit/1.json", kNow + Millis(366 * kDay)) == "tuf:expired");  // the root itself
}

TEST_CASE("signing that stops anywhere is finished by signing again, and clients see the old or the new state") {
  for (std::uint64_t at = 0;; ++at) {
    INFO("change " << at);
    Publisher p;
    REQUIRE(p.repo.add("kit/1.json", "one", nullptr, kNow));
    p.sign();
    Client client(p.folder());
    REQUIRE(client.code("kit/1.json") == "ok");
    REQUIRE(p.repo.rotate({"timestamp", {bundle::test::key('M').public_key()}, {}, std::nullopt}, kNow));
    REQUIRE(p.repo.add("kit/2.json", "two", nullptr, kNow));
    FaultFs fs;
    fs.fault = Fault::kBefore;
    fs.at = at;
    TufRepo interrupted = TufRepo::open(p.folder(), fs).value();
    (void)interrupted.sign(keys("rtsmM"), kNow);
    const bool fired = fs.fired;
    fs.forget();
    CHECK(client.code("kit/1.json") == "ok");
    p.sign("rtsmM");
    CHECK(client.code("kit/2.json") == "ok");
    Client fresh(p.folder());
    CHECK(fresh.code("kit/2.json") == "ok");
    if (!fired) break;
  }
}

TEST_CASE("what a bundle carries is one published state, under names without versions") {
  Publisher p;
  CHECK_FALSE(p.repo.published_files());
  p.sign();
  REQUIRE(p.repo.renew("root", kNow + Millis(kDay)));
  p.sign();
  const auto files = p.repo.published_files().value();
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files) names.push_back(name);
  CHECK(names == std::vector<std::string>{"1.root.json", "2.root.json", "snapshot.json", "targets.json", "timestamp.json"});
  CHECK(files.at("targets.json") == p.file("metadata/1.targets.json"));
}
