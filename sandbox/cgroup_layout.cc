#include "sandbox/cgroup_layout.h"

#include <algorithm>
#include <vector>

namespace airlock::sandbox {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// mountinfo writes space, tab, line feed and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Tree {
  std::string root;   // the part of the hierarchy that is mounted
  std::string mount;
  bool v2 = false;
  std::vector<std::string_view> controllers;
};

std::vector<Tree> parse_trees(std::string_view mountinfo) {
  std::vector<Tree> trees;
  for (const std::string_view line : split(mountinfo, '\n')) {
    // id parent dev root mount options [optional...] - type source superoptions
    const auto fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const std::string_view type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    trees.push_back({unescape(fields[3]), unescape(fields[4]), type == "cgroup2", split(dash[3], ',')});
  }
  return trees;
}

// The folder of group `path` in the mount that shows `root` of its hierarchy; nothing when the mount does not show it.
std::optional<CgroupPlace> place(const Tree& tree, std::string_view path) {
  const std::string_view root = tree.root == "/" ? std::string_view() : std::string_view(tree.root);
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path[0] != '/') return std::nullopt;
  return CgroupPlace{tree.mount, tree.mount + (path == "/" ? "" : std::string(path))};
}

}  // namespace

CgroupLayout parse_cgroup_layout(std::string_view mountinfo, std::string_view self_cgroup) {
  CgroupLayout layout;
  const std::vector<Tree> trees = parse_trees(mountinfo);
  for (const std::string_view line : split(self_cgroup, '\n')) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    for (const Tree& tree : trees) {
      if (tree.v2 && names.empty()) {
        if (!layout.v2) layout.v2 = place(tree, path);
      } else if (!tree.v2 && !names.empty()) {
        for (const std::string_view name : split(names, ','))
          if (std::ranges::find(tree.controllers, name) != tree.controllers.end() && !layout.v1.contains(name))
            if (const auto found = place(tree, path)) layout.v1.emplace(name, *found);
      }
    }
  }
  return layout;
}

bool has_step_controllers(std::string_view list) {
  while (!list.empty() && list.back() == '\n') list.remove_suffix(1);
  const auto names = split(list, ' ');
  return std::ranges::all_of(std::initializer_list<std::string_view>{"cpu", "memory", "pids"},
                             [&](std::string_view want) { return std::ranges::find(names, want) != names.end(); });
}

}  // namespace airlock::sandbox
