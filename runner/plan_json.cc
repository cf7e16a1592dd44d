#include "manifests/endpoint.h"
#include "runner/plan.h"

namespace airlock::runner {
namespace {

using manifests::Condition;
using manifests::RootfsKind;

std::string_view condition_name(Condition c) {
  switch (c) {
    case Condition::kSucceeded: return "succeeded";
    case Condition::kFailed: return "failed";
    case Condition::kAlways: return "always";
  }
  std::unreachable();
}

Result<Condition> parse_condition(std::string_view text) {
  for (const Condition c : {Condition::kSucceeded, Condition::kFailed, Condition::kAlways})
    if (condition_name(c) == text) return c;
  return fail(Code::kField, "condition \"" + std::string(text.substr(0, 40)) + "\"");
}

Json pinned_json(const Pinned& p) {
  if (p.folder) return {{"tree", p.sha256.hex()}};
  return {{"file", p.sha256.hex()}, {"executable", p.executable}};
}

Json outputs_json(const std::vector<manifests::OutputSpec>& outputs) {
  Json out = Json::array();
  for (const auto& o : outputs) out.push_back({{"path", o.path}, {"mediaType", o.media_type}});
  return out;
}

Json resources_json(const Resources& r) {
  return {{"memory", r.memory_bytes}, {"cpuMilli", r.cpu_milli}, {"pids", r.pids}, {"disk", r.disk_bytes}, {"timeoutMs", r.timeout.count()}};
}

Json input_json(const PlannedInput& input) {
  Json out;
  if (const auto* pinned = std::get_if<Pinned>(&input.source)) {
    out = pinned_json(*pinned);
  } else if (const auto* step = std::get_if<FromStep>(&input.source)) {
    out["step"] = step->step;
    if (step->path) out["path"] = *step->path;
  } else {
    const auto& group = std::get<FromGroup>(input.source);
    out["group"] = group.group;
    if (group.path) out["path"] = *group.path;
  }
  out["name"] = input.name;
  return out;
}

std::string_view rootfs_name(RootfsKind kind) {
  switch (kind) {
    case RootfsKind::kNone: return "none";
    case RootfsKind::kHostReadOnly: return "host-ro";
    case RootfsKind::kOciLayout: return "image";
  }
  std::unreachable();
}

Result<RootfsKind> parse_rootfs(std::string_view text) {
  for (const RootfsKind kind : {RootfsKind::kNone, RootfsKind::kHostReadOnly, RootfsKind::kOciLayout})
    if (rootfs_name(kind) == text) return kind;
  return fail(Code::kField, "rootfs \"" + std::string(text.substr(0, 40)) + "\"");
}

Json plugin_json(const PlannedPlugin& p) {
  Json out = {{"name", p.ref.name.str()}, {"version", p.ref.version.str()}, {"tree", p.tree.hex()}, {"entrypoint", p.entrypoint},
              {"rootfs", rootfs_name(p.rootfs)}, {"deterministic", p.deterministic}};
  if (p.image) out["image"] = p.image->hex();
  if (p.interpreter) out["interpreter"] = *p.interpreter;
  return out;
}

Json network_json(const PlannedStep& step) {
  Json out = Json::array();
  for (const std::string& endpoint : step.network) out.push_back(endpoint);
  return out;
}

Json step_json(const PlannedStep& s) {
  Json out = {{"id", s.id.str()}, {"plugin", s.plugin}, {"args", s.args}, {"env", s.env}, {"inputs", Json::array()},
              {"outputs", outputs_json(s.outputs)}, {"resources", resources_json(s.resources)}, {"network", network_json(s)},
              {"retry", {{"maxAttempts", s.retry.max_attempts}, {"backoffMs", s.retry.backoff.count()}, {"factor", s.retry.factor}, {"capMs", s.retry.cap.count()}}},
              {"after", Json::array()}, {"wantsFailure", s.wants_failure}};
  for (const PlannedInput& input : s.inputs) out["inputs"].push_back(input_json(input));
  for (const Dependency& d : s.dependencies)
    out["after"].push_back({{d.group ? "group" : "step", d.index}, {"is", condition_name(d.is)}});
  return out;
}

Result<std::size_t> index_field(ObjectReader& reader, std::string_view key, std::size_t size) {
  const std::uint64_t i = TRY(reader.uint(key));
  if (i >= size) return fail(Code::kField, reader.path_of(key) + ": out of range");
  return static_cast<std::size_t>(i);
}

struct Sizes {
  std::size_t plugins, steps, groups;
};

Result<PlannedInput> read_input(const Json& value, const std::string& path, const Sizes& sizes) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  std::string name = TRY(r.string("name"));
  PlannedInput out{std::move(name), Pinned{false, false, Digest::of_empty()}};
  std::optional<std::string> inner;
  if (r.has("path")) inner = TRY(r.string("path"));
  if (r.has("tree")) {
    const Digest tree = TRY(r.digest("tree"));
    out.source = Pinned{true, false, tree};
  } else if (r.has("file")) {
    const bool executable = TRY(r.boolean_or("executable", false));
    const Digest file = TRY(r.digest("file"));
    out.source = Pinned{false, executable, file};
  } else if (r.has("step")) {
    out.source = FromStep{TRY(index_field(r, "step", sizes.steps)), inner};
  } else {
    out.source = FromGroup{TRY(index_field(r, "group", sizes.groups)), inner};
  }
  TRY(r.finish());
  return out;
}

Result<Dependency> read_dependency(const Json& value, const std::string& path, const Sizes& sizes) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  Dependency out;
  out.group = r.has("group");
  out.index = out.group ? TRY(index_field(r, "group", sizes.groups)) : TRY(index_field(r, "step", sizes.steps));
  out.is = TRY(parse_condition(TRY(r.string("is"))));
  TRY(r.finish());
  return out;
}

Result<Resources> read_resources(const Json& value, const std::string& path) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  const auto memory = TRY(r.uint("memory")), cpu_milli = TRY(r.uint("cpuMilli")), pids = TRY(r.uint("pids"));
  const auto disk = TRY(r.uint("disk")), timeout = TRY(r.uint("timeoutMs"));
  const Resources out{memory, cpu_milli, pids, disk, Millis(static_cast<std::int64_t>(timeout))};
  TRY(r.finish());
  return out;
}

Result<manifests::RetrySpec> read_retry(const Json& value, const std::string& path) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  const auto attempts = TRY(r.uint("maxAttempts")), backoff = TRY(r.uint("backoffMs")), cap = TRY(r.uint("capMs"));
  const double factor = TRY(r.number_or("factor", 2));
  const manifests::RetrySpec out{attempts, Millis(static_cast<std::int64_t>(backoff)), factor, Millis(static_cast<std::int64_t>(cap))};
  TRY(r.finish());
  return out;
}

Result<PlannedStep> read_step(const Json& value, const std::string& path, const Sizes& sizes) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  auto id = TRY(r.id<StepId>("id"));
  auto plugin = TRY(index_field(r, "plugin", sizes.plugins));
  auto args = TRY(r.strings_or_empty("args"));
  PlannedStep out{std::move(id), std::move(plugin), std::move(args), {}, {}, {}, {}, {}, {}, {}, false};
  for (const auto& [name, item] : TRY(r.object("env"))->items()) {
    if (!item.is_string()) return fail(Code::kField, r.path_of("env"));
    out.env.emplace(name, item.get<std::string>());
  }
  for (const Json& item : *TRY(r.array("inputs"))) out.inputs.push_back(TRY(read_input(item, r.path_of("inputs"), sizes)));
  out.outputs = TRY(manifests::OutputSpec::parse_list(TRY(r.array("outputs")), r.path_of("outputs")));
  out.resources = TRY(read_resources(*TRY(r.object("resources")), r.path_of("resources")));
  out.retry = TRY(read_retry(*TRY(r.object("retry")), r.path_of("retry")));
  for (const std::string& text : TRY(r.strings_or_empty("network")))
    out.network.push_back(TRY(manifests::Endpoint::parse(text, r.path_of("network"))).text());
  for (const Json& item : *TRY(r.array("after"))) out.dependencies.push_back(TRY(read_dependency(item, r.path_of("after"), sizes)));
  out.wants_failure = TRY(r.boolean_or("wantsFailure", false));
  TRY(r.finish());
  return out;
}

Result<PlannedPlugin> read_plugin(const Json& value, const std::string& path) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  auto name = TRY(r.id<PluginName>("name"));
  auto version = TRY(SemVer::parse(TRY(r.string("version"))));
  const auto tree = TRY(r.digest("tree"));
  auto entrypoint = TRY(r.string("entrypoint"));
  const auto rootfs = TRY(parse_rootfs(TRY(r.string("rootfs"))));
  const auto deterministic = TRY(r.boolean_or("deterministic", false));
  PlannedPlugin out{{std::move(name), std::move(version)}, tree, std::move(entrypoint),
                    std::nullopt, rootfs, std::nullopt, deterministic};
  if (rootfs == RootfsKind::kOciLayout) out.image = TRY(r.digest("image"));
  if (r.has("interpreter")) out.interpreter = TRY(r.string("interpreter"));
  TRY(r.finish());
  return out;
}

Result<PlannedGroup> read_group(const Json& value, const std::string& path, const Sizes& sizes) {
  ObjectReader r = TRY(ObjectReader::of(value, path));
  PlannedGroup out{TRY(r.id<StepId>("id")), {}};
  for (const Json& member : *TRY(r.array("members"))) {
    if (!member.is_number_unsigned() || member.get<std::uint64_t>() >= sizes.steps) return fail(Code::kField, r.path_of("members"));
    out.members.push_back(member.get<std::size_t>());
  }
  TRY(r.finish());
  return out;
}

Result<Plan> read_document(const Json& document) {
  ObjectReader r = TRY(ObjectReader::of(document, "plan"));
  if (TRY(r.string("apiVersion")) != "airlock/v1" || TRY(r.string("kind")) != "Plan") return fail(Code::kField, "plan.kind");
  ObjectReader dag = TRY(ObjectReader::of(*TRY(r.object("dag")), "plan.dag"));
  auto id = TRY(dag.id<DagId>("id"));
  auto version = TRY(SemVer::parse(TRY(dag.string("version"))));
  const auto digest = TRY(dag.digest("digest"));
  auto inputs = TRY(r.object("inputs"));
  const auto continue_on_error = TRY(r.boolean_or("continueOnError", false));
  Plan out{std::move(id), std::move(version), digest, *std::move(inputs),
           std::nullopt, continue_on_error, {}, {}, {}};
  TRY(dag.finish());
  if (r.has("maxParallel")) out.max_parallel = TRY(r.uint("maxParallel"));
  const Json &plugins = *TRY(r.array("plugins")), &steps = *TRY(r.array("steps")), &groups = *TRY(r.array("groups"));
  TRY(r.finish());
  const Sizes sizes{plugins.size(), steps.size(), groups.size()};
  for (const Json& item : plugins) out.plugins.push_back(TRY(read_plugin(item, "plan.plugins")));
  for (const Json& item : steps) out.steps.push_back(TRY(read_step(item, "plan.steps", sizes)));
  for (const Json& item : groups) out.groups.push_back(TRY(read_group(item, "plan.groups", sizes)));
  return out;
}

}  // namespace

std::string write_plan(const Plan& plan) {
  Json out = {{"apiVersion", "airlock/v1"}, {"kind", "Plan"},
              {"dag", {{"id", plan.dag.str()}, {"version", plan.version.str()}, {"digest", plan.dag_digest.hex()}}},
              {"inputs", plan.inputs}, {"continueOnError", plan.continue_on_error},
              {"plugins", Json::array()}, {"steps", Json::array()}, {"groups", Json::array()}};
  if (plan.max_parallel) out["maxParallel"] = *plan.max_parallel;
  for (const PlannedPlugin& p : plan.plugins) out["plugins"].push_back(plugin_json(p));
  for (const PlannedStep& s : plan.steps) out["steps"].push_back(step_json(s));
  for (const PlannedGroup& g : plan.groups) out["groups"].push_back({{"id", g.id.str()}, {"members", g.members}});
  return canonical_json(out);
}

Result<Plan> read_plan(std::string_view text) {
  const auto document = parse_json(text, "plan");
  if (!document) return fail(Code::kPlanMismatch, document.error().context);
  auto plan = read_document(*document);
  if (!plan) return fail(Code::kPlanMismatch, plan.error().context);
  // What this version does not write as it was written is another version's plan.
  if (write_plan(*plan) != text) return fail(Code::kPlanMismatch, "plan of DAG " + plan->dag.str() + ": not in the form this version writes");
  return plan;
}

Digest plan_hash(const Plan& plan) { return Digest::of(write_plan(plan)); }
Digest inputs_hash(const Plan& plan) { return Digest::of(canonical_json(plan.inputs)); }

namespace {

Json resolved_json(const std::vector<ResolvedInput>& inputs) {
  Json out = Json::object();
  for (const ResolvedInput& input : inputs) out[input.name] = pinned_json(input.content);
  return out;
}

}  // namespace

Digest step_inputs_hash(const std::vector<ResolvedInput>& inputs) { return Digest::of(canonical_json(resolved_json(inputs))); }

Digest step_hash(const Plan& plan, std::size_t step, const std::vector<ResolvedInput>& inputs, const Digest& sandbox_profile) {
  const PlannedStep& s = plan.steps[step];
  const PlannedPlugin& p = plan.plugins[s.plugin];
  Json program = {{"tree", p.tree.hex()}, {"entrypoint", p.entrypoint}, {"rootfs", rootfs_name(p.rootfs)}};
  if (p.image) program["image"] = p.image->hex();
  if (p.interpreter) program["interpreter"] = *p.interpreter;
  const Json hashed = {{"v", 1}, {"plugin", program}, {"args", s.args}, {"env", s.env}, {"inputs", resolved_json(inputs)},
                       {"outputs", outputs_json(s.outputs)}, {"resources", resources_json(s.resources)}, {"network", network_json(s)},
                       {"sandboxProfile", sandbox_profile.hex()}};
  return Digest::of(canonical_json(hashed));
}

}  // namespace airlock::runner
