#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>

#include "base/entropy.h"
#include "base/io.h"
#include "base/json.h"
#include "manifests/dag_graph.h"

using namespace airlock;
using manifests::Graph;

namespace {

Graph of(const std::vector<std::string>& names, const std::vector<std::pair<Graph::Node, Graph::Node>>& edges) {
  Graph g;
  for (const std::string& n : names) g.add(n);
  for (const auto& [from, to] : edges) g.add_edge(from, to);
  return g;
}

std::string order_text(const Graph& g) {
  const auto order = g.order();
  if (!order) return "circle: " + order.error().context;
  std::string out;
  for (const Graph::Node n : *order) out += (out.empty() ? "" : " ") + g.name(n);
  return out;
}

}  // namespace

TEST_CASE("the order takes the smallest ready name, byte by byte") {
  CHECK(order_text(of({}, {})) == "");
  CHECK(order_text(of({"b", "a", "B", "a2", "a10"}, {})) == "B a a10 a2 b");
  CHECK(order_text(of({"a", "b", "c"}, {{2, 0}})) == "b c a");
  CHECK(order_text(of({"d", "c", "b", "a"}, {{0, 1}, {0, 2}, {1, 3}, {2, 3}})) == "d b c a");
  CHECK(order_text(of({"a", "b"}, {{1, 0}, {1, 0}})) == "b a");
  CHECK(order_text(of({"\xc3\xa4", "z"}, {})) == "z \xc3\xa4");
}

TEST_CASE("a join takes no place in the order but holds back who depends on it") {
  Graph g;
  const auto fan1 = g.add("f[1]"), fan0 = g.add("f[0]"), join = g.add("f", true), after = g.add("a"), other = g.add("b");
  g.add_edge(fan1, join);
  g.add_edge(fan0, join);
  g.add_edge(join, after);
  (void)other;
  CHECK(order_text(g) == "b f[0] f[1] a");
  CHECK(g.shape().depth == 2);
  CHECK(g.shape().width == 3);
}

TEST_CASE("a join of nothing holds nobody back") {
  Graph g;
  const auto join = g.add("f", true), after = g.add("a");
  g.add_edge(join, after);
  CHECK(order_text(g) == "a");
}

TEST_CASE("a circle is found behind steps that are fine, and names only its own") {
  CHECK(order_text(of({"a", "b", "c", "d", "e"}, {{0, 1}, {1, 2}, {2, 1}, {2, 3}, {3, 4}})) == "circle: b -> c -> b");
  CHECK(order_text(of({"a"}, {{0, 0}})) == "circle: a -> a");
  CHECK(order_text(of({"a", "b", "c", "d"}, {{0, 1}, {1, 0}, {2, 3}, {3, 2}})) == "circle: a -> b -> a");
}

TEST_CASE("random graphs: the order respects every edge and is the smallest such order at each place") {
  SeededEntropy entropy(7);
  for (int round = 0; round < 200; ++round) {
    const std::string bytes = entropy.bytes(64);
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i % 64])); };
    const Graph::Node n = 1 + byte(0) % 12;
    Graph g;
    for (Graph::Node i = 0; i < n; ++i) g.add(std::string(1, static_cast<char>('a' + byte(i + 1) % 26)) + std::to_string(i));
    std::vector<std::pair<Graph::Node, Graph::Node>> edges;
    for (Graph::Node i = 0; i < n; ++i)
      for (Graph::Node j = 0; j < i; ++j)
        if (byte(i * 5 + j * 3) % 3 == 0) {
          g.add_edge(j, i);
          edges.emplace_back(j, i);
        }
    const auto order = g.order();
    REQUIRE(order);
    REQUIRE(order->size() == n);
    std::vector<bool> done(n);
    for (const Graph::Node taken : *order) {
      std::vector<Graph::Node> ready;
      for (Graph::Node i = 0; i < n; ++i)
        if (!done[i] && std::ranges::all_of(edges, [&](const auto& e) { return e.second != i || done[e.first]; })) ready.push_back(i);
      const auto least = std::ranges::min_element(ready, {}, [&](Graph::Node r) { return g.name(r); });
      REQUIRE(least != ready.end());
      CHECK(*least == taken);
      done[taken] = true;
    }
  }
}

TEST_CASE("ten thousand nodes with a million edges are ordered, and a circle through all of them is found") {
  Graph g;
  const Graph::Node n = 10'000;
  for (Graph::Node i = 0; i < n; ++i) g.add("step-" + std::to_string(i));
  for (Graph::Node i = 1; i < n; ++i)
    for (Graph::Node k = 1; k <= 100 && k <= i; ++k) g.add_edge(i - k, i);
  const auto order = g.order();
  REQUIRE(order);
  CHECK(std::ranges::is_sorted(*order));
  CHECK(g.shape().depth == n);
  g.add_edge(n - 1, 0);
  CHECK(g.order().error().code == Code::kSpecCycle);
}

TEST_CASE("WfCommons workflows are ordered exactly as their index states") {
  const std::string folder = std::string(AIRLOCK_SOURCE_DIR) + "/fixtures/vectors/workflows/";
  const Json index = *parse_json(*read_file(folder + "index.json", kMiB), "index");
  REQUIRE(index["cases"].size() == 6);
  for (const Json& c : index["cases"]) {
    INFO(c["id"]);
    const std::string text = *read_file(folder + c["files"]["workflow"]["path"].get<std::string>(), 16 * kMiB);
    REQUIRE(Digest::of(text).hex() == c["files"]["workflow"]["sha256"]);
    const Json workflow = *parse_json(text, "workflow");
    const Json& tasks = workflow["workflow"]["specification"]["tasks"];
    Graph g;
    std::map<std::string, Graph::Node> node;
    std::size_t edges = 0;
    for (const Json& task : tasks) node[task["id"]] = g.add(task["id"]);
    for (const Json& task : tasks)
      for (const Json& parent : task["parents"]) {
        g.add_edge(node.at(parent), node.at(task["id"]));
        ++edges;
      }
    std::string lines;
    const auto order = g.order();
    REQUIRE(order);
    for (const Graph::Node n : *order) lines += g.name(n) + "\n";
    const Json& facts = c["facts"];
    CHECK(g.size() == facts["tasks"]);
    CHECK(edges == facts["edges"]);
    CHECK(Digest::of(lines).hex() == facts["order_sha256"]);
    CHECK(g.shape().depth == facts["depth"]);
    CHECK(g.shape().width == facts["width"]);
  }
}
