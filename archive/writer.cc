#include "archive/archive.h"
#include "archive/tar_format.h"
#include "archive/zstd_stream.h"
#include "base/path.h"

namespace airlock::archive {

struct ArchiveWriter::Impl {
  Sink sink;
  WriterOptions options;
  std::optional<ZstdEncoder> encoder;  // opened with the first byte, where it can fail
  std::string path;                    // of the open member
  std::uint64_t member_left = 0, unpacked = 0;
  std::size_t pad = 0;
  bool finished = false;

  // Frames are cut at fixed numbers of content bytes, so that their places do not depend on how write() was called.
  Result<void> put(std::string_view bytes) {
    if (!encoder) encoder = TRY(ZstdEncoder::open(sink, options.level));
    while (!bytes.empty()) {
      const std::uint64_t room = options.frame_bytes - encoder->frame_bytes();
      const std::string_view part = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size())));
      TRY(encoder->write(part));
      bytes.remove_prefix(part.size());
      unpacked += part.size();
      if (encoder->frame_bytes() >= options.frame_bytes) TRY(encoder->end_frame());
    }
    return {};
  }

  Result<void> end_member() {
    if (member_left != 0)
      return fail(Code::kInternal, "\"" + path + "\": " + std::to_string(member_left) + " bytes of it were not written");
    return put(std::string(std::exchange(pad, 0), '\0'));
  }
};

ArchiveWriter::ArchiveWriter(Sink sink, WriterOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::move(sink);
  impl_->options = options;
}
ArchiveWriter::~ArchiveWriter() = default;
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;

Result<void> ArchiveWriter::begin_member(std::string_view path, std::uint64_t size, bool executable) {
  if (impl_->finished) return fail(Code::kInternal, "a member after the end of the archive");
  TRY(safe_path(path));
  TRY(impl_->end_member());
  TRY(impl_->put(encode_headers({std::string(path), size, executable})));
  impl_->path = std::string(path);
  impl_->member_left = size;
  impl_->pad = padding(size);
  return {};
}

Result<void> ArchiveWriter::write(std::string_view bytes) {
  if (bytes.size() > impl_->member_left) return fail(Code::kInternal, "\"" + impl_->path + "\": more bytes than announced");
  impl_->member_left -= bytes.size();
  return impl_->put(bytes);
}

Result<void> ArchiveWriter::add(std::string_view path, std::string_view bytes, bool executable) {
  TRY(begin_member(path, bytes.size(), executable));
  return write(bytes);
}

Result<void> ArchiveWriter::begin_frame() {
  TRY(impl_->end_member());
  if (impl_->encoder) TRY(impl_->encoder->end_frame());
  return {};
}

Result<void> ArchiveWriter::finish() {
  TRY(impl_->end_member());
  TRY(impl_->put(std::string(2 * kBlock, '\0')));
  TRY(impl_->encoder->end_frame());
  impl_->finished = true;
  return {};
}

std::uint64_t ArchiveWriter::unpacked_bytes() const { return impl_->unpacked; }
std::uint64_t ArchiveWriter::packed_bytes() const { return impl_->encoder ? impl_->encoder->packed_bytes() : 0; }

}  // namespace airlock::archive
