#include "archive/name_guard.h"

#include <cstring>

#include "base/digest.h"
#include "base/path.h"

namespace airlock::archive {
namespace {

constexpr std::uint64_t kFile = 0;

std::unexpected<Error> clash(std::string_view path, std::string_view why) {
  return fail(Code::kArchiveDuplicate, "\"" + std::string(path) + "\" " + std::string(why));
}

}  // namespace

// 128 bits of SHA-256: a publisher cannot make two names meet.
NameGuard::Key NameGuard::key_of(std::string_view text) {
  const Digest digest = Digest::of(text);
  Key key{};
  std::memcpy(&key.high, digest.raw().data(), 8);
  std::memcpy(&key.low, digest.raw().data() + 8, 8);
  return key;
}

Result<void> NameGuard::add_folders(std::string_view path) {
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    const std::string_view folder = path.substr(0, at);
    const std::uint64_t exact = key_of(folder).low | 1;  // never kFile
    const auto [it, added] = seen_.try_emplace(key_of(collision_key(folder)), exact);
    if (added || it->second == exact) continue;
    if (it->second == kFile) return clash(path, "needs a folder where a member is a file");
    return clash(path, "lies in a folder that differs from another only by case or Unicode form");
  }
  return {};
}

Result<void> NameGuard::add(std::string_view path) {
  const std::string_view folder = path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/'));
  if (folder.empty() || folder != last_folder_) {
    TRY(add_folders(path));
    last_folder_ = folder;
  }
  const auto [it, added] = seen_.try_emplace(key_of(collision_key(path)), kFile);
  if (added) return {};
  return clash(path, it->second == kFile ? "is there twice, or differs from another name only by case or Unicode form"
                                         : "is a file where another member needs a folder");
}

}  // namespace airlock::archive
