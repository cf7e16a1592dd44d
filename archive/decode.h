// archive/decode: compressed streams that others wrote, as ByteSources on top of each other: bytes -> gzip or zstd -> tar.
//
// This is the general door: everything RFC 1952 (gzip, several members) and RFC 8878 (zstd, several frames, skippable
// and empty ones) allow, within bounds. Bundles do not come this way: their one form is read by archive/archive.h.
// Refused: a stream that is cut or damaged, bytes after its end that are no further member or frame, a zstd window over
// the limit or a dictionary, more output than `max_output`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "archive/stream.h"
#include "base/limits.h"
#include "base/result.h"

namespace airlock::archive {

struct DecodeLimits {
  std::uint64_t max_output = Limits{}.member_bytes;
  std::uint64_t window_bytes = Limits{}.zstd_window_bytes;
};

// `bytes` must outlive the source.
std::unique_ptr<ByteSource> memory_source(std::string_view bytes);
// [offset, offset + size) of an open file, which must outlive the source. kArchiveTruncated: the file is shorter.
std::unique_ptr<ByteSource> file_source(int fd, std::uint64_t offset, std::uint64_t size);

// Errors of the sources: kArchiveZstd (either format is damaged), kArchiveTruncated, kArchiveTrailing, kArchiveLimit.
Result<std::unique_ptr<ByteSource>> zstd_source(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits = {});
Result<std::unique_ptr<ByteSource>> gzip_source(std::unique_ptr<ByteSource> packed, const DecodeLimits& limits = {});

// The whole stream at once, for documents.
Result<std::string> read_all(ByteSource& source, std::uint64_t limit);
Result<std::string> unzstd(std::string_view packed, const DecodeLimits& limits);

}  // namespace airlock::archive
