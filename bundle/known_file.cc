#include "bundle/known_file.h"

#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"

namespace airlock::bundle {
namespace {

constexpr std::string_view kSchema = "airlock.known-file/v1";

Json document(const Digest& manifest, const FileIdentity& file) {
  return {{"schema", kSchema},       {"manifestSha256", manifest.hex()}, {"device", file.device},
          {"inode", file.inode},     {"bytes", file.bytes},              {"changedNs", file.changed_ns}};
}

}  // namespace

Result<FileIdentity> FileIdentity::of(const UniqueFd& file) {
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return os_fail("fstat", "the bundle");
  const auto ns = static_cast<std::uint64_t>(st.st_ctim.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(st.st_ctim.tv_nsec);
  return FileIdentity{st.st_dev, st.st_ino, static_cast<std::uint64_t>(st.st_size), ns};
}

std::string KnownFiles::path_of(const TenantId& tenant, const BundleId& bundle) const {
  return folder_ + "/" + tenant.str() + "/" + bundle.str() + ".json";
}

bool KnownFiles::knows(const TenantId& tenant, const BundleId& bundle, const Digest& manifest, const FileIdentity& file) const {
  if (folder_.empty()) return false;
  const auto text = read_file(path_of(tenant, bundle), 4 * kKiB);
  return text && *text == canonical_json(document(manifest, file)) + "\n";
}

Result<void> KnownFiles::remember(const TenantId& tenant, const BundleId& bundle, const Digest& manifest, const FileIdentity& file) const {
  if (folder_.empty()) return {};
  TRY(make_dirs(folder_ + "/" + tenant.str(), 0700));
  return write_file_durably(path_of(tenant, bundle), canonical_json(document(manifest, file)) + "\n", 0600);
}

}  // namespace airlock::bundle
