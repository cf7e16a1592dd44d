// What the archive tests share: archives made in memory, read through a file as a bundle would be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"
#include "archive/tar_format.h"

namespace airlock::archive::test {

struct File {
  std::string path, bytes;
  bool executable = false;
  friend bool operator==(const File&, const File&) = default;
};

// An unlinked temporary file that holds `bytes`.
UniqueFd file_of(std::string_view bytes);
std::string pack(const std::vector<File>& files, WriterOptions options = {});  // through ArchiveWriter
std::string zstd(std::string_view bytes);                                      // as one frame
Result<std::vector<File>> unpack(std::string_view packed, ReaderOptions options = {});

std::string tar_member(const File& file);  // headers, bytes, padding
inline const std::string kTarEnd(2 * kBlock, '\0');
std::string with_checksum(std::string block);  // a header block whose bytes were edited, made consistent again

inline Code code_of(const Result<std::vector<File>>& result) { return result.error().code; }

}  // namespace airlock::archive::test
