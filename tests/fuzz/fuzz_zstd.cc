// The frames a bundle may have decode to the same bytes through the general decoder. What comes out is bounded.
#include <sys/mman.h>
#include <unistd.h>

#include "archive/decode.h"
#include "archive/zstd_stream.h"
#include "base/unique_fd.h"
#include "fuzz.h"

using namespace airlock;

namespace {

constexpr std::uint64_t kMost = 4 * kMiB;  // a frame header may claim anything; the test must stay small

Result<std::string> strictly(std::string_view packed) {
  const UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  fuzz::require(::write(fd.get(), packed.data(), packed.size()) == static_cast<ssize_t>(packed.size()));
  Limits limits;
  limits.zstd_window_bytes = 8 * kMiB;
  const auto decoder = TRY(archive::ZstdDecoder::open(fd.get(), packed.size(), limits));
  return archive::read_all(*decoder, kMost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packed = fuzz::text(data, size);
  archive::DecodeLimits limits;
  limits.max_output = kMost;
  limits.window_bytes = 8 * kMiB;
  const auto general = archive::unzstd(packed, limits);
  if (general) fuzz::require(general->size() <= kMost);
  if (packed.empty()) return 0;
  const auto strict = strictly(packed);
  if (strict) fuzz::require(general && *general == *strict);
  const auto gzip = archive::gzip_source(archive::memory_source(packed), limits);
  fuzz::require(gzip.has_value());
  if (const auto bytes = archive::read_all(**gzip, kMost)) fuzz::require(bytes->size() <= kMost);
  return 0;
}
