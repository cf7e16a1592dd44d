#include "bundle/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"

namespace airlock::bundle {

Result<OutputFile> OutputFile::open(const std::string& path, unsigned mode) {
  OutputFile out;
  out.path_ = path;
  out.temp_ = path + ".building-" + to_hex(SystemEntropy().bytes(6));  // a name only: no byte of the bundle depends on it
  out.file_ = UniqueFd(::open(out.temp_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!out.file_) return os_fail("create", std::exchange(out.temp_, {}));
  return out;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temp_(std::exchange(other.temp_, {})),
      file_(std::move(other.file_)),
      hasher_(std::move(other.hasher_)) {}

OutputFile::~OutputFile() {
  if (!temp_.empty()) ::unlink(temp_.c_str());
}

Result<void> OutputFile::write(std::string_view bytes) {
  hasher_.update(bytes);
  return write_all(file_.get(), bytes, temp_);
}

Result<Digest> OutputFile::publish() {
  if (::fsync(file_.get()) != 0) return os_fail("fsync", temp_);
  // COMMIT POINT: before, the old file or none; after, the whole new one; test: "a build that fails leaves no file"
  if (::rename(temp_.c_str(), path_.c_str()) != 0) return os_fail("rename", path_);
  temp_.clear();
  const auto slash = path_.rfind('/');
  TRY(sync_dir(slash == std::string::npos ? "." : path_.substr(0, slash + 1)));
  return hasher_.finish();
}

}  // namespace airlock::bundle
