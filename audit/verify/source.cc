#include "audit/verify/source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "archive/archive.h"
#include "base/io.h"
#include "base/path.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::uint64_t kLargestBytes = 4096 * kGiB;

// Two readers that took the files in different orders would still agree, but one pass needs this one.
Result<void> require_order(const std::string& previous, const std::string& path) {
  if (!previous.empty() && !manifests::audit_path_less(previous, path))
    return fail(Code::kArchiveOrder, path + " stands after " + previous);
  return {};
}

class ArchiveSource : public Source {
 public:
  ArchiveSource(UniqueFd file, archive::ArchiveReader reader)
      : file_(std::move(file)), reader_(std::move(reader)) {}

  Result<std::optional<SourceEntry>> next() override {
    const auto member = TRY(reader_.next());
    if (!member) return std::optional<SourceEntry>();
    if (member->executable) return fail(Code::kArchiveMode, member->path + " is executable");
    TRY(require_order(previous_, member->path));
    previous_ = member->path;
    return std::optional(SourceEntry{member->path, member->size});
  }

  Result<std::string_view> read() override {
    chunk_ = TRY(reader_.read());
    return chunk_.bytes;
  }

 private:
  UniqueFd file_;
  archive::ArchiveReader reader_;
  archive::Chunk chunk_;
  std::string previous_;
};

class FolderSource : public Source {
 public:
  FolderSource(UniqueFd root, std::vector<std::string> paths)
      : root_(std::move(root)), paths_(std::move(paths)) {}

  Result<std::optional<SourceEntry>> next() override {
    if (at_ == paths_.size()) return std::optional<SourceEntry>();
    const std::string& path = paths_[at_++];
    file_ = UniqueFd(::openat(root_.get(), path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file_) return os_fail("open", path);
    struct stat st {};
    if (::fstat(file_.get(), &st) != 0) return os_fail("fstat", path);
    if (!S_ISREG(st.st_mode)) return fail(Code::kArchiveType, path);
    return std::optional(SourceEntry{path, static_cast<std::uint64_t>(st.st_size)});
  }

  Result<std::string_view> read() override {
    buffer_.resize(kReadBytes);
    for (;;) {
      const ssize_t n = ::read(file_.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_fail("read", paths_[at_ - 1]);
      return std::string_view(buffer_.data(), static_cast<std::size_t>(n));
    }
  }

 private:
  UniqueFd root_, file_;
  std::vector<std::string> paths_;
  std::size_t at_ = 0;
  std::string buffer_;
};

Result<std::vector<std::string>> list_folder(const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code ec;
  fs::recursive_directory_iterator it(root, ec);
  for (; !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    const fs::file_status status = it->symlink_status(ec);
    if (ec) break;
    const std::string path = it->path().lexically_relative(root).generic_string();
    if (status.type() == fs::file_type::directory) continue;
    if (status.type() != fs::file_type::regular) return fail(Code::kArchiveType, path);
    TRY(safe_path(path));
    paths.push_back(path);
    if (paths.size() > Limits{}.members)
      return fail(Code::kArchiveLimit, "more than " + std::to_string(Limits{}.members) + " files");
  }
  if (ec) return fail(os_error("list", root, ec.value()));
  std::ranges::sort(paths, manifests::audit_path_less);
  return paths;
}

}  // namespace

Result<std::string> Source::read_all(std::uint64_t limit) {
  std::string out;
  for (;;) {
    const std::string_view bytes = TRY(read());
    if (bytes.empty()) return out;
    if (out.size() + bytes.size() > limit)
      return fail(Code::kTooLarge, "over " + std::to_string(limit) + " bytes");
    out += bytes;
  }
}

Result<std::unique_ptr<Source>> open_source(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return os_fail("open", path);
  if (S_ISDIR(st.st_mode)) {
    auto paths = TRY(list_folder(path));
    return std::unique_ptr<Source>(std::make_unique<FolderSource>(TRY(open_dir(path)), std::move(paths)));
  }
  UniqueFd file = TRY(open_read(path));
  archive::ReaderOptions options;
  options.prefetch = true;
  // Nothing that is read is kept, so an export may be as large as the history it carries.
  options.limits.bundle_bytes = options.limits.member_bytes = kLargestBytes;
  options.limits.expansion_ratio = 2000;
  auto reader = TRY(archive::ArchiveReader::open(file.get(), options));
  return std::unique_ptr<Source>(std::make_unique<ArchiveSource>(std::move(file), std::move(reader)));
}

}  // namespace airlock::audit
