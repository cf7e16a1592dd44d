#include "runner/outputs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "bundle/store_batch.h"
#include "sandbox/harvest.h"

namespace airlock::runner {
namespace {

// Only asked after the harvest, which refuses a tree with any link in it.
bool is_folder(const UniqueFd& out, const std::string& path) {
  struct stat st{};
  return ::fstatat(out.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

std::expected<Tree, OutputTrouble> store_outputs(const UniqueFd& out, const std::vector<manifests::OutputSpec>& declared,
                                                 bundle::Store& store) {
  Tree tree;
  bundle::StoreBatch batch(store);
  bool store_failed = false;
  const auto harvested = sandbox::harvest(out, {}, [&](sandbox::HarvestedFile file) -> Result<void> {
    auto stored = batch.put_file(file.fd, file.path);
    store_failed = !stored;
    if (!stored) return fail(stored.error());
    tree.push_back({file.path, stored->sha256, stored->size, file.executable});
    return {};
  });
  if (!harvested) {
    const bool of_step = !store_failed && harvested.error().code == Code::kStepOutputRefused;
    return std::unexpected(OutputTrouble{harvested.error(), of_step ? Blame::kStep : Blame::kMachine});
  }
  for (const manifests::OutputSpec& output : declared)
    if (!select_path(tree, output.path) && !is_folder(out, output.path))
      return std::unexpected(OutputTrouble{{Code::kStepOutputMissing, "/out/" + output.path}, Blame::kStep});
  if (tree.empty()) return tree;  // no barrier for nothing
  if (const auto durable = batch.commit(); !durable) return std::unexpected(OutputTrouble{durable.error(), Blame::kMachine});
  return tree;
}

std::optional<Selected> select_path(const Tree& tree, const std::string& path) {
  const auto below = [](const TreeEntry& entry) -> std::string_view { return entry.path; };
  const auto exact = std::ranges::lower_bound(tree, std::string_view(path), {}, below);
  if (exact != tree.end() && exact->path == path) return Selected{false, {*exact}};
  Selected out{true, {}};
  const std::string prefix = path + "/";
  for (auto it = std::ranges::lower_bound(tree, std::string_view(prefix), {}, below); it != tree.end() && it->path.starts_with(prefix); ++it) {
    out.tree.push_back(*it);
    out.tree.back().path.erase(0, prefix.size());
  }
  if (out.tree.empty()) return std::nullopt;
  return out;
}

}  // namespace airlock::runner
