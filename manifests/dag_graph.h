// manifests/dag_graph: directed graphs by index; the one order every part of airlock agrees on.
//
// The order is Kahn's, always taking the ready node with the byte-wise smallest name. A node may be a join: it stands
// for "all of these", takes no place in the order, and is passed as soon as its dependencies are. O(E + N log N).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace airlock::manifests {

class Graph {
 public:
  using Node = std::uint32_t;
  Node add(std::string name, bool join = false);
  void add_edge(Node from, Node to);  // `to` depends on `from`; the same edge twice counts twice and is harmless

  std::size_t size() const { return names_.size(); }
  const std::string& name(Node n) const { return names_[n]; }
  const std::vector<Node>& dependants(Node n) const { return out_[n]; }

  // Every node that is not a join, in order. kSpecCycle with the circle "a -> b -> a" otherwise.
  Result<std::vector<Node>> order() const;
  // Nodes on the longest path, and the largest number of nodes of equal depth. Joins do not count. Acyclic only.
  struct Shape {
    std::size_t depth = 0, width = 0;
  };
  Shape shape() const;

 private:
  std::vector<Node> kahn() const;                 // joins included; shorter than size() when there is a circle
  std::string circle(const std::vector<Node>& done) const;
  std::vector<std::string> names_;
  std::vector<bool> join_;
  std::vector<std::vector<Node>> out_;
  std::vector<std::uint32_t> in_;
};

}  // namespace airlock::manifests
