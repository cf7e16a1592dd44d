#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "publisher.h"
#include "tests/bundle/fault_fs.h"
#include "trust/durable_file.h"
#include "trust/tuf_store.h"

using namespace airlock;
using namespace airlock::trust;
using namespace airlock::trust::test;
using bundle::test::Fault;
using bundle::test::FaultFs;
using bundle::test::read_whole;
using bundle::test::write_file;

TEST_CASE("a trusted file is the old or the new one whatever fails") {
  for (const Fault fault : {Fault::kBefore, Fault::kAfter}) {
    for (std::uint64_t at = 0;; ++at) {
      INFO("change " << at);
      TempDir dir;
      write_file(dir / "root.json", "old");
      FaultFs fs;
      fs.fault = fault;
      fs.at = at;
      const auto done = replace_durably(fs, dir.path(), "root.json", "new");
      const bool fired = fs.fired;
      CHECK(done.has_value() != fired);
      if (fired) fs.cut_power();
      else fs.forget();
      const std::string now = read_whole(dir / "root.json");
      CHECK((fired ? (now == "old" || now == "new") : now == "new"));
      REQUIRE(replace_durably(system_fs(), dir.path(), "root.json", "newer"));  // what was left behind is in nobody's way
      CHECK(read_whole(dir / "root.json") == "newer");
      CHECK_FALSE(std::filesystem::exists(dir / "root.json.new"));
      if (!fired) break;
    }
  }
}

TEST_CASE("trusted metadata lies under percent-encoded names, byte for byte") {
  TempDir dir;
  TufStore store(dir.path());
  const std::string bytes = "{\"odd\" : \"spacing\"}\n\n";
  for (const char* role : {"root", "../../escape", ".", "\xC3\xB6", "a/b"}) {
    REQUIRE(store.keep(role, bytes));
    CHECK(store.load(role).value().value() == bytes);
  }
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"root.json", "..%2F..%2Fescape.json", "..json", "%C3%B6.json", "a%2Fb.json"});
  CHECK_FALSE(store.load("nobody").value().has_value());
}

TEST_CASE("staged metadata is trusted when it is committed, not before") {
  TempDir dir;
  TufStore store(dir.path());
  REQUIRE(store.keep("root", "1"));
  StagedKeeper staged(store);
  REQUIRE(staged.keep("root", "2"));
  REQUIRE(staged.keep("root", "3"));
  REQUIRE(staged.keep("timestamp", "t"));
  CHECK(staged.load("root").value() == "3");
  CHECK(store.load("root").value() == "1");
  CHECK(staged.roots() == std::vector<std::string>{"2", "3"});
  REQUIRE(staged.commit());
  CHECK(store.load("root").value() == "3");
  CHECK(store.load("timestamp").value() == "t");
  CHECK(staged.empty());
}

TEST_CASE("a target path never leads out of a repository's folder") {
  TempDir dir;
  write_file(dir / "secret", "s");
  write_file(dir / "repo/targets/inside", "i");
  FolderSource source(dir / "repo");
  CHECK(source.target("inside", 100).value() == "i");
  CHECK_FALSE(source.target("missing", 100).value().has_value());
  for (const char* path : {"../../secret", "a/../../../secret", "/etc/hostname", ".."}) {
    INFO(path);
    const auto got = source.target(path, 100);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kArchivePath);
  }
  const auto large = source.target("inside", 0);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == Code::kTooLarge);
}
