// manifests/bundle_diff: what changed between two lists of members. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manifests/bundle.h"

namespace airlock::manifests {

enum class MemberChange { kAdded, kRemoved, kContent, kMode, kMoved };
std::string_view to_string(MemberChange change);  // "added", "removed", "changed", "mode", "moved"

struct MemberDifference {
  MemberChange change;
  std::string path;                             // in the newer list; of a removed member in the older one
  std::optional<std::string> from;              // kMoved: the path that it had
  std::optional<BundleEntry> before, after;     // absent on the side that does not have it
};

// Both lists sorted by path. Differences in path order. A member that is gone and one with the same digest and mode
// that is new are one move; of several candidates the first path is taken. Media types are not compared.
std::vector<MemberDifference> diff_members(const std::vector<BundleEntry>& older, const std::vector<BundleEntry>& newer);

}  // namespace airlock::manifests
