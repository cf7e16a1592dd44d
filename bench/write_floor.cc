// The cheapest durable writing of a tree that is known here: files from 1 MiB past the page cache (O_DIRECT), smaller
// ones through it, one syncfs at the end. Writes bytes of its own, so that nothing but writing is measured.
//
// Usage: write_floor FOLDER < LIST     LIST: lines "SIZE PATH", paths relative to FOLDER, whose folders are made
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

namespace {

constexpr std::size_t kPiece = 1 << 20, kBlock = 4096;
constexpr std::uint64_t kDirectFrom = 1 << 20;

[[noreturn]] void die(const std::string& what) {
  std::cerr << "write_floor: " << what << "\n";
  std::exit(1);
}

void write_file(const std::string& path, std::uint64_t size, const char* bytes) {
  const bool direct = size >= kDirectFrom;
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (direct ? O_DIRECT : 0), 0644);
  if (fd < 0 && direct) fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);  // a file system without it
  if (fd < 0) die("open " + path);
  if (direct && ::posix_fallocate(fd, 0, static_cast<off_t>(size)) != 0) die("allocate " + path);
  for (std::uint64_t at = 0; at < size;) {
    std::uint64_t piece = std::min<std::uint64_t>(kPiece, size - at);
    if (direct) piece = (piece + kBlock - 1) / kBlock * kBlock;
    const ssize_t n = ::write(fd, bytes, piece);
    if (n <= 0) die("write " + path);
    at += static_cast<std::uint64_t>(n);
  }
  if (direct && ::ftruncate(fd, static_cast<off_t>(size)) != 0) die("truncate " + path);
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) die("one folder");
  const std::string root = argv[1];
  auto* const bytes = static_cast<char*>(std::aligned_alloc(kBlock, kPiece));
  for (std::size_t i = 0; i < kPiece; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  ::mkdir(root.c_str(), 0755);
  const int folder = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) die("open " + root);
  std::set<std::string> made;
  std::uint64_t size = 0;
  std::string path;
  while (std::cin >> size >> path) {
    for (std::size_t at = 0; (at = path.find('/', at + 1)) != std::string::npos;)
      if (made.insert(path.substr(0, at)).second) ::mkdir((root + "/" + path.substr(0, at)).c_str(), 0755);
    write_file(root + "/" + path, size, bytes);
  }
  if (::syncfs(folder) != 0) die("syncfs");
}
