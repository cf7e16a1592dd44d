#include "manifests/bundle_diff.h"

#include <algorithm>
#include <map>

namespace airlock::manifests {
namespace {

// One walk over both sorted lists; moves are not looked at yet.
std::vector<MemberDifference> walk(const std::vector<BundleEntry>& older, const std::vector<BundleEntry>& newer) {
  std::vector<MemberDifference> out;
  auto a = older.begin();
  auto b = newer.begin();
  while (a != older.end() || b != newer.end()) {
    if (b == newer.end() || (a != older.end() && a->path < b->path)) {
      out.push_back({MemberChange::kRemoved, a->path, std::nullopt, *a, std::nullopt});
      ++a;
    } else if (a == older.end() || b->path < a->path) {
      out.push_back({MemberChange::kAdded, b->path, std::nullopt, std::nullopt, *b});
      ++b;
    } else {
      if (a->sha256 != b->sha256) out.push_back({MemberChange::kContent, b->path, std::nullopt, *a, *b});
      else if (a->executable != b->executable) out.push_back({MemberChange::kMode, b->path, std::nullopt, *a, *b});
      ++a;
      ++b;
    }
  }
  return out;
}

}  // namespace

std::string_view to_string(MemberChange change) {
  switch (change) {
    case MemberChange::kAdded: return "added";
    case MemberChange::kRemoved: return "removed";
    case MemberChange::kContent: return "changed";
    case MemberChange::kMode: return "mode";
    case MemberChange::kMoved: return "moved";
  }
  return "";
}

std::vector<MemberDifference> diff_members(const std::vector<BundleEntry>& older, const std::vector<BundleEntry>& newer) {
  std::vector<MemberDifference> all = walk(older, newer);
  std::multimap<std::pair<Digest, bool>, std::size_t> gone;  // in path order for one key
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].change == MemberChange::kRemoved) gone.emplace(std::pair(all[i].before->sha256, all[i].before->executable), i);
  std::vector<bool> taken(all.size(), false);
  for (MemberDifference& difference : all) {
    if (difference.change != MemberChange::kAdded) continue;
    const auto source = gone.find(std::pair(difference.after->sha256, difference.after->executable));
    if (source == gone.end()) continue;
    difference.change = MemberChange::kMoved;
    difference.from = all[source->second].path;
    difference.before = all[source->second].before;
    taken[source->second] = true;
    gone.erase(source);
  }
  std::vector<MemberDifference> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!taken[i]) out.push_back(std::move(all[i]));
  return out;
}

}  // namespace airlock::manifests
