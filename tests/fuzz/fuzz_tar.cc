// Whatever the reader accepts is, byte for byte, what the writer makes of the same members.
#include <sys/mman.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/tar_format.h"
#include "archive/zstd_stream.h"
#include "fuzz.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view tar = fuzz::text(data, size);
  if (tar.empty()) return 0;
  std::string packed;
  auto encoder = archive::ZstdEncoder::open(
      [&](std::string_view bytes) -> Result<void> {
        packed += bytes;
        return {};
      },
      1);
  fuzz::require(encoder && encoder->write(tar) && encoder->end_frame());
  const UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  fuzz::require(::write(fd.get(), packed.data(), packed.size()) == static_cast<ssize_t>(packed.size()));

  auto reader = archive::ArchiveReader::open(fd.get());
  fuzz::require(reader.has_value());
  std::string again;
  for (;;) {
    const auto member = reader->next();
    if (!member) return 0;  // refused
    if (!*member) break;
    again += archive::encode_headers({(*member)->path, (*member)->size, (*member)->executable});
    const auto bytes = reader->read_all(kGiB);
    if (!bytes) return 0;
    again += *bytes;
    again.append(archive::padding(bytes->size()), '\0');
  }
  again.append(2 * archive::kBlock, '\0');
  fuzz::require(again == tar);
  return 0;
}
