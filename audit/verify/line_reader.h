// audit/verify/line_reader: cuts one file of a bundle into lines while hashing all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "audit/verify/source.h"
#include "base/digest.h"
#include "base/merkle.h"

namespace airlock::audit {

struct FileSeen {
  Digest sha256;
  std::uint64_t size = 0, lines = 0;
  CompactRange line_tree;       // over the leaf hashes of the lines
  std::uint64_t long_line = 0;  // the first line over the limit, 0 if none; such a line is hashed, not given
  bool ends_in_newline = true;  // also true for an empty file
};

// Gets each line without its LF, its number from 1 and its leaf hash.
using LineSink = std::function<void(std::string_view line, std::uint64_t number, const Digest& leaf)>;

// Reads the current file of `source` to its end. Holds at most one line and one chunk.
Result<FileSeen> read_lines(Source& source, std::uint64_t max_line_bytes, const LineSink& each);

}  // namespace airlock::audit
