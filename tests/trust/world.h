// A publisher of kits and a site that follows it, as two objects: publish, import, see what the site says and trusts.
#pragma once

#include <catch2/catch.hpp>
#include <algorithm>

#include "publisher.h"
#include "trust/bundle_check.h"

namespace airlock::trust::test {

using namespace bundle;
using namespace bundle::test;

// The publisher has one key a role; the site trusts its first root.
struct World {
  explicit World(trust::RepositoryConfig config = {}) {
    publisher.sign();
    REQUIRE(trust::Repository::create(home(), name, config, publisher.first_root(), kNow, false));
    site.repositories = trust::open_repositories(home()).value();
  }
  std::string home() const { return site.home + "/trust"; }
  trust::Repository& repository() { return site.repositories.front(); }
  std::string trusted(const std::string& role) { return repository().store().load(role).value().value_or(""); }

  // Publishes the bundle, and puts what is published beside its manifest.
  Parts published(Parts parts, Instant now = kNow) {
    REQUIRE(publisher.repo.add(target(parts), parts.statement(), nullptr, now));
    publisher.sign("rtsmRT", now);
    return with_metadata(std::move(parts));
  }
  Parts with_metadata(Parts parts) {
    std::vector<Member> members;
    const auto files = publisher.repo.published_files();
    for (const auto& [file, bytes] : files.value()) members.push_back({"trust/" + file, bytes, false});
    parts.members.insert(parts.members.begin(), members.begin(), members.end());
    return parts;
  }
  static std::string target(const Parts& parts) { return trust::manifest_target(parts.manifest.bundle_id, parts.manifest.generation); }
  std::string import(const Parts& parts) { return code_of(last = site.import_bytes(parts.file())); }
  std::string seen(std::string_view check) const {
    for (const Check& c : last.verdict.checks)
      if (c.name == check) return c.seen.text;
    return "not made";
  }
  void rotate_root(char add) {
    REQUIRE(publisher.repo.rotate({"root", {key(add).public_key()}, {}, std::nullopt}, kNow));
    publisher.sign("rtsm");
  }
  std::string approve(const std::string& actor) {
    const auto pending = repository().pending_root().value();
    const auto done = repository().approve(Digest::of(pending.value_or("")), actor, kNow, "");
    return done ? "ok" : std::string(code_info(done.error().code).text);
  }

  trust::RepositoryName name = trust::RepositoryName::parse("kits").value();
  Publisher publisher;
  Site site;
  ImportOutcome last;
};

inline Member& member(Parts& parts, std::string_view path) { return *std::ranges::find(parts.members, path, &Member::path); }

}  // namespace airlock::trust::test
