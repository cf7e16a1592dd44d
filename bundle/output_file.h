// bundle/output_file: a bundle file being written under a temporary name beside its own; removed unless published.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::bundle {

class OutputFile {
 public:
  static Result<OutputFile> open(const std::string& path, unsigned mode = 0644);
  OutputFile(OutputFile&& other) noexcept;
  ~OutputFile();

  Result<void> write(std::string_view bytes);
  Result<Digest> publish();  // durable under its own name, replacing what was there; the digest of the whole file

 private:
  OutputFile() = default;
  std::string path_, temp_;
  UniqueFd file_;
  Sha256 hasher_;
};

}  // namespace airlock::bundle
