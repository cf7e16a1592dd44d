// What planning sees of a real ledger and store: one tenant's active bundles, and nothing beside them.
#include <catch2/catch.hpp>

#include "ledger/catalog.h"
#include "runner/catalog.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using namespace airlock::test;

namespace {

const std::string kDag = R"(
apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: VERSION}
spec: {steps: [{id: a, plugin: step@1.0.0, args: [write, o.txt, hello]}]}
)";

std::string dag(const std::string& version, const std::string& id = "work") {
  std::string text = kDag;
  text.replace(text.find("VERSION"), 7, version);
  return text.replace(text.find("work"), 4, id);
}

// One more active bundle of a tenant, with these members.
void bring(RunSite& site, const std::string& bundle, const std::map<std::string, std::string>& members, const std::string& who = "acme") {
  std::vector<ledger::ItemRow> items;
  for (const auto& [path, bytes] : members) {
    REQUIRE(site.store->put(bytes));
    items.push_back({path, Digest::of(bytes), bytes.size(), path.ends_with("/bin/step"), ""});
  }
  const auto done = site.ledger->write(site.clock.now(), [&](ledger::Tx& tx) -> Result<void> {
    return ledger::record_import(tx, tenant(who),
                                 {.bundle = *BundleId::parse(bundle), .generation = 1, .version = "1.0.0", .kind = "data", .manifest = bundle,
                                  .items = ledger::items_from(items), .dags = {}, .activate = true, .verdict = {{"accepted", true}}},
                                 {"unix:tester"});
  });
  if (!done) FAIL(describe(done.error()));
}

std::map<std::string, std::string> plugin_members(const std::string& program) {
  const Json descriptor = {{"name", "extra"}, {"version", "2.0.0"}, {"entrypoint", "bin/step"}};
  return {{"plugins/extra/2.0.0/plugin.json", canonical_json(descriptor)}, {"plugins/extra/2.0.0/bin/step", program}};
}

manifests::PluginRef ref(const std::string& text) { return *manifests::PluginRef::parse(text); }

std::vector<std::string> paths(const Content& content) {
  std::vector<std::string> out;
  for (const TreeEntry& entry : content.tree) out.push_back(entry.path);
  return out;
}

TEST_CASE("a plugin is found in the tenant's active bundles, with every file of its folder") {
  RunSite site;
  site.import(dag("1.0.0"));
  LedgerCatalog catalog(*site.ledger, *site.store, tenant());
  const auto plugin = catalog.plugin(ref("step@1.0.0"));
  REQUIRE(plugin);
  CHECK(plugin->descriptor.deterministic);
  REQUIRE(plugin->tree.size() == 2);
  CHECK(plugin->tree[0].path == "bin/step");
  CHECK(plugin->tree[0].executable);
  CHECK(plugin->tree[1].path == "plugin.json");
  for (const char* absent : {"step@1.0.1", "ste@1.0.0", "stepp@1.0.0"}) {
    CAPTURE(absent);
    CHECK(catalog.plugin(ref(absent)).error().code == Code::kSpecUnknownPlugin);
  }
  LedgerCatalog others(*site.ledger, *site.store, tenant("globex"));
  CHECK(others.plugin(ref("step@1.0.0")).error().code == Code::kSpecUnknownPlugin);
}

TEST_CASE("the generation that is active is the one that counts") {
  RunSite site;
  site.import(dag("1.0.0"));
  LedgerCatalog catalog(*site.ledger, *site.store, tenant());
  const Digest before = tree_digest(catalog.plugin(ref("step@1.0.0"))->tree);
  site.program = "another program";
  site.import(dag("1.0.1"));
  const Digest after = tree_digest(catalog.plugin(ref("step@1.0.0"))->tree);
  CHECK(before != after);
}

TEST_CASE("two bundles may hold the same plugin, but not two that differ") {
  RunSite site;
  bring(site, "one", plugin_members("program"));
  bring(site, "two", plugin_members("program"));
  LedgerCatalog catalog(*site.ledger, *site.store, tenant());
  CHECK(catalog.plugin(ref("extra@2.0.0")));
  bring(site, "three", plugin_members("another program"));
  const auto plugin = catalog.plugin(ref("extra@2.0.0"));
  REQUIRE_FALSE(plugin);
  CHECK(plugin.error().code == Code::kSpecUnknownPlugin);
  CHECK_THAT(plugin.error().context, Catch::Contains("two active bundles"));
}

TEST_CASE("data is one file, or a folder with what lies below it and nothing beside it") {
  RunSite site;
  bring(site, "feeds", {{"data/a", "1"}, {"data/sub/b", "2"}, {"data/sub/deep/c", "3"}, {"data/sub.txt", "4"}, {"data/sub2/d", "5"}});
  const BundleId feeds = *BundleId::parse("feeds");
  LedgerCatalog catalog(*site.ledger, *site.store, tenant());
  const auto file = catalog.data(feeds, "data/a");
  REQUIRE(file);
  CHECK_FALSE(file->folder);
  CHECK(file->tree.at(0).sha256 == Digest::of("1"));
  const auto folder = catalog.data(feeds, "data/sub");
  REQUIRE(folder);
  CHECK(folder->folder);
  CHECK(paths(*folder) == std::vector<std::string>{"b", "deep/c"});
  CHECK(catalog.data(feeds, "data/s").error().code == Code::kSpecUnknownInput);
  CHECK(catalog.data(*BundleId::parse("feed"), "data/a").error().code == Code::kSpecUnknownInput);
  LedgerCatalog others(*site.ledger, *site.store, tenant("globex"));
  CHECK(others.data(feeds, "data/a").error().code == Code::kSpecUnknownInput);
}

TEST_CASE("an artifact of another tenant looks as if it were not there") {
  RunSite site;
  bring(site, "feeds", {{"data/a", "mine"}});
  CHECK(LedgerCatalog(*site.ledger, *site.store, tenant()).artifact(Digest::of("mine")));
  const auto theirs = LedgerCatalog(*site.ledger, *site.store, tenant("globex")).artifact(Digest::of("mine"));
  const auto nobodys = LedgerCatalog(*site.ledger, *site.store, tenant("globex")).artifact(Digest::of("nobody has this"));
  REQUIRE_FALSE(theirs);
  REQUIRE_FALSE(nobodys);
  CHECK(theirs.error().code == nobodys.error().code);
}

TEST_CASE("a DAG is the one of the version named, else of the highest, by SemVer and not by spelling") {
  RunSite site;
  const auto none = load_dag(*site.ledger, tenant(), "work");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Code::kNotFound);
  CHECK_THAT(none.error().context, Catch::Contains("no bundle with a DAG"));
  for (const char* version : {"1.9.0", "1.10.0", "1.10.0-rc.1"}) site.import(dag(version));
  CHECK(load_dag(*site.ledger, tenant(), "work")->version.str() == "1.10.0");
  CHECK(load_dag(*site.ledger, tenant(), "work@1.9.0")->version.str() == "1.9.0");
  CHECK(load_dag(*site.ledger, tenant(), "work@1.11.0").error().code == Code::kNotFound);
  const auto misspelt = load_dag(*site.ledger, tenant(), "worc");
  REQUIRE_FALSE(misspelt);
  CHECK_THAT(misspelt.error().context, Catch::Contains("did you mean \"work\"?"));
  CHECK(load_dag(*site.ledger, tenant("globex"), "work").error().code == Code::kNotFound);
}

}  // namespace
