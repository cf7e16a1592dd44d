#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "archive/zstd_stream.h"

namespace airlock::archive::test {

UniqueFd file_of(std::string_view bytes) {
  UniqueFd fd(::memfd_create("archive", MFD_CLOEXEC));
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0) std::abort();
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return fd;
}

std::string pack(const std::vector<File>& files, WriterOptions options) {
  std::string out;
  ArchiveWriter writer(
      [&](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
      },
      options);
  for (const File& file : files) writer.add(file.path, file.bytes, file.executable).value();
  writer.finish().value();
  return out;
}

std::string zstd(std::string_view bytes) {
  std::string out;
  auto encoder = ZstdEncoder::open(
                     [&](std::string_view part) -> Result<void> {
                       out += part;
                       return {};
                     },
                     1)
                     .value();
  encoder.write(bytes).value();
  encoder.end_frame().value();
  return out;
}

Result<std::vector<File>> unpack(std::string_view packed, ReaderOptions options) {
  const UniqueFd fd = file_of(packed);
  ArchiveReader reader = TRY(ArchiveReader::open(fd.get(), options));
  std::vector<File> files;
  while (auto member = TRY(reader.next())) {
    std::string bytes = TRY(reader.read_all(kGiB));
    files.push_back({member->path, std::move(bytes), member->executable});
  }
  return files;
}

std::string tar_member(const File& file) {
  std::string out = encode_headers({file.path, file.bytes.size(), file.executable}) + file.bytes;
  return out.append(padding(file.bytes.size()), '\0');
}

std::string with_checksum(std::string block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  block.replace(148, 8, std::string(text) + '\0' + ' ');
  return block;
}

}  // namespace airlock::archive::test
