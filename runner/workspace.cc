#include "runner/workspace.h"

#include "bundle/store.h"

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

// What the disk says when it fails; all else that stops an image is a fact about its bytes.
bool is_disks(Code code) {
  for (const Code disks : {Code::kDiskFull, Code::kIo, Code::kPermission, Code::kStateReadOnly, Code::kHomeUnusable, Code::kBusy})
    if (code == disks) return true;
  return false;
}

}  // namespace

Result<std::optional<bundle::UsedImage>> provide_image(const AttemptSpec& attempt, bundle::Store& store) {
  if (!attempt.image) return std::nullopt;
  auto image = store.images().provide(*attempt.image);
  if (!image && is_disks(image.error().code)) return fail(image.error());
  if (!image) return fail(Code::kStepInput, "rootfs: " + describe(image.error()));
  return std::optional(std::move(*image));
}

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
