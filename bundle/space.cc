#include "bundle/space.h"

#include <sys/statvfs.h>

#include <set>

#include "base/io.h"

namespace airlock::bundle {

SpaceNeed space_needed(const manifests::BundleManifest& manifest, const Store& store, std::uint64_t block_bytes) {
  SpaceNeed need;
  std::set<Digest> counted;
  for (const manifests::BundleEntry& entry : manifest.entries) {
    if (!counted.insert(entry.sha256).second || store.has(entry.sha256)) continue;
    need.bytes += (entry.size + block_bytes - 1) / block_bytes * block_bytes;
    ++need.files;
  }
  return need;
}

Result<Seen> check_space(const manifests::BundleManifest& manifest, const Store& store) {
  const std::string& folder = store.layout().cas;
  struct statvfs fs{};
  if (::statvfs(folder.c_str(), &fs) != 0) return os_fail("statvfs", folder);
  const std::uint64_t block = fs.f_frsize > 0 ? fs.f_frsize : 4096, free_bytes = std::uint64_t{fs.f_bavail} * block;
  const SpaceNeed need = space_needed(manifest, store, block);
  const bool counts_files = fs.f_files > 0;
  const std::string needs = std::to_string(need.bytes) + " bytes in " + std::to_string(need.files) + " new files";
  const std::string has = std::to_string(free_bytes) + " bytes" + (counts_files ? " and " + std::to_string(fs.f_favail) + " files" : "") + " free";
  if (need.bytes > free_bytes || (counts_files && need.files > fs.f_favail))
    return fail(Code::kDiskFull, folder + ": the bundle needs " + needs + ", there are " + has);
  Json facts{{"bytesNeeded", need.bytes}, {"filesNeeded", need.files}, {"bytesFree", free_bytes}};
  if (counts_files) facts["filesFree"] = std::uint64_t{fs.f_favail};
  return Seen("needs " + needs + "; " + has, std::move(facts));
}

}  // namespace airlock::bundle
