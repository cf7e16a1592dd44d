// archive/foreign_tar: tar archives that others wrote, listed and read as a stream: v7, ustar, GNU, star and pax.
//
// This is the general door, for OCI layers and other sealed archives. It says what an archive holds and judges nothing:
// whether a name is safe or a link allowed is for oci/tree.h to say. Bundles do not come this way (archive/archive.h).
//
// Read as POSIX pax and GNU tar have it: headers end at a zero block or where the stream ends between two members; what
// follows the zero block is not looked at. Links, devices, folders and FIFOs carry no data whatever their size field says.
// Refused: checksums that do not match, numbers that are not numbers or negative, pax records that are malformed,
// extension headers over the limit, anything cut.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "archive/stream.h"
#include "base/limits.h"
#include "base/result.h"

namespace airlock::archive {

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kFolder, kFifo, kSparse, kOther };

struct ForeignEntry {
  EntryType type = EntryType::kOther;
  char flag = '0';                   // the type byte of the header
  std::string name;                  // any bytes; folders without their final slashes
  std::string link;                  // target of a link
  std::uint64_t size = 0;            // of the contents; of a sparse file with its holes
  std::uint64_t stored = 0;          // bytes in the archive
  std::uint32_t mode = 0;            // with set-id bits
  std::string attributes;            // the first extended attribute or ACL it carries: empty for none
  std::string doubt;                 // what two readers would read differently: empty for nothing
  std::optional<std::string> other_name;  // what some readers call it instead: see pax_records.h and set_name()
  std::uint64_t data_offset = 0;     // of the stored bytes, in the stream
};

class ForeignTarReader {
 public:
  explicit ForeignTarReader(std::unique_ptr<ByteSource> source, const Limits& limits = {});
  ~ForeignTarReader();
  ForeignTarReader(ForeignTarReader&&) noexcept;

  // The next entry; nullopt at the end. kArchiveHeader, kArchiveLimit (extension headers over pax_header_bytes, more
  // entries than `members`), kArchiveTruncated.
  Result<std::optional<ForeignEntry>> next();
  // The next stored bytes of the current entry; empty at its end. Of a sparse file that is the map and the pieces.
  Result<Chunk> read();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace airlock::archive
