#include "trust/tuf_store.h"

#include <array>

#include "base/io.h"
#include "base/limits.h"
#include "trust/durable_file.h"
#include "verify/tuf/paths.h"

namespace airlock::trust {
namespace {

namespace tuf = verify::tuf;

Result<std::optional<std::string>> read_if_there(const std::string& path, std::uint64_t limit) {
  auto bytes = read_file(path, limit);
  if (bytes) return std::optional(std::move(*bytes));
  if (bytes.error().code == Code::kNotFound) return std::nullopt;
  return fail(bytes.error());
}

}  // namespace

Result<std::optional<std::string>> TufStore::load(std::string_view role) {
  return read_if_there(folder_ + "/" + tuf::file_name(role), Limits{}.metadata_bytes);
}

Result<void> TufStore::keep(std::string_view role, std::string_view bytes) {
  return replace_durably(*fs_, folder_, tuf::file_name(role), bytes);
}

Result<std::optional<std::string>> StagedKeeper::load(std::string_view role) {
  if (const auto it = kept_.find(role); it != kept_.end()) return std::optional(it->second);
  return below_->load(role);
}

Result<void> StagedKeeper::keep(std::string_view role, std::string_view bytes) {
  if (role == tuf::kRoot) roots_.emplace_back(bytes);
  kept_.insert_or_assign(std::string(role), std::string(bytes));
  return {};
}

Result<void> StagedKeeper::commit() {
  static constexpr std::array kOrder = {tuf::kRoot, tuf::kTimestamp, tuf::kSnapshot, tuf::kTargets};
  for (const std::string_view role : kOrder)
    if (const auto it = kept_.find(role); it != kept_.end()) TRY(below_->keep(role, it->second));
  for (const auto& [role, bytes] : kept_)
    if (!tuf::is_top_level(role)) TRY(below_->keep(role, bytes));
  kept_.clear();
  return {};
}

Result<std::optional<std::string>> FolderSource::metadata(const std::string& name, std::uint64_t limit) {
  return read_if_there(folder_ + "/metadata/" + name, limit);
}

Result<std::optional<std::string>> FolderSource::target(const std::string& name, std::uint64_t limit) {
  // A target path comes from a document, and is never to leave the folder. Otherwise it may be as odd as it likes.
  const bool leaves = name.starts_with('/') || name.find('\0') != std::string::npos || ("/" + name + "/").find("/../") != std::string::npos;
  if (leaves) return fail(Code::kArchivePath, "target path \"" + printable(name.substr(0, 200)) + "\"");
  return read_if_there(folder_ + "/targets/" + name, limit);
}

}  // namespace airlock::trust
