#include <catch2/catch.hpp>
#include <filesystem>

#include "publisher.h"
#include "trust/repository.h"

using namespace airlock;
using namespace airlock::trust;
using namespace airlock::trust::test;

namespace {
RepositoryName name(std::string_view text) { return RepositoryName::parse(text).value(); }
BundleId bundle_id(std::string_view text) { return BundleId::parse(text).value(); }
Code code(const auto& result) { return result ? Code::kInternal : result.error().code; }
}  // namespace

TEST_CASE("a repository's configuration is read as it was written, and nothing else is read") {
  const RepositoryConfig config{{"acme-kit", "*"}, 1, false};
  CHECK(parse_repository_config(write_repository_config(config).value()).value() == config);
  const struct {
    const char* name;
    const char* text;
  } bad[] = {
      {"no schema", R"({"bundles":["*"],"approvals":2})"},
      {"no bundles", R"({"schema":"airlock.tuf-repository/v1","bundles":[],"approvals":2})"},
      {"nobody needs to approve", R"({"schema":"airlock.tuf-repository/v1","bundles":["*"],"approvals":0})"},
      {"three must approve", R"({"schema":"airlock.tuf-repository/v1","bundles":["*"],"approvals":3})"},
      {"an unknown field", R"({"schema":"airlock.tuf-repository/v1","bundles":["*"],"approvals":2,"x":1})"},
      {"a bundle id that is none", R"({"schema":"airlock.tuf-repository/v1","bundles":["A/B"],"approvals":2})"},
  };
  for (const auto& c : bad) {
    INFO(c.name);
    CHECK_FALSE(parse_repository_config(c.text));
  }
}

TEST_CASE("a site follows a repository from the root it was given") {
  Publisher p;
  p.sign();
  TempDir home;
  CHECK(open_repositories(home.path()).value().empty());
  Repository made = Repository::create(home.path(), name("kits"), {}, p.first_root(), kNow, false).value();
  CHECK(made.store().load("root").value() == p.first_root());
  CHECK(code(Repository::create(home.path(), name("kits"), {}, p.first_root(), kNow, false)) == Code::kAlreadyExists);
  CHECK(Repository::create(home.path(), name("kits"), {{"*"}, 1, true}, p.first_root(), kNow, true));
  CHECK(Repository::open(home.path(), name("kits")).value().config().approvals == 1);
  CHECK(code(Repository::open(home.path(), name("other"))) == Code::kNotFound);

  std::string forged = p.first_root();
  forged.replace(forged.find("\"version\":1"), 11, "\"version\":7");
  CHECK(code(Repository::create(home.path(), name("forged"), {{"x"}, 2, true}, forged, kNow, false)) == Code::kTufSignatures);
  CHECK_FALSE(std::filesystem::exists(home / "tuf/forged"));
}

TEST_CASE("one repository speaks for a bundle: the one that names it, else the one for all") {
  Publisher p;
  p.sign();
  TempDir home;
  REQUIRE(Repository::create(home.path(), name("all"), {}, p.first_root(), kNow, false));
  REQUIRE(Repository::create(home.path(), name("feeds"), {{"osv-feed"}, 2, true}, p.first_root(), kNow, false));
  auto repositories = open_repositories(home.path()).value();
  CHECK(repository_for(repositories, bundle_id("osv-feed"))->name() == name("feeds"));
  CHECK(repository_for(repositories, bundle_id("acme-kit"))->name() == name("all"));
  CHECK(code(Repository::create(home.path(), name("second"), {{"osv-feed"}, 2, true}, p.first_root(), kNow, false)) == Code::kAlreadyExists);
  repositories.erase(repositories.begin());
  CHECK(repository_for(repositories, bundle_id("acme-kit")) == nullptr);
}

TEST_CASE("a pending root is approved by different people, each once, and only the one that is pending") {
  Publisher p;
  p.sign();
  TempDir home;
  Repository site = Repository::create(home.path(), name("kits"), {}, p.first_root(), kNow, false).value();
  const Digest digest = Digest::of(p.first_root());
  CHECK(code(site.approve(digest, "alice", kNow, "")) == Code::kNotFound);
  REQUIRE(site.set_pending_root(p.first_root()));
  REQUIRE(site.approve(digest, "alice", kNow, "compared by telephone"));
  CHECK(code(site.approve(digest, "alice", kNow, "")) == Code::kRotationSamePerson);
  CHECK(code(site.approve(Digest::of("other"), "bob", kNow, "")) == Code::kNotFound);
  REQUIRE(site.approve(digest, "bob", kNow, ""));
  CHECK(site.approvers_of(digest).value() == std::set<std::string>{"alice", "bob"});
  const auto all = site.approvals().value();
  CHECK(parse_approvals(write_approvals(all)).value() == all);
  CHECK(all.front().reason == "compared by telephone");
}
