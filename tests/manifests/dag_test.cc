#include <catch2/catch.hpp>

#include "dag_specs.h"
#include "manifests/dag.h"
#include "manifests/dag_links.h"

using namespace airlock;
using namespace airlock::manifests;

namespace {

Result<DagSpec> parse(const std::string& yaml) {
  auto document = load_authored(yaml, "dag.yaml");
  if (!document) return fail(document.error());
  return parse_dag(*document);
}

}  // namespace

TEST_CASE("a DAG with every field of the format is read as written") {
  const auto got = parse(test::kFullDag);
  if (!got) FAIL(got.error().context);
  const DagSpec& dag = *got;
  CHECK(dag.id.str() == "advisory-refresh");
  CHECK(dag.version.str() == "2.3.0");
  CHECK(dag.labels.at("team") == "psirt");
  CHECK(dag.max_parallel == 4);
  CHECK(dag.inputs.size() == 2);
  CHECK(dag.inputs[0].fallback == Json("medium"));
  REQUIRE(dag.steps.size() == 6);
  const StepSpec& first = dag.steps[0];
  CHECK(first.plugin->str() == "osv-normalise@1.4.0");
  CHECK(first.args == std::vector<std::string>{"--min", "${inputs.severity}"});
  CHECK(first.env.at("TZ") == "UTC");
  CHECK(std::get<BundleInput>(first.inputs.at("feed")).path == "data/osv");
  CHECK(std::get<ArtifactInput>(first.inputs.at("extra")).sha256 == Digest::of_empty());
  CHECK(first.outputs.at(0).media_type == "application/x-ndjson");
  CHECK(first.resources.memory_bytes == 256 * kMiB);
  CHECK(first.resources.cpu_milli == 1500);
  CHECK(first.resources.pids == 64);
  CHECK(first.resources.disk_bytes == kGiB);
  CHECK(first.resources.timeout == Millis(300'000));
  CHECK(first.network == std::vector<std::string>{"tcp:10.2.0.5:443"});
  CHECK(first.retry.max_attempts == 3);
  CHECK(first.retry.cap == Millis(300'000));
  CHECK(dag.steps[1].approval->approvers == 2);
  CHECK(dag.steps[1].approval->expires == std::chrono::hours(72));
  CHECK(dag.steps[2].for_each->as == "source");
  CHECK(std::get<std::string>(dag.steps[2].for_each->items) == "sources");
  CHECK(dag.steps[4].when->step->str() == "fan");
  CHECK(dag.steps[4].when->is == Condition::kFailed);
  CHECK(dag.steps[5].when->is == Condition::kAlways);
  CHECK_FALSE(dag.steps[5].when->step);
}

TEST_CASE("the canonical DAG does not depend on key order, comments or notation") {
  const auto a = parse(test::kSmallDag), b = parse(test::kSmallDagAsJson);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(write_dag(*a) == write_dag(*b));
  CHECK(dag_digest(*a) == dag_digest(*b));
  const auto again = parse_dag(*parse_json(write_dag(*a), "canonical"));
  REQUIRE(again);
  CHECK(dag_digest(*again) == dag_digest(*a));
}

TEST_CASE("every bad DAG is refused with its code, its place and a useful word") {
  for (const test::BadDag& c : test::kBadDags) {
    INFO(c.name);
    const auto got = parse(test::edit(c));
    REQUIRE_FALSE(got);
    INFO(got.error().context);
    CHECK(code_info(got.error().code).text == code_info(c.code).text);
    CHECK(got.error().context.starts_with("dag.yaml, line "));
    CHECK(got.error().context.find(c.says) != std::string::npos);
  }
}

TEST_CASE("the place of a refusal is the line and column of what is wrong") {
  const auto at = [](const char* from, const char* to) {
    const auto got = parse(test::replaced(test::kSmallDag, from, to));
    REQUIRE_FALSE(got);
    return got.error().context.substr(0, got.error().context.find(": "));
  };
  CHECK(at("args:", "arguments:") == "dag.yaml, line 12 column 7");
  CHECK(at("needs: [a]", "needs: [zz]") == "dag.yaml, line 14 column 7");
  CHECK(at("maxParallel: 2", "maxParallel: two") == "dag.yaml, line 8 column 3");
  CHECK(at("version: 1.0.0", "version: 1.0") == "dag.yaml, line 4 column 23");
}

TEST_CASE("good variations of a DAG are accepted") {
  for (const test::GoodDag& c : test::kGoodDags) {
    INFO(c.name);
    const auto got = parse(test::replaced(test::kSmallDag, c.from, c.to));
    if (!got) FAIL(got.error().context);
  }
}

TEST_CASE("a circle is printed from its smallest step, along the arrows of the data") {
  std::string yaml = test::kHead;
  yaml += "  steps:\n";
  for (const char* s : {"z: [y]", "y: [x]", "x: [z]", "m: [x]"})
    yaml += "    - {id: " + std::string(1, s[0]) + ", plugin: p@1.0.0, needs: " + std::string(s + 3) + "}\n";
  const auto got = parse(yaml);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Code::kSpecCycle);
  CHECK(got.error().context.find("x -> y -> z -> x") != std::string::npos);
}

TEST_CASE("a chain of ten thousand steps is read, one more step is refused") {
  const auto chain = [](std::size_t n) {
    Json steps = Json::array();
    for (std::size_t i = 0; i < n; ++i) {
      Json step = {{"id", "s" + std::to_string(i)}, {"plugin", "p@1.0.0"}};
      if (i > 0) step["needs"] = {"s" + std::to_string(i - 1)};
      steps.push_back(step);
    }
    return Json{{"apiVersion", "airlock/v1"}, {"kind", "Dag"}, {"metadata", {{"id", "big"}, {"version", "1.0.0"}}}, {"spec", {{"steps", steps}}}};
  };
  CHECK(parse_dag(chain(10'000)));
  CHECK(parse_dag(chain(10'001)).error().code == Code::kSpecInvalid);
}

TEST_CASE("what a DAG refers to is listed once, sorted") {
  const auto dag = parse(test::kFullDag);
  REQUIRE(dag);
  std::vector<std::string> plugins;
  for (const PluginRef& ref : plugin_refs(*dag)) plugins.push_back(ref.str());
  CHECK(plugins == std::vector<std::string>{"fetch@1.0.0", "notify@0.1.0", "osv-normalise@1.4.0"});
  REQUIRE(bundle_refs(*dag).size() == 1);
  CHECK(bundle_refs(*dag)[0].str() == "acme-offline-kit");
}

TEST_CASE("text is split into literals and substitutions, and nothing else is a substitution") {
  const ForEachSpec each{std::vector<std::string>{}, "source"};
  const auto parts = parse_text("a${inputs.x}b${item}${source}c${steps.s.t.outputs.d/e.json}$HOME ${inputs.y}", &each, "p");
  REQUIRE(parts);
  REQUIRE(parts->size() == 9);
  CHECK(std::get<InputRef>((*parts)[1]).name == "x");
  CHECK(std::holds_alternative<ItemRef>((*parts)[3]));
  CHECK(std::holds_alternative<ItemRef>((*parts)[4]));
  CHECK(std::get<OutputRef>((*parts)[6]).step.str() == "s.t");
  CHECK(std::get<OutputRef>((*parts)[6]).path == "d/e.json");
  CHECK(std::get<Literal>((*parts)[7]).text == "$HOME ");
  CHECK(parse_text("", nullptr, "p")->empty());
  for (const char* bad : {"${", "${}", "${inputs.x", "${inputs.}", "${inputs. x}", "${env.HOME}", "${steps.a.status}", "${steps.a.outputs}",
                          "${steps..outputs.x}", "${steps.a[0].outputs.x}", "${1+1}", "${inputs.x:-y}", "${source}", "${item}", "$${", "${${inputs.x}}"}) {
    INFO(bad);
    const auto got = parse_text(bad, nullptr, "here");
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kSpecInvalid);
    CHECK(got.error().context.starts_with("here: "));
  }
}
