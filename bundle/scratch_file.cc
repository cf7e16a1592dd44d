#include "bundle/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"

namespace airlock::bundle {

Result<ScratchFile> ScratchFile::beside(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return ScratchFile(std::move(file), "a scratch file in " + folder);
  // Not every file system knows files without a name: then one that loses it at once.
  const std::string name = path + ".scratch-" + to_hex(SystemEntropy().bytes(6));  // no byte of a bundle depends on it
  file = UniqueFd(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return os_fail("create", name);
  if (::unlink(name.c_str()) != 0) return os_fail("unlink", name);
  return ScratchFile(std::move(file), name);
}

Result<void> ScratchFile::append(std::string_view bytes) {
  TRY(write_all(file_.get(), bytes, name_));
  size_ += bytes.size();
  return {};
}

Result<void> ScratchFile::cut(std::uint64_t size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) return os_fail("ftruncate", name_);
  if (::lseek(file_.get(), static_cast<off_t>(size), SEEK_SET) < 0) return os_fail("lseek", name_);
  size_ = size;
  return {};
}

}  // namespace airlock::bundle
