// Plugins whose root file system is an OCI image layout of their bundle: planned, provided, shared, and what goes wrong.
#include <catch2/catch.hpp>

#include <filesystem>
#include <mutex>

#include "../oci/support.h"
#include "base/io.h"
#include "bundle/image_store.h"
#include "ledger/catalog.h"
#include "manifests/document.h"
#include "run_site.h"
#include "runner/catalog.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSite;
using test::tenant;
using Members = std::map<std::string, std::string>;
using oci::test::layout_of;
using oci::test::tar_of;

namespace {

constexpr const char* kLayout = "data/images/base";

const std::string kDag = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: 1.0.0}
spec: {maxParallel: 2, steps: [
  {id: a, plugin: tool@1.0.0, args: [write, o.txt, hello], outputs: [{path: o.txt}]},
  {id: b, plugin: tool@1.0.0, args: [write, o.txt, other], outputs: [{path: o.txt}]}]}
)";

Members with_layout(const Members& layout, const std::string& rootfs = kLayout) {
  const Json descriptor = {{"name", "tool"}, {"version", "1.0.0"}, {"entrypoint", "bin/run"}, {"interpreter", "bin/sh"}, {"rootfs", rootfs}, {"deterministic", true}};
  Members out = {{"plugins/tool/1.0.0/plugin.json", canonical_json(descriptor)}, {"plugins/tool/1.0.0/bin/run", "echo"}, {"data/other", "x"}};
  for (const auto& [path, bytes] : layout) out[kLayout + ("/" + path)] = bytes;
  return out;
}

Members image(const std::string& content = "hello from the image") {
  return layout_of(std::vector<oci::test::Layer>{{{"bin/sh", content, '0', "", 0755}}});
}

void bring(RunSite& site, const std::string& bundle, const Members& members, std::uint64_t generation = 1, bool with_dag = true) {
  const auto dag = manifests::parse_dag(manifests::load_authored(kDag, "dag.yaml").value()).value();
  const std::string spec = manifests::write_dag(dag);
  std::vector<ledger::NewDag> dags;
  if (with_dag) dags.push_back({dag.id, dag.version.str(), spec, {}});
  std::vector<ledger::ItemRow> items;
  for (const auto& [path, bytes] : members) {
    REQUIRE(site.store->put(bytes));
    items.push_back({path, Digest::of(bytes), bytes.size(), path.ends_with("/bin/run"), ""});
  }
  const auto done = site.ledger->write(site.clock.now(), [&](ledger::Tx& tx) -> Result<void> {
    return ledger::record_import(tx, tenant(),
                                 {.bundle = *BundleId::parse(bundle), .generation = generation, .version = "1.0." + std::to_string(generation), .kind = "offline-kit",
                                  .manifest = bundle + std::to_string(generation), .items = ledger::items_from(items), .dags = dags, .activate = true,
                                  .verdict = {{"accepted", true}}},
                                 {"unix:tester"});
  });
  if (!done) FAIL(describe(done.error()));
}

Result<PluginInfo> tool(RunSite& site) { return LedgerCatalog(*site.ledger, *site.store, tenant()).plugin(*manifests::PluginRef::parse("tool@1.0.0")); }

// What a cell was given: the root's path and what the image's shell holds while the step runs.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> roots, shells;
};

class LookingCell : public Cell {
 public:
  LookingCell(std::unique_ptr<Cell> inner, Seen& seen) : inner_(std::move(inner)), seen_(seen) {}
  Result<sandbox::Finished> run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) override {
    const std::lock_guard turn(seen_.mutex);
    seen_.roots.push_back(spec.rootfs == sandbox::Rootfs::kImage ? spec.image : "none");
    seen_.shells.push_back(read_file(spec.image + "/bin/sh", kMiB).value_or(""));
    sandbox::StepSpec inner = spec;
    inner.argv.erase(inner.argv.begin());  // the interpreter
    return inner_->run(inner, cancel);
  }

 private:
  std::unique_ptr<Cell> inner_;
  Seen& seen_;
};

void look(RunSite& site, Seen& seen) {
  site.cells = [&seen, inner = site.cells]() -> Result<std::unique_ptr<Cell>> { return std::make_unique<LookingCell>(TRY(inner()), seen); };
  site.open();
}

}  // namespace

TEST_CASE("a plugin's image comes from the bundle that the plugin comes from") {
  RunSite site;
  bring(site, "kit", with_layout(image()));
  const auto found = tool(site);
  if (!found) FAIL(describe(found.error()));
  REQUIRE(found->image);
  CHECK(found->image->size() == image().size());
  CHECK(std::ranges::any_of(*found->image, [](const TreeEntry& e) { return e.path == "oci-layout"; }));
  bring(site, "twin", with_layout(image()), 1, false);
  CHECK(tool(site));  // the same in both
  bring(site, "rival", with_layout(image("another one")), 1, false);
  const auto torn = tool(site);
  REQUIRE_FALSE(torn);
  CHECK(torn.error().code == Code::kSpecUnknownPlugin);
  CHECK_THAT(torn.error().context, Catch::Contains("two active bundles"));
}

TEST_CASE("an image that is not there, or cannot be used, is refused when a run is planned") {
  Members lacks_layer = image(), two = image(), no_mark = image();
  for (auto it = lacks_layer.begin(); it != lacks_layer.end(); ++it)
    if (it->second.size() >= 2048) {
      lacks_layer.erase(it);
      break;
    }
  no_mark.erase("oci-layout");
  Json index = parse_json(two.at("index.json"), "index").value();
  const Members other = image("other");
  two.insert(other.begin(), other.end());
  index["manifests"].push_back(parse_json(other.at("index.json"), "index").value().at("manifests").at(0));
  two["index.json"] = index.dump();
  const Members arm = layout_of({.layers = {tar_of({{"a", "b"}})}, .architecture = "arm64"});
  struct Case {
    const char* name;
    Members members;
    Code code;
    const char* says;
  };
  const Case cases[] = {
      {"no such folder", with_layout({}), Code::kSpecUnknownInput, "holds no such folder"},
      {"another path", with_layout(image(), "data/images/bas"), Code::kSpecUnknownInput, "data/images/bas"},
      {"a file", with_layout({}, "data/other"), Code::kSpecUnknownInput, "data/other"},
      {"no layout", with_layout(no_mark), Code::kSpecUnsupported, "oci-layout"},
      {"a layer is missing", with_layout(lacks_layer), Code::kSpecUnsupported, "a part of the image is not there"},
      {"two images", with_layout(two), Code::kSpecUnsupported, "2 images for linux/amd64"},
      {"another platform", with_layout(arm), Code::kSpecUnsupported, "linux/arm64"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    RunSite site;
    bring(site, "kit", c.members);
    bring(site, "images", {{"data/images/bas/oci-layout", "of another bundle"}}, 1, false);
    const auto refused = site.run("work");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == c.code);
    CHECK_THAT(refused.error().context, Catch::Contains("plugin tool@1.0.0: rootfs data/") && Catch::Contains(c.says));
  }
}

TEST_CASE("steps of a run share one unpacked image, and a result is reused only with the same one") {
  RunSite site;
  Seen seen;
  look(site, seen);
  bring(site, "kit", with_layout(image()));
  const auto first = site.run("work");
  if (!first) FAIL(describe(first.error()));
  CHECK(to_text(first->run.state) == "succeeded");
  REQUIRE(seen.roots.size() == 2);
  CHECK(seen.roots[0] == seen.roots[1]);
  CHECK(seen.roots[0].starts_with(site.root + "/images/"));
  for (const std::string& shell : seen.shells) CHECK(shell == "hello from the image");
  CHECK(site.run("work")->counts.cached == 2);
  const auto replayed = site.replay(first->run.id);
  REQUIRE(replayed);
  CHECK(replayed->identical);
  bring(site, "kit", with_layout(image("a newer image")), 2);
  const auto second = site.run("work");
  REQUIRE(second);
  CHECK(second->counts.cached == 0);
  CHECK(seen.shells.back() == "a newer image");
  site.check_history();
}

TEST_CASE("an image that cannot be unpacked fails the step with a line that says so") {
  RunSite site;
  oci::test::LayoutParts parts{.layers = {tar_of({{"dev/sda", "", '4'}})}};
  bring(site, "kit", with_layout(layout_of(std::move(parts))));
  const auto run = site.run("work");
  REQUIRE(run);
  CHECK(to_text(run->run.state) == "failed");
  REQUIRE_FALSE(run->failures.empty());
  CHECK(run->failures[0].error.code == Code::kStepInput);
  CHECK_THAT(run->failures[0].error.context, Catch::StartsWith("rootfs: ") && Catch::Contains("dev/sda"));
  CHECK(std::filesystem::is_empty(site.root + "/images"));
}

TEST_CASE("a disk that is full while an image is unpacked stops the run, and a resume completes it") {
  RunSite site;
  bring(site, "kit", with_layout(image()));
  REQUIRE(site.store->materialize(tool(site)->tree));  // so that the image is what finds the disk full
  site.fs.full = true;
  const auto stopped = site.run("work");
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Code::kDiskFull);
  for (const auto& entry : std::filesystem::directory_iterator(site.root + "/images")) FAIL_CHECK(entry.path().string());
  site.fs.full = false;
  const auto runs = ledger::list_runs(*site.ledger, tenant());
  REQUIRE(runs);
  REQUIRE(runs->size() == 1);
  Seen seen;
  look(site, seen);
  const auto resumed = site.resume(runs->front().id);
  if (!resumed) FAIL(describe(resumed.error()));
  CHECK(to_text(resumed->run.state) == "succeeded");
  CHECK(seen.shells.size() == 2);
}
