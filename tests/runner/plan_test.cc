#include <catch2/catch.hpp>

#include <algorithm>

#include "base/io.h"
#include "plans.h"
#include "runner/catalog.h"
#include "runner/plan.h"

using namespace airlock;
using namespace airlock::runner;
using test::FakeCatalog;
using namespace std::string_literals;

namespace {

const TenantId kAcme = *TenantId::parse("acme");

const std::string kMatch = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: match, version: 1.0.0}
spec:
  inputs:
    boms: {type: array, items: {type: string}, default: [one.json, two.json]}
    level: {type: string, enum: [low, high], default: low}
    count: {type: integer, minimum: 1, default: 3}
  steps:
    - id: index
      plugin: index@1.0.0
      args: ["--level", "${inputs.level}", "--n=${inputs.count}", "${inputs.boms}"]
      inputs: {osv: {bundle: kit, path: data/osv}}
      outputs: [{path: index.json}, {path: parts}]
    - id: match
      forEach: {items: "${inputs.boms}", as: bom}
      plugin: match@1.0.0
      args: ["${bom}", "${item}", "${steps.index.outputs.index.json}", "${steps.index.outputs.parts/a}"]
      env: {BOM: "<${bom}>"}
      inputs: {index: {step: index, path: index.json}, bom: {bundle: kit, path: "data/boms/${item}"}}
      outputs: [{path: match.json}]
    - id: report
      plugin: report@1.0.0
      args: ["${steps.match.outputs.match.json}"]
      inputs: {matches: {step: match, path: match.json}, all: {step: match}, osv: {bundle: kit, path: data/osv}}
      resources: {memory: 100MiB, cpu: 0.25}
)";

FakeCatalog kit() {
  FakeCatalog c;
  c.add_plugin("index@1.0.0", {{"resources", {{"memory", "64MiB"}, {"timeout", "10m"}}}});
  c.add_plugin("match@1.0.0");
  c.add_plugin("report@1.0.0", {{"deterministic", false}, {"rootfs", "host-ro"}});
  c.add_folder("kit:data/osv", {{"a.json", "a"}, {"sub/b.json", "b"}});
  c.add_file("kit:data/boms/one.json", "one");
  c.add_file("kit:data/boms/two.json", "two");
  return c;
}

manifests::DagSpec dag_of(const std::string& yaml) {
  const auto document = manifests::load_authored(yaml, "dag.yaml");
  if (!document) FAIL(document.error().context);
  auto dag = manifests::parse_dag(*document);
  if (!dag) FAIL(dag.error().context);
  return std::move(*dag);
}

Result<Planned> plan(const std::string& yaml, const InputValues& values = {}, FakeCatalog catalog = kit()) {
  return make_plan(dag_of(yaml), values, kAcme, catalog);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string ids(const Plan& p) {
  std::string out;
  for (const PlannedStep& s : p.steps) out += (out.empty() ? "" : " ") + s.id.str();
  return out;
}

std::vector<ResolvedInput> some_inputs() { return {{"x", {true, false, Digest::of("tree")}}, {"y", {false, true, Digest::of("file")}}}; }

}  // namespace

TEST_CASE("a plan has every step in order, expanded, substituted and pinned") {
  const auto got = plan(kMatch);
  if (!got) FAIL(got.error().context);
  const Plan& p = got->plan;
  CHECK(ids(p) == "index match[0] match[1] report");
  CHECK(p.steps[0].args == std::vector<std::string>{"--level", "low", "--n=3", "[\"one.json\",\"two.json\"]"});
  CHECK(p.steps[1].args == std::vector<std::string>{"one.json", "one.json", "/in/index", "/in/steps.index.parts.a"});
  CHECK(p.steps[2].env.at("BOM") == "<two.json>");
  CHECK(p.steps[3].args == std::vector<std::string>{"/in/matches"});

  REQUIRE(p.steps[1].inputs.size() == 3);
  CHECK(std::get<Pinned>(p.steps[1].inputs[0].source) == Pinned{false, false, Digest::of("one")});
  CHECK(std::get<FromStep>(p.steps[1].inputs[1].source).step == 0);
  CHECK(p.steps[1].inputs[2].name == "steps.index.parts.a");
  CHECK(std::get<FromStep>(p.steps[1].inputs[2].source).path == "parts/a");
  REQUIRE(p.groups.size() == 1);
  CHECK(p.groups[0].members == std::vector<std::size_t>{1, 2});
  CHECK(std::get<FromGroup>(p.steps[3].inputs[1].source).path == "match.json");
  CHECK_FALSE(std::get<FromGroup>(p.steps[3].inputs[0].source).path);
  CHECK(p.steps[3].dependencies == std::vector<Dependency>{{true, 0, manifests::Condition::kSucceeded}});
  CHECK(p.steps[2].dependencies == std::vector<Dependency>{{false, 0, manifests::Condition::kSucceeded}});

  const Pinned osv = std::get<Pinned>(p.steps[0].inputs[0].source);
  CHECK(osv.folder);
  REQUIRE(got->trees.contains(osv.sha256));
  CHECK(tree_digest(got->trees.at(osv.sha256)) == osv.sha256);
  for (const PlannedPlugin& plugin : p.plugins) CHECK(got->trees.contains(plugin.tree));
  CHECK(p.plugins[2].rootfs == manifests::RootfsKind::kHostReadOnly);
  CHECK_FALSE(p.plugins[2].deterministic);
}

TEST_CASE("resources are the step's, else the plugin's ceiling or the default, whichever is less") {
  const Plan p = plan(kMatch)->plan;
  CHECK(p.steps[0].resources == Resources{64 * kMiB, 1000, 64, kGiB, Millis(300'000)});
  CHECK(p.steps[1].resources == Resources{});
  CHECK(p.steps[3].resources == Resources{100 * kMiB, 250, 64, kGiB, Millis(300'000)});
}

TEST_CASE("the plan hash changes with whatever changes the plan, and with nothing else") {
  const Digest base = plan_hash(plan(kMatch)->plan);
  CHECK(plan_hash(plan(kMatch + "# a comment\n")->plan) == base);
  CHECK(plan_hash(plan(kMatch, {{"level", "low"s}})->plan) == base);  // the default, said aloud
  CHECK(plan_hash(plan(kMatch, {{"level", "high"s}})->plan) != base);
  CHECK(plan_hash(plan(replaced(kMatch, "100MiB", "101MiB"))->plan) != base);
  FakeCatalog other = kit();
  other.add_file("kit:data/boms/two.json", "2");
  CHECK(plan_hash(plan(kMatch, {}, other)->plan) != base);
  CHECK(inputs_hash(plan(kMatch, {}, other)->plan) != inputs_hash(plan(kMatch)->plan));
  FakeCatalog newer = kit();
  newer.plugins.at("match@1.0.0").tree[0].sha256 = Digest::of("another build");
  CHECK(plan_hash(plan(kMatch, {}, newer)->plan) != base);
  CHECK(inputs_hash(plan(kMatch, {}, newer)->plan) == inputs_hash(plan(kMatch)->plan));
}

TEST_CASE("a plan is read back as it was written, and an edited one is refused") {
  const Plan p = plan(kMatch)->plan;
  const std::string text = write_plan(p);
  const auto again = read_plan(text);
  if (!again) FAIL(again.error().context);
  CHECK(write_plan(*again) == text);
  CHECK(plan_hash(*again) == plan_hash(p));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"pids\":64", "\"pids\":65,\"x\":1"}, {"\"network\":[]", "\"network\":[\"tcp:1.2.3.4:65536\"]"}, {"\"network\":[]", "\"network\":[\"tcp:HOST:5\"]"}, {"\"plugin\":0", "\"plugin\":9"},
           {"\"step\":0", "\"step\":77"}, {"{\"apiVersion\"", "{ \"apiVersion\""}, {"\"kind\":\"Plan\"", "\"kind\":\"Dag\""}}) {
    INFO(from);
    const auto bad = read_plan(replaced(text, from, to));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == Code::kPlanMismatch);
  }
  for (std::size_t n = 0; n < text.size(); n += 97) CHECK_FALSE(read_plan(text.substr(0, n)));
}

TEST_CASE("endpoints are part of the plan and of the step's hash") {
  FakeCatalog open = kit();
  open.plugins.at("report@1.0.0").descriptor.network = {"tcp:10.2.0.5:443", "tcp:mirror.site:80"};
  const auto with = [&](const char* list) {
    const auto made = plan(replaced(kMatch, "resources: {memory: 100MiB, cpu: 0.25}", std::string("network: {allow: [") + list + "]}"), {}, open);
    if (!made) FAIL(made.error().context);
    return made->plan;
  };
  const Plan both = with("\"tcp:Mirror.site:80\", \"tcp:10.2.0.5:443\", \"tcp:mirror.SITE:80\""), one = with("\"tcp:10.2.0.5:443\""), none = with("");
  const auto step = static_cast<std::size_t>(std::ranges::find_if(both.steps, [](const PlannedStep& s) { return !s.network.empty(); }) - both.steps.begin());
  REQUIRE(step < both.steps.size());
  CHECK(both.steps[step].network == std::vector<std::string>{"tcp:10.2.0.5:443", "tcp:mirror.site:80"});
  CHECK(write_plan(*read_plan(write_plan(both))) == write_plan(both));
  const Digest profile = Digest::of("profile");
  CHECK(step_hash(both, step, {}, profile) != step_hash(one, step, {}, profile));
  CHECK(step_hash(one, step, {}, profile) != step_hash(none, step, {}, profile));
}

TEST_CASE("everything that cannot run is refused when it is planned") {
  struct Case {
    const char* name;
    const char* from;
    const char* to;
    Code code;
    const char* says;
  };
  const Case cases[] = {
      {"unknown plugin", "match@1.0.0", "match@1.0.1", Code::kSpecUnknownPlugin, "match@1.0.1"},
      {"unknown data", "path: data/osv}}\n", "path: data/ovs}}\n", Code::kSpecUnknownInput, "step index, input osv"},
      {"unknown bundle", "{bundle: kit, path: \"data", "{bundle: kit2, path: \"data", Code::kSpecUnknownInput, "kit2"},
      {"endpoint", "resources: {memory: 100MiB, cpu: 0.25}", "network: {allow: [\"tcp:h:1\"]}", Code::kSpecCeiling, "tcp:h:1"},
      {"over the default ceiling", "memory: 100MiB", "memory: 257MiB", Code::kSpecCeiling, "step report"},
      {"over the stated ceiling", "outputs: [{path: index.json}", "resources: {memory: 65MiB}\n      outputs: [{path: index.json}", Code::kSpecCeiling, "step index"},
      {"approval", "    - id: report\n", "    - {id: gate, approval: {}, needs: [match]}\n    - id: report\n", Code::kSpecUnsupported, "approval"},
      {"path that leaves the bundle", "default: [one.json, two.json]", "default: [\"../x\"]", Code::kSpecInputValue, "step match"},
      {"other tenant", "{id: match, version: 1.0.0}", "{id: match, version: 1.0.0, tenant: globex}", Code::kTenantMismatch, "globex"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto got = plan(replaced(kMatch, c.from, c.to));
    REQUIRE_FALSE(got);
    INFO(got.error().context);
    CHECK(code_info(got.error().code).text == code_info(c.code).text);
    CHECK(got.error().context.find(c.says) != std::string::npos);
  }
  FakeCatalog secret = kit();
  secret.add_plugin("s@1.0.0", {{"secrets", {"db"}}});
  CHECK(plan(replaced(kMatch, "report@1.0.0", "s@1.0.0"), {}, secret).error().code == Code::kSpecUnsupported);
  secret.add_plugin("o@1.0.0", {{"rootfs", "images/debian"}});
  CHECK(plan(replaced(kMatch, "report@1.0.0", "o@1.0.0"), {}, secret).error().code == Code::kSpecUnknownInput);
}

TEST_CASE("an image that is a plugin's root file system is pinned, and part of every hash") {
  const auto with_image = [](const std::string& bytes) {
    FakeCatalog c = kit();
    c.add_plugin("o@1.0.0", {{"rootfs", "images/debian"}, {"interpreter", "bin/sh"}});
    c.plugins.at("o@1.0.0").image = Tree{{"index.json", Digest::of(bytes), 5, false}, {"oci-layout", Digest::of("mark"), 5, false}};
    return plan(replaced(kMatch, "report@1.0.0", "o@1.0.0"), {}, c);
  };
  const auto one = with_image("one"), again = with_image("one"), two = with_image("two");
  REQUIRE(one);
  REQUIRE(two);
  const PlannedPlugin& plugin = one->plan.plugins[2];
  CHECK(plugin.rootfs == manifests::RootfsKind::kOciLayout);
  REQUIRE(plugin.image);
  REQUIRE(one->trees.contains(*plugin.image));
  CHECK(tree_digest(one->trees.at(*plugin.image)) == *plugin.image);
  CHECK(plan_hash(one->plan) == plan_hash(again->plan));
  CHECK(plan_hash(one->plan) != plan_hash(two->plan));
  const Digest profile = Digest::of("profile");
  CHECK(step_hash(one->plan, 3, some_inputs(), profile) == step_hash(again->plan, 3, some_inputs(), profile));
  CHECK(step_hash(one->plan, 3, some_inputs(), profile) != step_hash(two->plan, 3, some_inputs(), profile));
  CHECK(step_hash(one->plan, 0, some_inputs(), profile) == step_hash(two->plan, 0, some_inputs(), profile));  // runs without it
  const std::string text = write_plan(one->plan);
  const auto back = read_plan(text);
  REQUIRE(back);
  CHECK(back->plugins[2].image == plugin.image);
  CHECK(write_plan(*back) == text);
  const std::string image = "\"image\":\"" + plugin.image->hex() + "\",";
  for (const std::string& other : {replaced(text, image, ""), replaced(text, "\"rootfs\":\"image\"", "\"rootfs\":\"host-ro\""),
                                   replaced(text, "\"rootfs\":\"image\"", "\"rootfs\":\"other\"")})
    CHECK(read_plan(other).error().code == Code::kPlanMismatch);
}

TEST_CASE("input values are checked against what the DAG declares") {
  struct Case {
    const char* name;
    InputValues values;
    Code code;
    const char* says;
  };
  const Case cases[] = {
      {"not in the enum", {{"level", "medium"s}}, Code::kSpecInputValue, "input level"},
      {"not a number", {{"count", "three"s}}, Code::kSpecInputValue, "input count"},
      {"too small", {{"count", "0"s}}, Code::kSpecInputValue, "input count"},
      {"too small, as JSON", {{"count", Json(0u)}}, Code::kSpecInputValue, "input count"},
      {"not an array", {{"boms", "one.json"s}}, Code::kSpecInputValue, "input boms"},
      {"array of the wrong thing", {{"boms", "[1]"s}}, Code::kSpecInputValue, "input boms"},
      {"unknown", {{"levell", "low"s}}, Code::kSpecUnknownInput, "did you mean \"level\"?"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto got = plan(kMatch, c.values);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == c.code);
    CHECK(got.error().context.find(c.says) != std::string::npos);
  }
  CHECK(ids(plan(kMatch, {{"boms", "[\"two.json\"]"s}, {"count", "7"s}})->plan) == "index match[0] report");
  CHECK(plan(replaced(kMatch, "enum: [low, high], default: low", "enum: [low, high]")).error().code == Code::kSpecInputValue);
}

TEST_CASE("fanning out over nothing leaves an empty group that its dependants pass") {
  const auto got = plan(kMatch, {{"boms", "[]"s}});
  REQUIRE(got);
  CHECK(ids(got->plan) == "index report");
  CHECK(got->plan.groups[0].members.empty());
}

TEST_CASE("the items of a wide fan are ordered byte by byte, and its group keeps item order") {
  std::string items;
  for (int i = 0; i < 12; ++i) items += (i > 0 ? ", i" : "i") + std::to_string(i);
  const Plan p = plan(test::fan_over(items))->plan;
  CHECK(ids(p) == "f[0] f[10] f[11] f[1] f[2] f[3] f[4] f[5] f[6] f[7] f[8] f[9] a");
  CHECK(p.steps[p.groups[0].members[10]].args[0] == "i10");
}

TEST_CASE("ten thousand items are planned, one more is refused, and ten thousand dependants share one group") {
  Json items = Json::array();
  for (int i = 0; i < 10'000; ++i) items.push_back("x" + std::to_string(i));
  const std::string yaml = replaced(replaced(replaced(kMatch, "path: \"data/boms/${item}\"", "path: data/boms/one.json"), "[one.json, two.json]", "[x]"), "  steps:",
                                    "  steps:\n    - {id: second, plugin: match@1.0.0, needs: [match], forEach: {items: \"${inputs.boms}\"}}");
  FakeCatalog catalog = kit();
  const auto got = plan(yaml, {{"boms", items}}, catalog);
  if (!got) FAIL(got.error().context);
  CHECK(got->plan.steps.size() == 20'002);
  std::size_t edges = 0;
  for (const PlannedStep& s : got->plan.steps) edges += s.dependencies.size();
  CHECK(edges == 20'001);
  items.push_back("one more");
  CHECK(plan(yaml, {{"boms", items}}, catalog).error().code == Code::kSpecInputValue);
}

TEST_CASE("the step hash follows what can change the result, and nothing else") {
  const Plan base = plan(kMatch)->plan;
  const Digest profile = Digest::of("profile");
  const auto inputs = some_inputs();
  const Digest want = step_hash(base, 1, inputs, profile);
  const auto differs = [&](auto edit) {
    Plan p = base;
    edit(p);
    return step_hash(p, 1, inputs, profile) != want;
  };
  CHECK(differs([](Plan& p) { p.plugins[p.steps[1].plugin].tree = Digest::of("x"); }));
  CHECK(differs([](Plan& p) { p.plugins[p.steps[1].plugin].entrypoint = "bin/other"; }));
  CHECK(differs([](Plan& p) { p.plugins[p.steps[1].plugin].interpreter = "usr/bin/python3"; }));
  CHECK(differs([](Plan& p) { p.plugins[p.steps[1].plugin].rootfs = manifests::RootfsKind::kHostReadOnly; }));
  CHECK(differs([](Plan& p) { p.steps[1].args.push_back(""); }));
  CHECK(differs([](Plan& p) { p.steps[1].env["A"] = "b"; }));
  CHECK(differs([](Plan& p) { p.steps[1].outputs.clear(); }));
  CHECK(differs([](Plan& p) { p.steps[1].resources.memory_bytes += 1; }));
  CHECK(differs([](Plan& p) { p.steps[1].resources.timeout += Millis(1); }));
  CHECK(step_hash(base, 1, inputs, Digest::of("other profile")) != want);
  CHECK(step_hash(base, 1, {inputs[0]}, profile) != want);
  auto renamed = inputs;
  renamed[0].name = "z";
  CHECK(step_hash(base, 1, renamed, profile) != want);
  auto executable = inputs;
  executable[1].content.executable = false;
  CHECK(step_hash(base, 1, executable, profile) != want);

  CHECK_FALSE(differs([](Plan& p) { p.steps[1].id = *StepId::parse("renamed"); }));
  CHECK_FALSE(differs([](Plan& p) { p.steps[1].retry.max_attempts = 9; }));
  CHECK_FALSE(differs([](Plan& p) { p.steps[1].dependencies.clear(); }));
  CHECK_FALSE(differs([](Plan& p) { p.dag_digest = Digest::of("other"); }));
  CHECK_FALSE(differs([](Plan& p) { p.max_parallel = 1; }));
}

TEST_CASE("step hashes do not move between versions without anybody saying so") {
  // If this fails, every cached result of every site is lost: say so in the notes of the version.
  const Plan p = plan(kMatch)->plan;
  CHECK(step_hash(p, 1, some_inputs(), Digest::of("profile")).hex() == test::kPinnedStepHash);
  CHECK(plan_hash(p).hex() == test::kPinnedPlanHash);
}

TEST_CASE("WfCommons workflows plan in exactly the order their index states") {
  const std::string folder = std::string(AIRLOCK_SOURCE_DIR) + "/fixtures/vectors/workflows/";
  const Json index = *parse_json(*read_file(folder + "index.json", kMiB), "index");
  FakeCatalog catalog;
  catalog.add_plugin("task@1.0.0");
  for (const Json& c : index["cases"]) {
    INFO(c["id"]);
    const Json workflow = *parse_json(*read_file(folder + c["files"]["workflow"]["path"].get<std::string>(), 16 * kMiB), "workflow");
    Json steps = Json::array();
    for (const Json& task : workflow["workflow"]["specification"]["tasks"])
      steps.push_back({{"id", task["id"]}, {"plugin", "task@1.0.0"}, {"needs", task["parents"]}, {"args", {task["name"]}}});
    const auto dag = manifests::parse_dag(
        Json{{"apiVersion", "airlock/v1"}, {"kind", "Dag"}, {"metadata", {{"id", c["id"]}, {"version", "1.0.0"}}}, {"spec", {{"steps", steps}}}});
    if (!dag) FAIL(dag.error().context);
    const auto got = make_plan(*dag, {}, kAcme, catalog);
    REQUIRE(got);
    std::string lines;
    std::size_t edges = 0;
    for (const PlannedStep& s : got->plan.steps) {
      lines += s.id.str() + "\n";
      edges += s.dependencies.size();
    }
    CHECK(got->plan.steps.size() == c["facts"]["tasks"]);
    CHECK(edges == c["facts"]["edges"]);
    CHECK(Digest::of(lines).hex() == c["facts"]["order_sha256"]);
  }
}

TEST_CASE("a tree's listing hashes to its digest and is read back") {
  const Tree tree = {{"a", Digest::of("1"), 1, false}, {"b/c d", Digest::of("2"), 1, true}};
  CHECK(Digest::of(tree_listing(tree)) == tree_digest(tree));
  const auto again = parse_tree_listing(tree_listing(tree));
  REQUIRE(again);
  CHECK(tree_digest(*again) == tree_digest(tree));
  CHECK((*again)[1].executable);
  CHECK(parse_tree_listing("")->empty());
  const std::string listing = tree_listing(tree);
  for (const std::string& bad : {listing.substr(1), listing.substr(0, listing.size() - 1), listing + listing, "600" + listing.substr(3),
                                 replaced(listing, "b/c d", "../c"), replaced(listing, "  a", " a"), replaced(listing, "6b86", "6B86")}) {
    INFO(bad);
    CHECK_FALSE(parse_tree_listing(bad));
  }
}
