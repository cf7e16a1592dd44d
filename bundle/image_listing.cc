#include "bundle/image_listing.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/io.h"
#include "base/limits.h"

namespace airlock::bundle {
namespace {

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF", kPlain = "./_-+@:";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPlain.contains(c)) out += c;
    else out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string octal(unsigned mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3) out += static_cast<char>('0' + ((mode >> shift) & 7));
  return out;
}

Result<Digest> hash_file(const std::string& path) {
  const UniqueFd fd = TRY(open_read(path));
  Sha256 hasher;
  std::string buffer(256 * kKiB, '\0');
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) return hasher.finish();
    hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
  }
}

Result<std::string> target_of(const std::string& path) {
  std::string target(4097, '\0');  // PATH_MAX, and one to see that it fits
  const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
  if (n < 0) return os_fail("readlink", path);
  target.resize(static_cast<std::size_t>(n));
  return target;
}

Result<std::string> line_of(const std::string& path, std::string_view relative) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return os_fail("lstat", path);
  const std::string mode = octal(st.st_mode & 07777), name = " " + escaped(relative) + "\n";
  if (S_ISLNK(st.st_mode)) return "l - " + escaped(TRY(target_of(path))) + name;
  if (S_ISREG(st.st_mode)) return "f " + mode + " " + TRY(hash_file(path)).hex() + name;
  return (S_ISDIR(st.st_mode) ? "d " : "? ") + mode + " -" + name;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

Result<std::string> list_image(const std::string& folder) {
  std::vector<std::string> lines;
  std::error_code ec;
  for (std::filesystem::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string path = it->path().string();
    lines.push_back(TRY(line_of(path, std::string_view(path).substr(folder.size() + 1))));
  }
  if (ec) return fail(os_error("list", folder, ec.value()));
  std::ranges::sort(lines);
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

std::string first_listing_difference(const std::string& wanted, const std::string& got) {
  std::vector<std::string_view> only;
  std::ranges::set_symmetric_difference(lines_of(wanted), lines_of(got), std::back_inserter(only));
  return only.empty() ? "nothing" : std::string(only.front().substr(only.front().rfind(' ') + 1));
}

}  // namespace airlock::bundle
