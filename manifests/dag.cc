#include "manifests/dag.h"

#include <algorithm>
#include <set>

#include "manifests/dag_parse.h"
#include "manifests/document_schema.h"

namespace airlock::manifests {
namespace {

Result<void> expect_word(ObjectReader& reader, std::string_view key, std::string_view word) {
  const std::string text = TRY(reader.string(key));
  if (text == word) return {};
  return fail(Code::kSpecInvalid, reader.path_of(key) + ": \"" + text.substr(0, 80) + "\", expected " + std::string(word));
}

Result<std::map<std::string, std::string>> parse_labels(const Json* value, const std::string& path) {
  std::map<std::string, std::string> out;
  if (value == nullptr) return out;
  for (const auto& [key, item] : value->items()) {
    if (!item.is_string()) return fail(Code::kField, path + "." + key + ": expected a string; put it in quotes");
    out.emplace(key, item.get<std::string>());
  }
  return out;
}

Result<DagSpec> parse_metadata(const Json& value, const Json& document) {
  ObjectReader reader = TRY(ObjectReader::of(value, "metadata"));
  auto version = SemVer::parse(TRY(reader.string("version")));
  if (!version) return fail(version.error().code, "metadata.version: " + version.error().context);
  DagSpec dag{TRY(reader.id<DagId>("id")), std::move(*version), {}, {}, {}, {}, {}, false, {}, document};
  dag.description = TRY(reader.string_or("description", ""));
  dag.labels = TRY(parse_labels(TRY(reader.object_or_null("labels")), "metadata.labels"));
  if (reader.any_or_null("tenant") != nullptr) dag.tenant = TRY(reader.id<TenantId>("tenant"));
  TRY(reader.finish());
  return dag;
}

Result<std::vector<InputSpec>> parse_inputs(const Json* value) {
  std::vector<InputSpec> out;
  if (value == nullptr) return out;
  for (const auto& [name, schema] : value->items()) {  // nlohmann's objects are sorted by key
    const std::string path = "spec.inputs." + name;
    if (!valid_input_name(name)) return fail(Code::kSpecInvalid, path + ": a name of an input is [A-Za-z0-9_][A-Za-z0-9._-]{0,63}");
    TRY(check_input_schema(schema, path));
    InputSpec input{name, schema, std::nullopt};
    if (const auto it = schema.find("default"); it != schema.end()) {
      TRY(check_value(schema, *it, path + ".default"));
      input.fallback = *it;
    }
    out.push_back(std::move(input));
  }
  return out;
}

}  // namespace

Result<DagSpec> parse_dag(const Json& document) {
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  TRY(expect_word(reader, "apiVersion", "airlock/v1"));
  TRY(expect_word(reader, "kind", "Dag"));
  DagSpec dag = TRY(parse_metadata(*TRY(reader.object("metadata")), document));
  ObjectReader spec = TRY(ObjectReader::of(*TRY(reader.object("spec")), "spec"));
  TRY(reader.finish());
  dag.inputs = TRY(parse_inputs(TRY(spec.object_or_null("inputs"))));
  if (spec.any_or_null("maxParallel") != nullptr) {
    dag.max_parallel = TRY(spec.uint("maxParallel"));
    if (*dag.max_parallel < 1 || *dag.max_parallel > 1024) return fail(Code::kField, "spec.maxParallel: expected 1 to 1024");
  }
  dag.continue_on_error = TRY(spec.boolean_or("continueOnError", false));
  const Json& steps = *TRY(spec.array("steps"));
  TRY(spec.finish());
  if (steps.empty()) return fail(Code::kSpecInvalid, "spec.steps: empty");
  if (steps.size() > kMaxSteps) return fail(Code::kSpecInvalid, "spec.steps: more than " + std::to_string(kMaxSteps));
  for (std::size_t i = 0; i < steps.size(); ++i)
    dag.steps.push_back(TRY(parse_step(steps[i], "spec.steps[" + std::to_string(i) + "]")));
  TRY(check_steps(dag));
  return dag;
}

Result<DagSpec> parse_dag(const Document& document) {
  auto dag = parse_dag(document.value);
  if (!dag) return fail(document.located(std::move(dag.error())));
  return dag;
}

std::string write_dag(const DagSpec& dag) { return canonical_json(dag.document); }

Digest dag_digest(const DagSpec& dag) { return Digest::of(write_dag(dag)); }

std::vector<PluginRef> plugin_refs(const DagSpec& dag) {
  std::map<std::string, PluginRef> refs;
  for (const StepSpec& step : dag.steps)
    if (step.plugin) refs.emplace(step.plugin->str(), *step.plugin);
  std::vector<PluginRef> out;
  for (auto& [text, ref] : refs) out.push_back(std::move(ref));
  return out;
}

std::vector<BundleId> bundle_refs(const DagSpec& dag) {
  std::set<BundleId> refs;
  for (const StepSpec& step : dag.steps)
    for (const auto& [name, source] : step.inputs)
      if (const auto* bundle = std::get_if<BundleInput>(&source)) refs.insert(bundle->bundle);
  return {refs.begin(), refs.end()};
}

}  // namespace airlock::manifests
