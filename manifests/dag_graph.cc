#include "manifests/dag_graph.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

namespace airlock::manifests {

Graph::Node Graph::add(std::string name, bool join) {
  names_.push_back(std::move(name));
  join_.push_back(join);
  out_.emplace_back();
  in_.push_back(0);
  return static_cast<Node>(names_.size() - 1);
}

void Graph::add_edge(Node from, Node to) {
  out_[from].push_back(to);
  ++in_[to];
}

std::vector<Graph::Node> Graph::kahn() const {
  // Names are compared once, here; the heap then compares ranks.
  std::vector<Node> by_name(size()), rank(size());
  std::iota(by_name.begin(), by_name.end(), Node{0});
  std::ranges::sort(by_name, [&](Node a, Node b) { return names_[a] < names_[b]; });
  for (Node i = 0; i < by_name.size(); ++i) rank[by_name[i]] = i;

  std::priority_queue<Node, std::vector<Node>, std::greater<>> ready;  // of ranks
  std::vector<Node> joins, done;
  std::vector<std::uint32_t> waiting = in_;
  const auto release = [&](Node n) {
    if (join_[n]) joins.push_back(n);
    else ready.push(rank[n]);
  };
  for (Node n = 0; n < size(); ++n)
    if (waiting[n] == 0) release(n);
  while (!joins.empty() || !ready.empty()) {
    Node n = 0;
    if (!joins.empty()) {
      n = joins.back();
      joins.pop_back();
    } else {
      n = by_name[ready.top()];
      ready.pop();
    }
    done.push_back(n);
    for (const Node next : out_[n])
      if (--waiting[next] == 0) release(next);
  }
  return done;
}

Result<std::vector<Graph::Node>> Graph::order() const {
  std::vector<Node> done = kahn();
  if (done.size() != size()) return fail(Code::kSpecCycle, circle(done));
  std::erase_if(done, [&](Node n) { return bool{join_[n]}; });
  return done;
}

std::string Graph::circle(const std::vector<Node>& done) const {
  // Every node that Kahn left over has a dependency that is left over too: walking back must come round.
  std::vector<bool> passed(size());
  for (const Node n : done) passed[n] = true;
  std::vector<Node> back(size());
  std::vector<bool> has_back(size());
  Node start = 0;
  bool found = false;
  for (Node n = 0; n < size(); ++n) {
    if (passed[n]) continue;
    for (const Node next : out_[n])
      if (!passed[next] && (!has_back[next] || names_[n] < names_[back[next]])) {
        back[next] = n;
        has_back[next] = true;
      }
    if (!found || names_[n] < names_[start]) {
      start = n;
      found = true;
    }
  }
  std::vector<bool> seen(size());
  Node n = start;
  while (!seen[n]) {
    seen[n] = true;
    n = back[n];
  }
  std::vector<Node> ring{n};
  for (Node at = back[n]; at != n; at = back[at]) ring.push_back(at);
  std::ranges::reverse(ring);  // from dependency to dependant
  std::erase_if(ring, [&](Node r) { return bool{join_[r]}; });
  if (ring.empty()) return names_[n];
  std::ranges::rotate(ring, std::ranges::min_element(ring, {}, [&](Node r) { return names_[r]; }));
  std::string text;
  for (const Node r : ring) text += names_[r] + " -> ";
  return text + names_[ring.front()];
}

Graph::Shape Graph::shape() const {
  std::vector<std::size_t> depth(size(), 0);
  std::vector<std::size_t> width;
  Shape out;
  for (const Node n : kahn()) {
    if (!join_[n]) {
      const std::size_t d = ++depth[n];  // what came before, and itself
      if (width.size() < d) width.resize(d);
      out.width = std::max(out.width, ++width[d - 1]);
      out.depth = std::max(out.depth, d);
    }
    for (const Node next : out_[n]) depth[next] = std::max(depth[next], depth[n]);
  }
  return out;
}

}  // namespace airlock::manifests
