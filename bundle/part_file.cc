#include "bundle/part_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace airlock::bundle {
namespace {

using manifests::kPartHeaderBytes;
using manifests::kPartMagic;

// Up to `size` bytes at `at`; fewer at the end of the file. The error is errno's.
std::expected<std::string, int> read_at(const UniqueFd& file, std::uint64_t at, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::pread(file.get(), bytes.data() + have, size - have, static_cast<off_t>(at + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

std::unexpected<Error> unreadable(const std::string& what, int error_number) {
  return fail(Code::kPart, what + ": cannot be read: " + std::strerror(error_number));
}

bool take_number(std::string_view& text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits > 0;
}

bool named_like_a_part(std::string_view path) {
  constexpr std::string_view kMark = ".part", kOf = "-of-";
  const auto mark = path.rfind(kMark);
  if (mark == std::string_view::npos) return false;
  path.remove_prefix(mark + kMark.size());
  if (!take_number(path) || !path.starts_with(kOf)) return false;
  path.remove_prefix(kOf.size());
  return take_number(path) && path.empty();
}

}  // namespace

bool is_part(const std::string& path) {
  const auto file = open_read(path);
  if (!file) return false;
  const auto begin = read_at(*file, 0, kPartMagic.size());
  return (begin && *begin == kPartMagic) || named_like_a_part(path);
}

std::string part_name(const std::string& bundle_name, std::uint64_t part, std::uint64_t parts) {
  const std::string of = std::to_string(parts), number = std::to_string(part);
  const std::size_t width = std::max<std::size_t>(2, of.size());
  return bundle_name + ".part" + std::string(width - number.size(), '0') + number + "-of-" + std::string(width - of.size(), '0') + of;
}

Result<PartFile> PartFile::open(const std::string& path, const Limits& limits) {
  UniqueFd file = TRY(open_read(path));
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return os_fail("fstat", path);
  const auto block = read_at(file, 0, kPartHeaderBytes);
  if (!block) return unreadable(path, block.error());
  const auto header = manifests::parse_part_header(*block, limits.bundle_bytes);
  if (!header) return fail(header.error().code, path + ": " + header.error().context);
  PartFile part(path, std::move(file), *header);
  const auto size = static_cast<std::uint64_t>(st.st_size), expected = kPartHeaderBytes + header->bytes;
  if (size != expected)
    return fail(Code::kPart, part.name() + (size < expected ? " is cut: " : " has bytes behind its end: ") + std::to_string(size) +
                                 " bytes instead of " + std::to_string(expected));
  return part;
}

std::string PartFile::name() const {
  return "part " + std::to_string(header_.part) + " of " + std::to_string(header_.parts) + " (" + path_ + ")";
}

Result<std::string_view> PartFile::read(std::uint64_t offset, std::string& buffer) const {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), header_.bytes - offset));
  for (;;) {
    const ssize_t n = ::pread(file_.get(), buffer.data(), size, static_cast<off_t>(kPartHeaderBytes + offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(name(), errno);
    if (n == 0) return fail(Code::kPart, name() + " became shorter while it was read");
    return std::string_view(buffer).substr(0, static_cast<std::size_t>(n));
  }
}

}  // namespace airlock::bundle
