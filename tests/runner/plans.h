// Plans made by hand for the scheduler's tests, and a catalog that holds what a test says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/plan.h"

namespace airlock::test {

struct Edge {
  std::size_t to;
  manifests::Condition is = manifests::Condition::kSucceeded;
};

inline runner::PlannedStep planned_step(const std::string& id) {
  return {*StepId::parse(id), 0, {}, {}, {}, {}, {}, {}, {}, {}, false};
}

inline runner::Plan empty_plan() {
  return {*DagId::parse("test"), *SemVer::parse("1.0.0"), Digest::of_empty(), Json::object(), std::nullopt, false, {}, {}, {}};
}

// Steps s0, s1 ... ; after[i] lists what step i depends on. Dependencies must point backwards.
inline runner::Plan plan_of(const std::vector<std::vector<Edge>>& after) {
  runner::Plan plan = empty_plan();
  for (std::size_t i = 0; i < after.size(); ++i) {
    plan.steps.push_back(planned_step("s" + std::to_string(i)));
    for (const Edge& e : after[i]) plan.steps.back().dependencies.push_back({false, e.to, e.is});
  }
  return plan;
}

// A fan over `items` and one step after it.
inline std::string fan_over(const std::string& items) {
  return "apiVersion: airlock/v1\nkind: Dag\nmetadata: {id: fan, version: 1.0.0}\nspec:\n  steps:\n"
         "    - {id: a, plugin: match@1.0.0, needs: [f]}\n"
         "    - {id: f, plugin: match@1.0.0, args: [\"${item}\"], forEach: {items: [" + items + "]}}\n";
}

inline constexpr std::string_view kPinnedStepHash = "d1f9094be411de788f3ee52d933199c5940936e17f111b4434d5cdfdb52c59af";
inline constexpr std::string_view kPinnedPlanHash = "9602daca617878aee8f5cc67bc41bae6f474963455256d0ff7424467d4d2d1ca";

class FakeCatalog : public runner::Catalog {
 public:
  std::map<std::string, runner::PluginInfo> plugins;   // by name@version
  std::map<std::string, runner::Content> contents;     // by "bundle:path"

  void add_plugin(const std::string& ref, Json extra = Json::object()) {
    const auto at = ref.find('@');
    Json doc = {{"name", ref.substr(0, at)}, {"version", ref.substr(at + 1)}, {"entrypoint", "bin/run"}, {"deterministic", true}};
    doc.update(extra);
    auto parsed = manifests::parse_plugin(doc);
    plugins.emplace(ref, runner::PluginInfo{*parsed, {{"bin/run", Digest::of(ref), 10, true}, {"plugin.json", Digest::of(canonical_json(doc)), 5, false}}});
  }
  void add_file(const std::string& bundle_path, const std::string& bytes) {
    contents[bundle_path] = {false, {{bundle_path.substr(bundle_path.rfind('/') + 1), Digest::of(bytes), bytes.size(), false}}};
  }
  void add_folder(const std::string& bundle_path, const std::map<std::string, std::string>& files) {
    runner::Content content{true, {}};
    for (const auto& [path, bytes] : files) content.tree.push_back({path, Digest::of(bytes), bytes.size(), false});
    contents[bundle_path] = std::move(content);
  }

  Result<runner::PluginInfo> plugin(const manifests::PluginRef& ref) override {
    const auto it = plugins.find(ref.str());
    if (it == plugins.end()) return fail(Code::kSpecUnknownPlugin, ref.str());
    return it->second;
  }
  Result<runner::Content> data(const BundleId& bundle, const std::string& path) override {
    const auto it = contents.find(bundle.str() + ":" + path);
    if (it == contents.end()) return fail(Code::kSpecUnknownInput, bundle.str() + ":" + path);
    return it->second;
  }
  Result<runner::Content> artifact(const Digest& sha256) override {
    const auto it = contents.find(sha256.hex());
    if (it == contents.end()) return fail(Code::kSpecUnknownInput, sha256.hex());
    return it->second;
  }
};

}  // namespace airlock::test
