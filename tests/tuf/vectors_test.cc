// The published cases of other clients (fixtures/vectors/tuf), step by step through the production client. Index driven.
#include <catch2/catch.hpp>
#include <set>

#include "base/digest.h"
#include "base/io.h"
#include "base/json.h"
#include "memory.h"

using namespace airlock;
using namespace airlock::verify::tuf;
using namespace airlock::verify::tuf::test;

namespace {

const std::string kSet = AIRLOCK_SOURCE_DIR "/fixtures/vectors/tuf/";

std::string object(const Json& name) { return read_file(kSet + "objects/" + name.get<std::string>(), 16 * kMiB).value(); }

// The client's state between the steps of a case.
struct Client {
  MemoryKeeper keeper;
  std::map<std::string, std::string> downloads;  // by target path, as a target directory has them
  std::set<std::string> digests() const {
    std::set<std::string> out;
    for (const auto& [path, bytes] : downloads) out.insert(Digest::of(bytes).hex());
    return out;
  }
};

Result<void> perform(Client& client, const Json& step, MemorySource& source) {
  if (step.at("op") == "init") {
    const std::string root = object(step.at("trusted_root"));
    TRY(TrustedSet::from_root(root, Instant::from_millis(0)));
    return client.keeper.keep(kRoot, root);
  }
  for (const auto& [name, content] : step.at("metadata").items()) source.files[name] = object(content);
  for (const auto& [name, content] : step.at("targets").items()) source.target_files[name] = object(content);
  const Instant now = TRY(Instant::parse(step.at("reference_time").get<std::string>()));
  Updater updater = TRY(Updater::start(source, client.keeper, now));
  TRY(updater.refresh());
  if (step.at("op") == "refresh") return {};
  for (const Json& name : step.at("target_names")) {
    const FoundTarget found = TRY(updater.find(name.get<std::string>()));
    std::string& kept = client.downloads[found.path];
    if (!check_content(kept, found.file.length, found.file.hashes, found.path)) kept = TRY(updater.fetch(found));
  }
  return {};
}

std::uint64_t version_of(const std::string& bytes) {
  return parse_json(bytes, "kept").value().at("signed").at("version").get<std::uint64_t>();
}

void check_step(Client& client, const Json& step) {
  MemorySource source;
  const auto done = perform(client, step, source);
  INFO((done ? "accepted" : describe(done.error())));
  const Json& expect = step.at("expect");
  if (expect.at("exit").is_number()) CHECK((done ? 0 : 1) == expect.at("exit").get<int>());
  if (!done || !expect.at("exit").is_number()) return;
  const Json trusted = expect.value("trusted", Json::object());
  for (const auto& [role, version] : trusted.items()) {
    INFO(role);
    REQUIRE(client.keeper.files.contains(role));
    CHECK(version_of(client.keeper.files.find(role)->second) == version.get<std::uint64_t>());
  }
  if (expect.contains("downloaded_sha256")) CHECK(client.digests() == expect["downloaded_sha256"].get<std::set<std::string>>());
}

Json load_cases() { return parse_json(read_file(kSet + "index.json", 16 * kMiB).value(), "index").value().at("cases"); }

}  // namespace

TEST_CASE("every published scenario ends as its reference clients ended") {
  std::size_t steps = 0;
  for (const Json& item : load_cases()) {
    if (item.value("kind", "scenario") != "scenario") continue;
    Client client;
    for (const Json& step : item.at("steps")) {
      INFO(item.at("id").get<std::string>() << ", step " << steps);
      check_step(client, step);
      ++steps;
    }
  }
  CHECK(steps > 100);
}

TEST_CASE("a published root verifies under its own role, or does not") {
  std::size_t roots = 0;
  for (const Json& item : load_cases()) {
    if (item.value("kind", "scenario") != "root-self-verify") continue;
    INFO(item.at("id").get<std::string>());
    const auto root = TrustedSet::from_root(object(item.at("root")), Instant::from_millis(0));
    INFO((root ? "accepted" : describe(root.error())));
    if (item.at("expect") != "either") CHECK(root.has_value() == (item.at("expect") == "accept"));
    ++roots;
  }
  CHECK(roots > 0);
}

TEST_CASE("what is looked up follows from what is trusted, and nothing is looked up twice") {
  for (const Json& item : load_cases()) {
    if (item.value("kind", "scenario") != "scenario") continue;
    INFO(item.at("id").get<std::string>());
    Client client;
    for (const Json& step : item.at("steps")) {
      MemorySource source;
      (void)perform(client, step, source);
      const std::set<std::string> different(source.looked_up.begin(), source.looked_up.end());
      CHECK(different.size() == source.looked_up.size());
      if (step.at("op") == "init") CHECK(source.looked_up.empty());
      else CHECK(source.looked_up.front().ends_with(".root.json"));
    }
  }
}
