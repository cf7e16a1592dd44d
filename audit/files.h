// audit/files: writes the files of one bundle into a staging folder and keeps what the manifest says about
// each.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/merkle.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "manifests/audit.h"

namespace airlock::audit {

// A folder beside the output, removed with all in it unless released.
class Staging {
 public:
  static Result<Staging> make(const std::string& output);
  Staging(Staging&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging();
  const std::string& path() const { return path_; }
  std::string files() const { return path_ + "/files"; }  // the bundle's files, by their paths

 private:
  explicit Staging(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// One file, line by line. A file of records (.jsonl) gets its proofs/lines/ companion.
class LineFile {
 public:
  static Result<LineFile> create(const std::string& folder, std::string path);

  Result<void> add(std::string_view line);                      // without LF
  Result<void> add(std::string_view line, const Digest& leaf);  // when its leaf hash is known
  // What the manifest lists: the file, and its companion if it has one.
  Result<std::vector<manifests::AuditFile>> finish();
  const CompactRange& tree() const { return tree_; }  // over the lines so far

 private:
  LineFile(std::string folder, std::string path, UniqueFd file)
      : folder_(std::move(folder)), path_(std::move(path)), file_(std::move(file)) {}
  Result<void> flush();

  std::string folder_, path_;
  UniqueFd file_;
  std::string block_;
  Sha256 hasher_;
  CompactRange tree_;
  std::uint64_t size_ = 0;
  std::unique_ptr<LineFile> companion_;
  std::string digests_;  // the companion's line that is being filled
};

// A whole small text, which must end in LF.
Result<manifests::AuditFile> write_text(const std::string& folder, const std::string& path,
                                        std::string_view text);

}  // namespace airlock::audit
