#include "scratch.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/digest.h"
#include "base/io.h"
#include "base/limits.h"

namespace airlock::conformance {

Result<UniqueFd> memory_file(std::string_view bytes) {
  UniqueFd fd(::memfd_create("vector", MFD_CLOEXEC));
  if (!fd) return os_fail("memfd_create", "a vector");
  TRY(write_all(fd.get(), bytes, "a vector"));
  return fd;
}

Result<Yard> Yard::make() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr ? base : "/tmp") + "/airlock-conformance-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return os_fail("mkdtemp", path);
  Yard yard(path);
  TRY(make_dirs(path + "/inside"));
  TRY(make_dirs(path + "/etc"));
  TRY(create_file_durably(path + "/etc/passwd", "do not touch\n"));
  TRY(create_file_durably(path + "/victim.txt", "do not touch\n"));
  if (::symlink("victim.txt", (path + "/link").c_str()) != 0) return os_fail("symlink", path);
  return yard;
}

Yard::~Yard() {
  if (!path_.empty()) (void)remove_tree(path_);  // ignoring: only rubbish is left
}

std::string Yard::outside() const {
  std::set<std::string> lines;
  std::error_code error;
  auto it = std::filesystem::recursive_directory_iterator(path_, error);
  for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    const std::string path = it->path().string();
    if (path == inside()) {
      it.disable_recursion_pending();
      continue;
    }
    struct stat st{};
    if (::lstat(path.c_str(), &st) != 0) continue;
    std::string line = path + " " + std::to_string(st.st_mode) + " " + std::to_string(st.st_nlink) + " " + std::to_string(st.st_size) + " " +
                       std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
    if (S_ISREG(st.st_mode)) line += " " + Digest::of(read_file(path, kMiB).value_or("")).hex();
    lines.insert(std::move(line));
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace airlock::conformance
