#include "audit/files.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/io.h"

namespace airlock::audit {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

}  // namespace

Result<Staging> Staging::make(const std::string& output) {
  std::string path = output + ".partial-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return os_fail("mkdtemp", path);
  Staging staging(path);
  TRY(make_dirs(staging.files()));
  return staging;
}

Staging::~Staging() {
  if (!path_.empty()) (void)remove_tree(path_);  // ignoring: its name says that it is a leftover
}

Result<LineFile> LineFile::create(const std::string& folder, std::string path) {
  const std::string full = folder + "/" + path;
  TRY(make_dirs(full.substr(0, full.rfind('/'))));
  UniqueFd file(::open(full.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return os_fail("create", full);
  LineFile out(folder, std::move(path), std::move(file));
  if (out.path_.ends_with(".jsonl"))
    out.companion_ = std::make_unique<LineFile>(TRY(create(folder, manifests::line_digest_path(out.path_))));
  return out;
}

Result<void> LineFile::add(std::string_view line) { return add(line, merkle_leaf(line)); }

Result<void> LineFile::add(std::string_view line, const Digest& leaf) {
  block_ += line;
  block_ += '\n';
  tree_.append(leaf);
  if (companion_) {
    digests_ += manifests::line_digest_text(leaf);
    if (digests_.size() == manifests::kLineDigestDigits * manifests::kLineDigestsPerLine) {
      TRY(companion_->add(digests_));
      digests_.clear();
    }
  }
  return block_.size() < kBlock ? Result<void>() : flush();
}

Result<void> LineFile::flush() {
  hasher_.update(block_);
  size_ += block_.size();
  TRY(write_all(file_.get(), block_, path_));
  block_.clear();
  return {};
}

Result<std::vector<manifests::AuditFile>> LineFile::finish() {
  TRY(flush());
  std::vector<manifests::AuditFile> out{{path_, hasher_.finish(), size_, tree_.size(), tree_.root()}};
  if (companion_) {
    if (!digests_.empty()) TRY(companion_->add(digests_));
    out.push_back(TRY(companion_->finish())[0]);
  }
  file_.reset();
  return out;
}

Result<manifests::AuditFile> write_text(const std::string& folder, const std::string& path,
                                        std::string_view text) {
  LineFile file = TRY(LineFile::create(folder, path));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return fail(Code::kInternal, path + " does not end in a line feed");
    TRY(file.add(text.substr(at, end - at)));
    at = end + 1;
  }
  return TRY(file.finish())[0];
}

}  // namespace airlock::audit
