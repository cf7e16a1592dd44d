#include <map>
#include <memory>
#include <set>

#include "base/io.h"
#include "cli/shell.h"
#include "manifests/dag.h"

namespace airlock::cli {
namespace {

Result<manifests::DagSpec> load_dag(const std::string& file) {
  const std::string text = TRY(read_file(file, Limits{}.metadata_bytes));
  const auto name = file.substr(file.rfind('/') + 1);
  return manifests::parse_dag(TRY(manifests::load_authored(text, name)));
}

// The edges a reader wants to see: needs, and the steps whose outputs are taken.
std::set<std::string> dependencies(const manifests::StepSpec& step) {
  std::set<std::string> out;
  for (const StepId& id : step.needs) out.insert(id.str());
  for (const auto& [name, source] : step.inputs)
    if (const auto* from = std::get_if<manifests::StepOutputInput>(&source)) out.insert(from->step.str());
  if (step.when && step.when->step) out.insert(step.when->step->str());
  return out;
}

Result<int> validate(const Shell& shell, const std::string& file) {
  const manifests::DagSpec dag = TRY(load_dag(file));
  const std::string digest = manifests::dag_digest(dag).prefixed();
  TRY(shell.emit({{"valid", true}, {"id", dag.id.str()}, {"version", dag.version.str()}, {"steps", dag.steps.size()}, {"digest", digest}},
                 file + ": valid, " + dag.id.str() + "@" + dag.version.str() + ", " + std::to_string(dag.steps.size()) +
                     " steps, " + digest + "\n"));
  return 0;
}

Result<int> graph(const Shell& shell, const std::string& file, const std::string& format) {
  const manifests::DagSpec dag = TRY(load_dag(file));
  Json edges = Json::array();
  std::string text;
  if (format == "dot") text = "digraph \"" + dag.id.str() + "\" {\n  rankdir=LR;\n";
  if (format == "mermaid") text = "flowchart LR\n";
  std::map<std::string, std::size_t> number;
  for (const auto& step : dag.steps) number.emplace(step.id.str(), number.size());
  for (const auto& step : dag.steps) {
    const std::string id = step.id.str();
    const auto before = dependencies(step);
    if (format == "text") {
      text += id + (step.for_each ? " (for each)" : "");
      for (const std::string& d : before) text += (d == *before.begin() ? " <- " : ", ") + d;
      text += "\n";
    }
    if (format == "dot") text += "  \"" + id + "\";\n";
    if (format == "mermaid") text += "  s" + std::to_string(number[id]) + "[\"" + id + "\"]\n";
    for (const std::string& d : before) {
      edges.push_back({d, id});
      if (format == "dot") text += "  \"" + d + "\" -> \"" + id + "\";\n";
      if (format == "mermaid") text += "  s" + std::to_string(number[d]) + " --> s" + std::to_string(number[id]) + "\n";
    }
  }
  if (format == "dot") text += "}\n";
  TRY(shell.emit({{"id", dag.id.str()}, {"version", dag.version.str()}, {"edges", edges}}, text));
  return 0;
}

}  // namespace

void register_dag(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("dag", "check and draw DAG specs");
  group->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("text");
  add_command(*group, shell, "validate", "check a DAG spec (YAML or JSON); errors carry line and column",
              [&shell, file] { return validate(shell, *file); })
      ->add_option("file", *file, "the spec")->required();
  CLI::App* draw = add_command(*group, shell, "graph", "draw a DAG spec", [&shell, file, format] { return graph(shell, *file, *format); });
  draw->add_option("file", *file, "the spec")->required();
  draw->add_option("--format", *format, "text, dot or mermaid")->check(CLI::IsMember({"text", "dot", "mermaid"}));
}

}  // namespace airlock::cli
