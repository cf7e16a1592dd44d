#include <zstd.h>

#include "archive/zstd_stream.h"

namespace airlock::archive {

struct ZstdEncoder::Impl {
  Sink sink;
  ZSTD_CStream* stream = nullptr;
  std::string out = std::string(ZSTD_CStreamOutSize(), '\0');
  std::uint64_t frame_bytes = 0, packed_bytes = 0;

  ~Impl() { ZSTD_freeCStream(stream); }

  Result<void> feed(std::string_view bytes, ZSTD_EndDirective mode) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer buffer{out.data(), out.size(), 0};
      const std::size_t left = ZSTD_compressStream2(stream, &buffer, &in, mode);
      if (ZSTD_isError(left)) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(left));
      packed_bytes += buffer.pos;
      if (buffer.pos > 0) TRY(sink(std::string_view(out).substr(0, buffer.pos)));
      if (mode == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }
};

ZstdEncoder::ZstdEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZstdEncoder::~ZstdEncoder() = default;
ZstdEncoder::ZstdEncoder(ZstdEncoder&&) noexcept = default;
ZstdEncoder& ZstdEncoder::operator=(ZstdEncoder&&) noexcept = default;

Result<ZstdEncoder> ZstdEncoder::open(Sink sink, int level) {
  auto impl = std::make_unique<Impl>();
  impl->sink = std::move(sink);
  impl->stream = ZSTD_createCStream();
  if (impl->stream == nullptr) return fail(Code::kInternal, "zstd: no memory for an encoder");
  if (level < 1 || level > ZSTD_maxCLevel())
    return fail(Code::kUsage, "zstd level " + std::to_string(level) + " is not within 1 and " + std::to_string(ZSTD_maxCLevel()));
  ZSTD_CCtx_setParameter(impl->stream, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(impl->stream, ZSTD_c_checksumFlag, 1);  // finds damage where it is, before a digest would
  return ZstdEncoder(std::move(impl));
}

Result<void> ZstdEncoder::write(std::string_view bytes) {
  impl_->frame_bytes += bytes.size();
  return impl_->feed(bytes, ZSTD_e_continue);
}

Result<void> ZstdEncoder::end_frame() {
  if (impl_->frame_bytes == 0) return {};
  impl_->frame_bytes = 0;
  return impl_->feed({}, ZSTD_e_end);
}

std::uint64_t ZstdEncoder::frame_bytes() const { return impl_->frame_bytes; }
std::uint64_t ZstdEncoder::packed_bytes() const { return impl_->packed_bytes; }

}  // namespace airlock::archive
