// base/io: the few file operations everybody needs, with errors that name the path. Durable writing stands here once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock {

// The error of a failed system call, from errno: kDiskFull, kPermission, kNotFound, kStateReadOnly or kIo.
Error os_error(std::string_view call, std::string_view path, int error_number);
std::unexpected<Error> os_fail(std::string_view call, std::string_view path);  // reads errno

Result<UniqueFd> open_read(const std::string& path);                 // regular file, O_NOFOLLOW on the last part
Result<UniqueFd> open_dir(const std::string& path);
Result<void> make_dirs(const std::string& path, unsigned mode = 0755);  // like mkdir -p
bool path_exists(const std::string& path);

// At most `limit` bytes, else kTooLarge.
Result<std::string> read_file(const std::string& path, std::uint64_t limit);
Result<std::string> read_fd(int fd, std::uint64_t limit, std::string_view what);
Result<void> write_all(int fd, std::string_view bytes, std::string_view what);

// Replaces `path` as a whole: temporary file in the same folder, write, fsync, rename, fsync of the folder.
// After a crash either the old or the new content is there.
Result<void> write_file_durably(const std::string& path, std::string_view bytes, unsigned mode = 0644);
// The same for a file that must not exist yet: kAlreadyExists, and the existing one is untouched.
Result<void> create_file_durably(const std::string& path, std::string_view bytes, unsigned mode = 0644);
Result<void> sync_dir(const std::string& path);

// Removes a folder and all in it without following links. Not there is fine.
Result<void> remove_tree(const std::string& path);

}  // namespace airlock
