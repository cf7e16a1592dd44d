#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/name_guard.h"
#include "archive/tar_format.h"
#include "archive/zstd_stream.h"
#include "base/huge_pages.h"
#include "base/io.h"
#include "base/path.h"

namespace airlock::archive {

struct ArchiveReader::Impl {
  Limits limits;
  std::uint64_t file_bytes = 0, unpacked_limit = 0;
  std::unique_ptr<ByteSource> source;
  NameGuard names;

  Chunk chunk;                     // what is left of the newest chunk
  bool fresh = false;              // nothing of it has been taken yet
  std::uint64_t unpacked = 0;      // bytes taken from chunks
  std::uint64_t member_left = 0;   // data bytes of the current member
  std::size_t pad_left = 0;
  std::uint64_t members = 0;
  std::string path;                // of the current member
  bool ended = false;
  std::optional<std::uint64_t> end_frame;

  std::string here() const { return "offset " + std::to_string(unpacked) + " of the unpacked archive"; }
  Error cut() const {
    return {Code::kArchiveTruncated, path.empty() ? here() : "after \"" + path + "\", " + here()};
  }

  // Makes `chunk` non-empty unless the stream has ended; false then.
  Result<bool> more() {
    if (!chunk.bytes.empty()) return true;
    chunk = TRY(source->next());
    fresh = true;
    return !chunk.bytes.empty();
  }

  Result<std::string_view> take_some(std::uint64_t most) {
    if (!TRY(more())) return std::string_view{};
    const std::string_view bytes = chunk.bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, chunk.bytes.size())));
    chunk.bytes.remove_prefix(bytes.size());
    fresh = false;
    unpacked += bytes.size();
    if (unpacked > unpacked_limit)
      return fail(Code::kArchiveBomb, here() + ": expands the file's " + std::to_string(file_bytes) + " bytes too far, limit expansionRatio " +
                                          std::to_string(limits.expansion_ratio));
    return bytes;
  }

  Result<std::string> take(std::size_t size) {
    std::string out;
    out.reserve(size);
    prefer_huge_pages(out);
    while (out.size() < size) {
      const std::string_view bytes = TRY(take_some(size - out.size()));
      if (bytes.empty()) return fail(cut());
      out += bytes;
    }
    return out;
  }

  Result<void> take_padding() {
    if (pad_left == 0) return {};
    const std::string pad = TRY(take(pad_left));
    pad_left = 0;
    if (pad.find_first_not_of('\0') != std::string::npos)
      return fail(Code::kArchiveHeader, "\"" + path + "\": padding that is not zero");
    return {};
  }

  Result<void> finish() {
    // The first zero block has been taken; the second must follow, and then nothing, not even an empty frame.
    const Header second = TRY(decode_here(TRY(take(kBlock))));
    if (second.kind != HeaderKind::kEnd) return fail(Code::kArchiveHeader, here() + ": one zero block instead of two");
    if (TRY(more())) return fail(Code::kArchiveTrailing, here() + ": bytes after the two zero blocks");
    ended = true;
    return {};
  }

  Result<Header> decode_here(std::string_view block) {
    auto header = decode_header(block);
    if (!header) return fail(header.error().code, here() + ": " + header.error().context);
    return header;
  }

  Result<std::optional<Member>> next() {
    if (ended) return std::nullopt;
    while (member_left > 0)
      if (TRY(read()).bytes.empty()) break;
    TRY(take_padding());
    Member member;
    if (!TRY(more())) return fail(cut());
    member.tar_offset = unpacked;
    member.frame_offset = chunk.frame_offset;
    member.starts_frame = fresh && chunk.starts_frame;
    std::string seen = TRY(take(kBlock));
    Header header = TRY(decode_here(seen));
    if (header.kind == HeaderKind::kEnd) {
      if (member.starts_frame) end_frame = member.frame_offset;
      TRY(finish());
      return std::nullopt;
    }
    std::optional<PaxRecords> pax;
    if (header.kind == HeaderKind::kPax) {
      if (header.size > limits.pax_header_bytes)
        return fail(Code::kArchiveLimit, here() + ": a pax header of " + std::to_string(header.size) + " bytes");
      const auto size = static_cast<std::size_t>(header.size);
      seen += TRY(take(size + padding(size)));
      auto records = decode_pax(std::string_view(seen).substr(kBlock, size));
      if (!records) return fail(records.error().code, here() + ": " + records.error().context);
      pax = std::move(*records);
      const std::string block = TRY(take(kBlock));
      header = TRY(decode_here(block));
      if (header.kind != HeaderKind::kFile) return fail(Code::kArchiveHeader, here() + ": a pax header without its member");
      seen += block;
    }
    const TarMember tar = TRY(combine(header, pax));
    TRY(safe_path(tar.path, limits));
    TRY(check_canonical(tar, seen));
    if (tar.size > limits.member_bytes)
      return fail(Code::kArchiveLimit, "\"" + tar.path + "\": a member of " + std::to_string(tar.size) + " bytes, limit memberBytes " +
                                           std::to_string(limits.member_bytes));
    if (++members > limits.members) return fail(Code::kArchiveLimit, "one member more than limit members " + std::to_string(limits.members));
    TRY(names.add(tar.path));
    path = member.path = tar.path;
    member.size = member_left = tar.size;
    member.executable = tar.executable;
    pad_left = padding(tar.size);
    return member;
  }

  Result<Chunk> read() {
    if (member_left == 0) return Chunk{};
    const std::string_view bytes = TRY(take_some(member_left));
    if (bytes.empty()) return fail(cut());
    member_left -= bytes.size();
    return Chunk{bytes, chunk.owner, chunk.frame_offset, false};
  }
};

ArchiveReader::ArchiveReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ArchiveReader::~ArchiveReader() = default;
ArchiveReader::ArchiveReader(ArchiveReader&&) noexcept = default;

Result<ArchiveReader> ArchiveReader::open(int fd, ReaderOptions options) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return os_fail("fstat", "the bundle file");
  if (!S_ISREG(st.st_mode)) return fail(Code::kIo, "the bundle is not a regular file");
  auto impl = std::make_unique<Impl>();
  impl->limits = options.limits;
  impl->file_bytes = static_cast<std::uint64_t>(st.st_size);
  if (impl->file_bytes > options.limits.bundle_bytes)
    return fail(Code::kArchiveLimit, "a file of " + std::to_string(impl->file_bytes) + " bytes, limit bundleBytes " +
                                         std::to_string(options.limits.bundle_bytes));
  // The whole file counts, not what has been read so far: a bundle may well begin with its most compressible member.
  impl->unpacked_limit = std::max(kMiB, impl->file_bytes * options.limits.expansion_ratio);
  impl->source = TRY(ZstdDecoder::open(fd, impl->file_bytes, options.limits));
  if (options.prefetch) impl->source = std::make_unique<Prefetch>(std::move(impl->source));
  return ArchiveReader(std::move(impl));
}

Result<std::optional<Member>> ArchiveReader::next() { return impl_->next(); }
Result<Chunk> ArchiveReader::read() { return impl_->read(); }

Result<std::string> ArchiveReader::read_all(std::uint64_t limit) {
  if (impl_->member_left > limit)
    return fail(Code::kArchiveLimit, "\"" + impl_->path + "\" is over " + std::to_string(limit) + " bytes");
  return impl_->take(static_cast<std::size_t>(std::exchange(impl_->member_left, 0)));
}

std::uint64_t ArchiveReader::file_bytes() const { return impl_->file_bytes; }
std::uint64_t ArchiveReader::unpacked_bytes() const { return impl_->unpacked; }
std::uint64_t ArchiveReader::packed_bytes() const { return impl_->ended ? impl_->file_bytes : impl_->chunk.frame_offset; }
std::optional<std::uint64_t> ArchiveReader::end_frame_offset() const { return impl_->end_frame; }

}  // namespace airlock::archive
