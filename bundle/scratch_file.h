// bundle/scratch_file: bytes that are needed for a while and do not fit into memory: a file without a name, which is gone
// with its descriptor, however the process ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/patch.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::bundle {

class ScratchFile {
 public:
  // On the file system of `path`, in the folder that is to hold it.
  static Result<ScratchFile> beside(const std::string& path);

  Result<void> append(std::string_view bytes);
  Result<void> cut(std::uint64_t size);        // what was appended behind `size` is gone
  std::uint64_t size() const { return size_; }
  archive::RandomBytes bytes() const { return archive::bytes_of_file(file_, size_, name_); }  // as it is now; *this must stay

 private:
  ScratchFile(UniqueFd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  UniqueFd file_;
  std::string name_;                           // for errors
  std::uint64_t size_ = 0;
};

}  // namespace airlock::bundle
