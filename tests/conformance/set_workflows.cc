// workflows: real graphs become DAG specs of ours, and are planned in exactly the order and shape the index states.
#include <cmath>
#include <map>

#include "archive/decode.h"
#include "base/digest.h"
#include "manifests/dag.h"
#include "manifests/dag_graph.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

using manifests::Graph;

constexpr std::uint64_t kMaxWorkflow = 256 * kMiB;

// `parents` is what a task needs; `children` says the same from the other side.
Result<manifests::DagSpec> dag_of(const Json& tasks) {
  Json steps = Json::array();
  for (const Json& task : tasks)
    steps.push_back({{"id", task.value("id", "")}, {"plugin", "task@1.0.0"}, {"needs", task.value("parents", Json::array())}, {"args", {task.value("name", "")}}});
  return manifests::parse_dag(Json{{"apiVersion", "airlock/v1"},
                                   {"kind", "Dag"},
                                   {"metadata", {{"id", "workflow"}, {"version", "1.0.0"}}},
                                   {"spec", {{"steps", std::move(steps)}}}});
}

struct Read {
  Graph graph;
  std::vector<double> runtime;  // seconds, by node
  std::size_t edges = 0, roots = 0, leaves = 0, files = 0;
};

Result<Read> read_graph(const Json& workflow) {
  const Json& specification = workflow.at("workflow").at("specification");
  const Json& tasks = specification.at("tasks");
  const manifests::DagSpec dag = TRY(dag_of(tasks));
  Read read;
  std::map<std::string, Graph::Node> node;
  for (const manifests::StepSpec& step : dag.steps) node[step.id.str()] = read.graph.add(step.id.str());
  for (const Json& task : tasks) {
    const std::size_t parents = task.value("parents", Json::array()).size();
    for (const Json& parent : task.value("parents", Json::array())) read.graph.add_edge(node.at(parent), node.at(task["id"]));
    read.edges += parents;
    if (parents == 0) ++read.roots;
    if (task.value("children", Json::array()).empty()) ++read.leaves;
  }
  read.files = specification.value("files", Json::array()).size();
  read.runtime.resize(node.size());
  for (const Json& task : workflow.at("workflow").at("execution").at("tasks"))
    if (const auto at = node.find(task.value("id", "")); at != node.end()) read.runtime[at->second] = task.value("runtimeInSeconds", 0.0);
  return read;
}

double critical_path(const Read& read, const std::vector<Graph::Node>& order) {
  std::vector<double> begin(read.runtime.size(), 0);
  double longest = 0;
  for (const Graph::Node n : order) {
    const double end = begin[n] + read.runtime[n];
    longest = std::max(longest, end);
    for (const Graph::Node next : read.graph.dependants(n)) begin[next] = std::max(begin[next], end);
  }
  return longest;
}

// The index rounds seconds; sums of doubles depend on the order of adding.
void near_to(Report& report, const std::string& fact, const Json& want, double got) {
  if (want.is_number() && std::abs(want.get<double>() - got) > 0.01) report.differ(want.dump(), std::to_string(got), fact);
}

void compare(const Json& facts, const Read& read, const std::vector<Graph::Node>& order, Report& report) {
  const auto count = [&](const char* fact, std::size_t got) {
    if (facts.contains(fact)) report.equal(fact, facts[fact].get<std::size_t>(), got);
  };
  const Graph::Shape shape = read.graph.shape();
  count("tasks", read.graph.size());
  count("edges", read.edges);
  count("roots", read.roots);
  count("leaves", read.leaves);
  count("files", read.files);
  count("depth", shape.depth);
  count("width", shape.width);
  double total = 0;
  for (const double seconds : read.runtime) total += seconds;
  near_to(report, "total_runtime_s", facts.value("total_runtime_s", Json()), total);
  near_to(report, "critical_path_s", facts.value("critical_path_s", Json()), critical_path(read, order));
  std::string ids;
  for (const Graph::Node n : order) ids += read.graph.name(n) + "\n";
  if (facts.contains("order_sha256")) report.equal("order_sha256", facts["order_sha256"].get<std::string>(), Digest::of(ids).hex());
}

}  // namespace

void run_workflows(const Case& c, Report& report) {
  std::string text = USE(c.file("workflow"), report);
  if (c.path("workflow").ends_with(".zst")) text = USE(archive::unzstd(text, {.max_output = kMaxWorkflow}), report);
  const Json workflow = USE(parse_json(text, c.id()), report);
  const auto read = read_graph(workflow);
  if (!read) return report.judge(c.expect(), read);
  const auto order = read->graph.order();
  report.judge(c.expect(), order);
  if (order) compare(c.json().value("facts", Json::object()), *read, *order, report);
}

}  // namespace airlock::conformance
