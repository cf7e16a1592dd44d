#include "audit/verify/previous.h"

#include <sys/stat.h>

#include "audit/verify/source.h"
#include "base/io.h"
#include "base/limits.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

constexpr std::uint64_t kNoteBytes = kMiB;
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

Result<bool> is_bundle(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return os_fail("open", path);
  if (S_ISDIR(st.st_mode)) return true;
  const UniqueFd file = TRY(open_read(path));
  char start[4] = {};
  return ::read(file.get(), start, sizeof start) == 4 && std::string_view(start, 4) == kZstdMagic;
}

}  // namespace

Result<std::string> load_checkpoint(const std::string& path) {
  if (!TRY(is_bundle(path))) return read_file(path, kNoteBytes);
  const auto source = TRY(open_source(path));
  while (const auto entry = TRY(source->next()))
    if (entry->path == manifests::audit_path::kCheckpoint) return source->read_all(kNoteBytes);
  return fail(Code::kAuditCheckpoint, path + " holds no " + std::string(manifests::audit_path::kCheckpoint));
}

}  // namespace airlock::audit
