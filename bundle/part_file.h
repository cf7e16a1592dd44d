// bundle/part_file: one part of a split bundle on its medium, before anything of it is believed.
#pragma once

#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "manifests/bundle_part.h"

namespace airlock::bundle {

// Whether a path means a part: by how the file begins, or, where that is damaged, by a name such as x.part03-of-05. A
// file that cannot be opened is none.
bool is_part(const std::string& path);

// x, 3, 5: x.part03-of-05, as wide as the number of parts, so that a sorted list is in order.
std::string part_name(const std::string& bundle_name, std::uint64_t part, std::uint64_t parts);

class PartFile {
 public:
  // Header and size fit each other; the slice has not been read. kPart names the file and what is wrong; kNotFound,
  // kPermission, kArchiveLimit.
  static Result<PartFile> open(const std::string& path, const Limits& limits);

  const manifests::PartHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  std::string name() const;  // "part 3 of 5 (PATH)"

  // The bytes at `offset` of the slice, as many as `buffer` takes or are there; never none. A medium that cannot be
  // read is kPart: that is the part's fault, not the machine's.
  Result<std::string_view> read(std::uint64_t offset, std::string& buffer) const;

 private:
  PartFile(std::string path, UniqueFd file, const manifests::PartHeader& header)
      : path_(std::move(path)), file_(std::move(file)), header_(header) {}
  std::string path_;
  UniqueFd file_;
  manifests::PartHeader header_;
};

}  // namespace airlock::bundle
