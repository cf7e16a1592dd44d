// conformance/scratch: places to write that go away, and a yard in which nothing may change but one folder.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::conformance {

Result<UniqueFd> memory_file(std::string_view bytes);

// A fresh folder with `inside/` to unpack into and, beside it, files, folders and links that a hostile archive would
// like to reach. Removed with all in it at the end.
class Yard {
 public:
  static Result<Yard> make();
  Yard(Yard&&) noexcept = default;
  ~Yard();
  std::string inside() const { return path_ + "/inside"; }
  const std::string& path() const { return path_; }
  // Everything but what is inside: type, mode, owner, size, time and content of each. Equal texts, nothing touched.
  std::string outside() const;

 private:
  explicit Yard(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace airlock::conformance
