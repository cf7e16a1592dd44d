// archive: the strict .tar.zst of airlock, written and read as a stream (bundle format page, "File").
//
// Written: POSIX ustar, with a pax header (records `path` and `size` only) where ustar cannot say it; regular files,
// mode 0644 or 0755, owner 0:0 without names, time 0, zero padding, two zero blocks at the end; compressed as
// independent zstd frames with checksums. The same members in the same order give the same bytes.
//
// Read: exactly that and nothing else. What other readers accept by design is refused here, because two readers
// that disagree about one archive are an attack: links, devices, folders, sparse files, global headers, GNU
// extensions, pax records that contradict, unknown modes or owners, dictionaries, skippable or empty frames,
// anything after the end. Every limit of base/limits.h holds while streaming; memory does not depend on the size.
//
// The order of the members is the caller's business (bundle/layout.h for bundles).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "archive/stream.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::archive {

struct WriterOptions {
  int level = 3;                        // zstd level
  std::uint64_t frame_bytes = 4 * kMiB; // a frame is cut once this much has gone into it
};

class ArchiveWriter {
 public:
  // Receives the compressed bytes in order.
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit ArchiveWriter(Sink sink, WriterOptions options = {});
  ~ArchiveWriter();
  ArchiveWriter(ArchiveWriter&&) noexcept;

  // Exactly `size` bytes must then come through write(), before the next member or finish().
  Result<void> begin_member(std::string_view path, std::uint64_t size, bool executable);
  Result<void> write(std::string_view bytes);
  Result<void> add(std::string_view path, std::string_view bytes, bool executable = false);  // both in one

  Result<void> begin_frame();  // the next byte opens a new zstd frame; frames can be copied and swapped whole
  Result<void> finish();       // the two zero blocks; nothing may follow
  std::uint64_t unpacked_bytes() const;
  std::uint64_t packed_bytes() const;   // what the sink has received so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Member {
  std::string path;                 // passes safe_path(), collides with no earlier member
  std::uint64_t size = 0;
  bool executable = false;          // 0755, else 0644
  std::uint64_t tar_offset = 0;     // of its first header, in the unpacked stream: for error messages
  std::uint64_t frame_offset = 0;   // in the compressed file, of the frame that holds the first header byte
  bool starts_frame = false;        // the header is the first thing in that frame
};

struct ReaderOptions {
  Limits limits;
  bool prefetch = false;            // decode on a second thread
};

class ArchiveReader {
 public:
  // Reads `fd` (a regular file, which must outlive the reader) once, from offset 0 to its end.
  // kArchiveLimit when the file is over limits.bundle_bytes.
  static Result<ArchiveReader> open(int fd, ReaderOptions options = {});
  ~ArchiveReader();
  ArchiveReader(ArchiveReader&&) noexcept;

  // The next member, or nullopt once the archive and the file have both ended as they must. What was left of the
  // member before is skipped. Errors: kArchive*, with the member or the offset.
  Result<std::optional<Member>> next();
  // The next bytes of the current member; empty at its end.
  Result<Chunk> read();
  Result<std::string> read_all(std::uint64_t limit);  // the rest of the current member; over limit: kArchiveLimit

  std::uint64_t file_bytes() const;      // size of the compressed file
  std::uint64_t unpacked_bytes() const;  // handed out so far, headers included
  std::uint64_t packed_bytes() const;    // compressed bytes behind what was handed out (start of the current frame)
  // Behind the last member: where the frame begins that holds nothing but the end of the archive, if there is one.
  std::optional<std::uint64_t> end_frame_offset() const;

 private:
  struct Impl;
  explicit ArchiveReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airlock::archive
