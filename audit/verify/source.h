// audit/verify/source: an audit bundle as a sequence of named byte streams, whether it is an archive or a
// folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::audit {

struct SourceEntry {
  std::string path;
  std::uint64_t size = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  // The next file, in archive order (audit_path_less; kArchiveOrder otherwise), or nullopt after the last.
  // What was left of the one before is skipped. Errors are those of the archive (kArchive*) or of the file
  // system.
  virtual Result<std::optional<SourceEntry>> next() = 0;
  // The next bytes of the current file; empty at its end. Valid until the next call.
  virtual Result<std::string_view> read() = 0;

  Result<std::string> read_all(
      std::uint64_t limit);  // the rest of the current file; kTooLarge over the limit
};

// A folder is read in the same order; links, devices and unsafe names in it are refused as in an archive.
// kNotFound when there is nothing at `path`.
Result<std::unique_ptr<Source>> open_source(const std::string& path);

}  // namespace airlock::audit
