#include <algorithm>
#include <unordered_map>

#include "base/path.h"
#include "manifests/dag_graph.h"
#include "manifests/dag_links.h"
#include "manifests/document_schema.h"
#include "runner/plan.h"

namespace airlock::runner {
namespace {

using namespace std::string_literals;
using manifests::BundleInput;
using manifests::DagSpec;
using manifests::InputRef;
using manifests::ItemRef;
using manifests::Literal;
using manifests::OutputRef;
using manifests::StepOutputInput;
using manifests::StepSpec;

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : canonical_json(value);
}

Result<Json> resolve_parameters(const DagSpec& dag, const InputValues& values) {
  for (const auto& [name, value] : values)
    if (std::ranges::find(dag.inputs, name, &manifests::InputSpec::name) == dag.inputs.end()) {
      std::vector<std::string> names;
      for (const auto& input : dag.inputs) names.push_back(input.name);
      const auto near = nearest(name, names);
      return fail(Code::kSpecUnknownInput, "input " + name + " of " + dag.id.str() + (near ? ", did you mean \"" + *near + "\"?" : ""));
    }
  Json out = Json::object();
  for (const manifests::InputSpec& input : dag.inputs) {
    const std::string what = "input " + input.name;
    const auto given = values.find(input.name);
    if (given == values.end()) {
      if (!input.fallback) return fail(Code::kSpecInputValue, what + ": not given, and it has no default");
      out[input.name] = *input.fallback;
      continue;
    }
    const auto* const text = std::get_if<std::string>(&given->second);
    Json value = text != nullptr ? TRY(manifests::coerce_value(input.schema, *text, what)) : std::get<Json>(given->second);
    TRY(manifests::check_value(input.schema, value, what));
    out[input.name] = std::move(value);
  }
  return out;
}

// The items of one forEach; nullopt for a step without.
Result<std::optional<std::vector<std::string>>> items_of(const StepSpec& step, const Json& parameters) {
  if (!step.for_each) return std::optional<std::vector<std::string>>();
  if (const auto* list = std::get_if<std::vector<std::string>>(&step.for_each->items)) return std::optional(*list);
  const std::string& name = std::get<std::string>(step.for_each->items);
  const Json& value = parameters.at(name);
  std::vector<std::string> out;
  for (const Json& item : value) {
    if (item.is_structured() || item.is_null())
      return fail(Code::kSpecInputValue, "input " + name + ": step " + step.id.str() + " fans out over it, so its items must be text, numbers or booleans");
    out.push_back(as_text(item));
  }
  if (out.size() > manifests::kMaxSteps)
    return fail(Code::kSpecInputValue, "input " + name + ": step " + step.id.str() + " fans out over " + std::to_string(out.size()) +
                                           " items, at most " + std::to_string(manifests::kMaxSteps));
  return std::optional(std::move(out));
}

Resources resources_of(const manifests::ResourceSpec& asked, const manifests::ResourceSpec& ceiling) {
  const auto pick = [](const auto& want, const auto& most, auto standard) {
    if (want) return *want;
    return most && *most < standard ? *most : standard;
  };
  const Resources d;
  return {pick(asked.memory_bytes, ceiling.memory_bytes, d.memory_bytes), pick(asked.cpu_milli, ceiling.cpu_milli, d.cpu_milli),
          pick(asked.pids, ceiling.pids, d.pids), pick(asked.disk_bytes, ceiling.disk_bytes, d.disk_bytes),
          pick(asked.timeout, ceiling.timeout, d.timeout)};
}

// A ceiling that a plugin does not state is the default: whoever wants more says so in plugin.json.
manifests::PluginDescriptor with_ceilings(manifests::PluginDescriptor plugin) {
  const Resources d;
  manifests::ResourceSpec& c = plugin.ceilings;
  c.memory_bytes = c.memory_bytes.value_or(d.memory_bytes);
  c.cpu_milli = c.cpu_milli.value_or(d.cpu_milli);
  c.pids = c.pids.value_or(d.pids);
  c.disk_bytes = c.disk_bytes.value_or(d.disk_bytes);
  c.timeout = c.timeout.value_or(d.timeout);
  return plugin;
}

struct KnownPlugin {
  std::size_t index;
  manifests::PluginDescriptor descriptor;
};

class Planner {
 public:
  Planner(const DagSpec& dag, Json parameters, Catalog& catalog) : dag_(dag), parameters_(std::move(parameters)), catalog_(catalog) {}

  Result<Planned> run() {
    TRY(refuse_unsupported());
    TRY(load_plugins());
    TRY(order_steps());
    for (const auto& [spec, item] : expanded_) TRY(add_step(dag_.steps[spec], item));
    Json inputs = {{"parameters", std::move(parameters_)}, {"content", std::move(content_)}};
    return Planned{Plan{dag_.id, dag_.version, manifests::dag_digest(dag_), std::move(inputs), dag_.max_parallel,
                        dag_.continue_on_error, std::move(planned_plugins_), std::move(steps_), std::move(groups_)},
                   std::move(trees_)};
  }

 private:
  struct Instance {
    std::size_t spec;
    std::optional<std::size_t> item;
  };

  Result<void> refuse_unsupported() const {
    for (std::size_t i = 0; i < dag_.steps.size(); ++i) {
      const StepSpec& step = dag_.steps[i];
      if (step.approval)
        return fail(Code::kSpecUnsupported, "spec.steps[" + std::to_string(i) + "].approval: step " + step.id.str() + " asks for an approval");
    }
    return {};
  }

  Result<void> load_plugins() {
    for (const manifests::PluginRef& ref : manifests::plugin_refs(dag_)) {
      PluginInfo info = TRY(catalog_.plugin(ref));
      const std::string who = "plugin " + ref.str();
      if (!info.descriptor.secrets.empty()) return fail(Code::kSpecUnsupported, who + ": secrets");
      const Digest tree = tree_digest(info.tree);
      planned_plugins_.push_back({ref, tree, info.descriptor.entrypoint, info.descriptor.interpreter, info.descriptor.rootfs,
                                  std::nullopt, info.descriptor.deterministic});
      if (info.descriptor.rootfs == manifests::RootfsKind::kOciLayout) {
        if (!info.image) return fail(Code::kSpecUnknownInput, who + ": rootfs " + info.descriptor.rootfs_path);
        planned_plugins_.back().image = tree_digest(*info.image);
        trees_.emplace(*planned_plugins_.back().image, std::move(*info.image));
      }
      trees_.emplace(tree, std::move(info.tree));
      plugins_.emplace(ref.str(), KnownPlugin{planned_plugins_.size() - 1, with_ceilings(std::move(info.descriptor))});
    }
    for (const StepSpec& step : dag_.steps) TRY(manifests::check_step(step, plugins_.at(step.plugin->str()).descriptor));
    return {};
  }

  // Expands forEach and puts all instances in the one order; also fills groups_.
  Result<void> order_steps() {
    manifests::Graph graph;
    std::unordered_map<StepId, manifests::Graph::Node> exit;  // of a written step: itself, or the join of its fan
    std::vector<std::vector<manifests::Graph::Node>> nodes(dag_.steps.size());
    std::vector<Instance> instance_of;
    for (std::size_t i = 0; i < dag_.steps.size(); ++i) {
      const StepSpec& step = dag_.steps[i];
      const auto items = TRY(items_of(step, parameters_));
      if (items && instance_of.size() + items->size() > manifests::kMaxPlanSteps)
        return fail(Code::kSpecInvalid, "the plan has more than " + std::to_string(manifests::kMaxPlanSteps) + " steps");
      for (std::size_t k = 0; k < (items ? items->size() : 1); ++k) {
        nodes[i].push_back(graph.add(items ? step.id.str() + "[" + std::to_string(k) + "]" : step.id.str()));
        instance_of.push_back({i, items ? std::optional(k) : std::nullopt});
      }
      if (items) {
        items_.emplace(step.id, *items);
        const auto join = graph.add(step.id.str(), true);
        instance_of.push_back({i, std::nullopt});
        for (const auto n : nodes[i]) graph.add_edge(n, join);
        exit.emplace(step.id, join);
        groups_.push_back({step.id, {}});
      } else {
        exit.emplace(step.id, nodes[i][0]);
      }
      links_.push_back(TRY(manifests::links_of(step, "step " + step.id.str())));
    }
    std::ranges::sort(groups_, {}, &PlannedGroup::id);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      group_of_.emplace(groups_[g].id, g);
      groups_[g].members.resize(items_.at(groups_[g].id).size());
    }
    for (std::size_t i = 0; i < dag_.steps.size(); ++i)
      for (const manifests::Link& link : links_[i])
        for (const auto n : nodes[i]) graph.add_edge(exit.at(link.step), n);
    const auto order = TRY(graph.order());
    for (std::size_t at = 0; at < order.size(); ++at) {
      const Instance& instance = instance_of[order[at]];
      const StepId& id = dag_.steps[instance.spec].id;
      if (instance.item) groups_[group_of_.at(id)].members[*instance.item] = at;
      else step_of_.emplace(id, at);
      expanded_.emplace_back(instance.spec, instance.item);
    }
    return {};
  }

  Result<std::string> substitute(const StepSpec& step, const std::string& text, const std::optional<std::string>& item,
                                 std::map<std::string, manifests::InputSource>& inputs) {
    std::string out;
    for (const manifests::TextPart& part : TRY(manifests::parse_text(text, step.for_each ? &*step.for_each : nullptr, "step " + step.id.str()))) {
      if (const auto* literal = std::get_if<Literal>(&part)) out += literal->text;
      if (const auto* input = std::get_if<InputRef>(&part)) out += as_text(parameters_.at(input->name));
      if (std::holds_alternative<ItemRef>(part)) out += item.value_or("");
      if (const auto* output = std::get_if<OutputRef>(&part)) out += mount_of(*output, inputs);
    }
    if (out.contains('\0')) return fail(Code::kSpecInputValue, "step " + step.id.str() + ": a value with a NUL in an argument or variable");
    return out;
  }

  // The path below /in of one output of a step, adding an input for it if the step takes it by no other name.
  std::string mount_of(const OutputRef& output, std::map<std::string, manifests::InputSource>& inputs) const {
    for (const auto& [name, source] : inputs) {
      const auto* taken = std::get_if<StepOutputInput>(&source);
      if (taken == nullptr || taken->step != output.step) continue;
      if (!taken->path && !group_of_.contains(taken->step)) return "/in/" + name + "/" + output.path;
      if (taken->path == output.path) return "/in/" + name;
    }
    std::string name = "steps." + output.step.str() + "." + output.path;
    std::ranges::replace(name, '/', '.');
    while (inputs.contains(name)) name += '_';  // a/b and a.b of the same step
    inputs.emplace(name, StepOutputInput{output.step, output.path});
    return "/in/" + name;
  }

  Pinned pin(Content content) {
    if (!content.folder) return {false, content.tree.front().executable, content.tree.front().sha256};
    const Digest digest = tree_digest(content.tree);
    trees_.emplace(digest, std::move(content.tree));
    return {true, false, digest};
  }

  Result<PlannedInput> plan_input(const StepSpec& step, const std::string& name, const manifests::InputSource& source) {
    const std::string where = "step " + step.id.str() + ", input " + name;
    if (const auto* taken = std::get_if<StepOutputInput>(&source)) {
      if (taken->path)
        if (auto ok = safe_path(*taken->path); !ok) return fail(Code::kSpecInputValue, where + ": " + ok.error().context);
      if (const auto group = group_of_.find(taken->step); group != group_of_.end())
        return PlannedInput{name, FromGroup{group->second, taken->path}};
      return PlannedInput{name, FromStep{step_of_.at(taken->step), taken->path}};
    }
    Content content;
    std::string label;
    if (const auto* bundle = std::get_if<BundleInput>(&source)) {
      if (auto ok = safe_path(bundle->path); !ok) return fail(Code::kSpecInputValue, where + ": " + ok.error().context);
      label = "bundle:" + bundle->bundle.str() + ":" + bundle->path;
      auto found = catalog_.data(bundle->bundle, bundle->path);
      if (!found) return fail(found.error().code, where + ": " + found.error().context);
      content = std::move(*found);
    } else {
      const Digest& sha256 = std::get<manifests::ArtifactInput>(source).sha256;
      label = "artifact:" + sha256.prefixed();
      auto found = catalog_.artifact(sha256);
      if (!found) return fail(found.error().code, where + ": " + found.error().context);
      content = std::move(*found);
    }
    const Pinned pinned = pin(std::move(content));
    content_[label] = (pinned.folder ? "tree:" : "file:") + pinned.sha256.hex();
    return PlannedInput{name, pinned};
  }

  Result<void> add_step(const StepSpec& step, const std::optional<std::size_t>& k) {
    std::optional<std::string> item;
    if (k) item = items_.at(step.id)[*k];
    const KnownPlugin& plugin = plugins_.at(step.plugin->str());
    PlannedStep out{TRY(StepId::parse(k ? step.id.str() + "[" + std::to_string(*k) + "]" : step.id.str())), plugin.index, {}, {}, {},
                    step.outputs, resources_of(step.resources, plugin.descriptor.ceilings), step.network, step.retry, {}, manifests::wants_failure(step)};
    std::ranges::sort(out.network);
    out.network.erase(std::ranges::unique(out.network).begin(), out.network.end());
    auto inputs = step.inputs;
    for (auto& [name, source] : inputs) {  // a path holds no output reference (dag_check), so nothing is added here
      if (auto* bundle = std::get_if<BundleInput>(&source)) bundle->path = TRY(substitute(step, bundle->path, item, inputs));
      if (auto* taken = std::get_if<StepOutputInput>(&source); taken != nullptr && taken->path)
        taken->path = TRY(substitute(step, *taken->path, item, inputs));
    }
    for (const std::string& arg : step.args) out.args.push_back(TRY(substitute(step, arg, item, inputs)));
    for (const auto& [name, value] : step.env) out.env.emplace(name, TRY(substitute(step, value, item, inputs)));
    for (const auto& [name, source] : inputs) out.inputs.push_back(TRY(plan_input(step, name, source)));
    const auto spec = static_cast<std::size_t>(&step - dag_.steps.data());
    for (const manifests::Link& link : links_[spec]) {
      const auto group = group_of_.find(link.step);
      out.dependencies.push_back(group != group_of_.end() ? Dependency{true, group->second, link.is}
                                                          : Dependency{false, step_of_.at(link.step), link.is});
    }
    steps_.push_back(std::move(out));
    return {};
  }

  const DagSpec& dag_;
  Json parameters_;
  Catalog& catalog_;
  Json content_ = Json::object();  // what every piece of data was when the plan was made
  std::map<std::string, KnownPlugin> plugins_;
  std::vector<PlannedPlugin> planned_plugins_;
  std::map<Digest, Tree> trees_;
  std::map<StepId, std::vector<std::string>> items_;
  std::vector<std::vector<manifests::Link>> links_;
  std::unordered_map<StepId, std::size_t> group_of_, step_of_;
  std::vector<std::pair<std::size_t, std::optional<std::size_t>>> expanded_;
  std::vector<PlannedStep> steps_;
  std::vector<PlannedGroup> groups_;
};

}  // namespace

Result<Planned> make_plan(const DagSpec& dag, const InputValues& values, const TenantId& tenant, Catalog& catalog) {
  if (dag.tenant && *dag.tenant != tenant)
    return fail(Code::kTenantMismatch, "DAG " + dag.id.str() + " is for tenant " + dag.tenant->str() + ", not " + tenant.str());
  return Planner(dag, TRY(resolve_parameters(dag, values)), catalog).run();
}

}  // namespace airlock::runner
