#include "runner/workspace.h"

namespace airlock::runner {
namespace {

// A missing or damaged blob is a fact about the input, which a retry cannot change; anything else is the disk's.
std::unexpected<Error> cannot_provide(const std::string& target, const Error& error) {
  if (error.code != Code::kNotFound && error.code != Code::kStoreCorrupt) return fail(error);
  return fail(Code::kStepInput, target + ": " + describe(error));
}

// The path of one file: its blob, or, since mode belongs to the blob's inode, an executable in a tree of its own.
Result<std::string> provide_file(const TreeEntry& file, bundle::Store& store) {
  if (file.executable) return TRY(store.materialize({{"file", file.sha256, file.size, true}})) + "/file";
  TRY(store.open(file.sha256));  // hashes it, once in this process
  return store.blob_path(file.sha256);
}

}  // namespace

Result<std::vector<sandbox::Mount>> provide_mounts(const AttemptSpec& attempt, bundle::Store& store) {
  std::vector<sandbox::Mount> mounts;
  const auto plugin = store.materialize(*attempt.plugin);
  if (!plugin) return cannot_provide("/plugin", plugin.error());
  mounts.push_back({*plugin, "/plugin"});
  for (const AttemptInput& input : attempt.inputs) {
    const std::string target = "/in/" + input.name;
    const auto source = input.folder ? store.materialize(*input.tree) : provide_file(input.tree->front(), store);
    if (!source) return cannot_provide(target, source.error());
    mounts.push_back({*source, target});
  }
  return mounts;
}

}  // namespace airlock::runner
