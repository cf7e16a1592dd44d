#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/path.h"
#include "manifests/dag_graph.h"
#include "manifests/dag_links.h"
#include "manifests/dag_parse.h"

namespace airlock::manifests {
namespace {

using Index = std::unordered_map<StepId, std::size_t>;

std::string step_path(std::size_t i) { return "spec.steps[" + std::to_string(i) + "]"; }

std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
  const auto near = nearest(word, names);
  return near ? ", did you mean \"" + *near + "\"?" : "";
}

class Checker {
 public:
  explicit Checker(const DagSpec& dag) : dag_(dag) {}
  Result<void> run() {
    TRY(index_ids());
    for (std::size_t i = 0; i < dag_.steps.size(); ++i) {
      links_.push_back(TRY(links_of(dag_.steps[i], step_path(i))));
      TRY(check_links(i));
      TRY(check_texts(i));
      TRY(check_taken_outputs(i));
    }
    order_ = TRY(check_order());
    return check_reachable();
  }

 private:
  Result<void> index_ids() {
    for (std::size_t i = 0; i < dag_.steps.size(); ++i) {
      const auto [it, fresh] = index_.emplace(dag_.steps[i].id, i);
      if (!fresh)
        return fail(Code::kSpecDuplicateStep, step_path(i) + ".id: " + dag_.steps[i].id.str() + " is also the id of " + step_path(it->second));
    }
    return {};
  }

  Result<void> check_links(std::size_t i) const {
    for (const Link& link : links_[i]) {
      if (index_.contains(link.step)) continue;
      std::vector<std::string> ids;
      for (const StepSpec& s : dag_.steps) ids.push_back(s.id.str());
      return fail(Code::kSpecUnknownStep, step_path(i) + ": step " + dag_.steps[i].id.str() + " refers to step \"" +
                                              link.step.str() + "\", which does not exist" + suggestion(link.step.str(), ids));
    }
    return {};
  }

  const InputSpec* find_input(const std::string& name) const {
    const auto it = std::ranges::find(dag_.inputs, name, &InputSpec::name);
    return it == dag_.inputs.end() ? nullptr : &*it;
  }

  Result<void> check_input_ref(const std::string& name, const std::string& path) const {
    if (find_input(name) != nullptr) return {};
    std::vector<std::string> names;
    for (const InputSpec& input : dag_.inputs) names.push_back(input.name);
    return fail(Code::kSpecUnknownInput, path + ": ${inputs." + name + "} is not declared under spec.inputs" + suggestion(name, names));
  }

  Result<void> check_texts(std::size_t i) const {
    const StepSpec& step = dag_.steps[i];
    for (const StepText& text : texts_of(step, step_path(i)))
      for (const TextPart& part : TRY(parse_text(*text.text, step.for_each ? &*step.for_each : nullptr, text.path))) {
        if (const auto* input = std::get_if<InputRef>(&part)) TRY(check_input_ref(input->name, text.path));
        if (const auto* output = std::get_if<OutputRef>(&part)) {
          if (text.path.starts_with(step_path(i) + ".inputs."))
            return fail(Code::kSpecInvalid, text.path + ": a path of data cannot depend on where a step's output is mounted");
          TRY(check_output(output->step, output->path, text.path));
        }
      }
    if (!step.for_each) return {};
    if (const auto* name = std::get_if<std::string>(&step.for_each->items)) {
      TRY(check_input_ref(*name, step_path(i) + ".forEach.items"));
      if (find_input(*name)->schema.value("type", Json()) != "array")
        return fail(Code::kSpecInvalid, step_path(i) + ".forEach.items: input " + *name + " is not of type array");
    }
    return {};
  }

  // What is taken from a step must be an output that it promises, or lie inside one.
  Result<void> check_output(const StepId& id, const std::string& path, const std::string& where) const {
    const StepSpec& from = dag_.steps[index_.at(id)];
    if (auto ok = safe_path(path); !ok) return fail(Code::kSpecInvalid, where + ": " + ok.error().context);
    std::vector<std::string> declared;
    for (const OutputSpec& output : from.outputs) {
      if (path == output.path || path.starts_with(output.path + "/")) return {};
      declared.push_back(output.path);
    }
    return fail(Code::kSpecUnknownInput, where + ": " + path + " is not a declared output of step " + id.str() + suggestion(path, declared));
  }

  Result<void> check_taken_outputs(std::size_t i) const {
    for (const auto& [name, source] : dag_.steps[i].inputs) {
      const auto* taken = std::get_if<StepOutputInput>(&source);
      if (taken == nullptr) continue;
      const std::string where = step_path(i) + ".inputs." + name;
      if (dag_.steps[index_.at(taken->step)].approval)
        return fail(Code::kSpecUnknownInput, where + ": step " + taken->step.str() + " is an approval and has no outputs");
      if (taken->path && !taken->path->contains("${")) TRY(check_output(taken->step, *taken->path, where + ".path"));
    }
    return {};
  }

  Result<std::vector<Graph::Node>> check_order() const {
    Graph graph;
    for (const StepSpec& step : dag_.steps) graph.add(step.id.str());
    for (std::size_t i = 0; i < dag_.steps.size(); ++i)
      for (const Link& link : links_[i])
        graph.add_edge(static_cast<Graph::Node>(index_.at(link.step)), static_cast<Graph::Node>(i));
    auto order = graph.order();
    if (order) return order;
    const std::string first = order.error().context.substr(0, order.error().context.find(" -> "));
    for (std::size_t i = 0; i < dag_.steps.size(); ++i)
      if (dag_.steps[i].id.str() == first) return fail(order.error().code, step_path(i) + ": " + order.error().context);
    return order;
  }

  // A step can never run if running it would need some step both to succeed and to fail. `must[i]` holds what has to
  // be true for step i to run: (failed step, did it fail), for the steps whose failure somebody waits for.
  Result<void> check_reachable() const {
    std::set<std::size_t> watched;
    for (const auto& links : links_)
      for (const Link& link : links)
        if (link.is == Condition::kFailed) watched.insert(index_.at(link.step));
    std::vector<std::set<std::pair<std::size_t, bool>>> must(watched.empty() ? 0 : dag_.steps.size());
    for (const Graph::Node i : order_) {
      const StepSpec& step = dag_.steps[i];
      if (wants_failure(step) && std::ranges::none_of(links_[i], [](const Link& l) { return !l.data; }))
        return fail(Code::kSpecUnreachable, step_path(i) + ".when: step " + step.id.str() +
                                                " runs when a step it needs fails, and needs none but for data");
      if (must.empty()) continue;
      for (const Link& link : links_[i]) {
        const std::size_t other = index_.at(link.step);
        if (link.data && link.is == Condition::kFailed)
          return unreachable(i, link.step);
        if (link.is == Condition::kAlways) continue;
        must[i].insert(must[other].begin(), must[other].end());
        if (watched.contains(other)) must[i].emplace(other, link.is == Condition::kFailed);
      }
      for (const auto& [other, failed] : must[i])
        if (failed && must[i].contains({other, false})) return unreachable(i, dag_.steps[other].id);
    }
    return {};
  }
  std::unexpected<Error> unreachable(std::size_t i, const StepId& other) const {
    return fail(Code::kSpecUnreachable, step_path(i) + ": step " + dag_.steps[i].id.str() + " needs step " +
                                            other.str() + " both to succeed and to fail");
  }

  const DagSpec& dag_;
  Index index_;
  std::vector<std::vector<Link>> links_;
  std::vector<Graph::Node> order_;
};

}  // namespace

Result<void> check_steps(const DagSpec& dag) { return Checker(dag).run(); }

Result<void> check_step(const StepSpec& step, const PluginDescriptor& plugin) {
  const std::string who = "step " + step.id.str() + ", plugin " + plugin.ref().str();
  for (const auto& [name, source] : step.inputs) {
    std::vector<std::string> names;
    for (const PluginInput& input : plugin.inputs) names.push_back(input.name);
    if (!names.empty() && std::ranges::find(names, name) == names.end())
      return fail(Code::kSpecUnknownInput, who + ": the plugin takes no input \"" + name + "\"" + suggestion(name, names));
  }
  for (const PluginInput& input : plugin.inputs)
    if (input.required && !step.inputs.contains(input.name))
      return fail(Code::kSpecUnknownInput, who + ": the plugin needs input \"" + input.name + "\"");
  for (const std::string& endpoint : step.network)
    if (std::ranges::find(plugin.network, endpoint) == plugin.network.end())
      return fail(Code::kSpecCeiling, who + ": endpoint " + endpoint + " is not within the plugin's network ceiling");
  const auto within = [&](std::string_view what, const auto& asked, const auto& ceiling, auto show) -> Result<void> {
    if (!asked || !ceiling || *asked <= *ceiling) return {};
    return fail(Code::kSpecCeiling, who + ": resources." + std::string(what) + " " + show(*asked) + ", at most " + show(*ceiling));
  };
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  TRY(within("memory", step.resources.memory_bytes, plugin.ceilings.memory_bytes, number));
  TRY(within("cpu", step.resources.cpu_milli, plugin.ceilings.cpu_milli,
             [](std::uint64_t n) { return canonical_number(static_cast<double>(n) / 1000); }));
  TRY(within("pids", step.resources.pids, plugin.ceilings.pids, number));
  TRY(within("disk", step.resources.disk_bytes, plugin.ceilings.disk_bytes, number));
  return within("timeout", step.resources.timeout, plugin.ceilings.timeout, [](Millis d) { return format_duration(d); });
}

}  // namespace airlock::manifests
