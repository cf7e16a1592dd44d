#include "audit/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "archive/archive.h"
#include "base/io.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr archive::WriterOptions kOptions{.level = 1, .frame_bytes = 4 * kMiB};

Result<UniqueFd> create(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return os_fail("create", path);
  return fd;
}

Result<void> sync(int fd, const std::string& path) {
  if (::fsync(fd) != 0) return os_fail("fsync", path);
  return {};
}

// Gives the bytes of `fd` from its position on, block by block.
Result<void> for_each_block(int fd, const std::string& path,
                            const std::function<Result<void>(std::string_view)>& each) {
  std::string block(kBlock, '\0');
  for (;;) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) return {};
    TRY(each(std::string_view(block.data(), static_cast<std::size_t>(n))));
  }
}

Result<void> pack_file(archive::ArchiveWriter& writer, const std::string& full, const std::string& path) {
  const UniqueFd file = TRY(open_read(full));
  struct stat st {};
  if (::fstat(file.get(), &st) != 0) return os_fail("fstat", full);
  TRY(writer.begin_member(path, static_cast<std::uint64_t>(st.st_size), false));
  return for_each_block(file.get(), full, [&](std::string_view block) { return writer.write(block); });
}

}  // namespace

Result<void> pack(const std::string& folder, const std::vector<std::string>& paths,
                  const std::string& archive) {
  const UniqueFd out = TRY(create(archive));
  archive::ArchiveWriter writer([&](std::string_view bytes) { return write_all(out.get(), bytes, archive); },
                                kOptions);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (i == 1)
      TRY(writer.begin_frame());  // so that the signatures can be exchanged without touching the rest
    TRY(pack_file(writer, folder + "/" + paths[i], paths[i]));
  }
  TRY(writer.finish());
  return sync(out.get(), archive);
}

Result<void> replace_first_member(const std::string& from, std::string_view bytes, const std::string& to) {
  const UniqueFd in = TRY(open_read(from));
  std::uint64_t rest = 0;
  std::string path;
  {
    auto reader = TRY(archive::ArchiveReader::open(in.get()));
    const auto first = TRY(reader.next());
    const auto second = first ? TRY(reader.next()) : std::nullopt;
    if (!second || !second->starts_frame)
      return fail(Code::kAuditManifest, from + ": its signatures do not stand in a frame of their own");
    rest = second->frame_offset;
    path = first->path;
  }
  const UniqueFd out = TRY(create(to));
  archive::ArchiveWriter writer([&](std::string_view packed) { return write_all(out.get(), packed, to); },
                                kOptions);
  TRY(writer.add(path, bytes));
  TRY(writer.begin_frame());  // ends the frame; nothing follows from this writer, the old archive's end is
                              // copied
  if (::lseek(in.get(), static_cast<off_t>(rest), SEEK_SET) < 0) return os_fail("lseek", from);
  TRY(for_each_block(in.get(), from,
                     [&](std::string_view block) { return write_all(out.get(), block, to); }));
  return sync(out.get(), to);
}

Result<void> publish(const std::string& made, const std::string& name) {
  const auto slash = name.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : (slash == 0 ? "/" : name.substr(0, slash));
  // COMMIT POINT: a crash before leaves no bundle under this name (only a .partial-* folder), after it the
  // whole one; test: an export that ends early leaves nothing under its name
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY) return fail(Code::kAlreadyExists, name);
    return os_fail("rename", name);
  }
  return sync_dir(folder);
}

}  // namespace airlock::audit
