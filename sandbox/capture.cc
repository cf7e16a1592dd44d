#include "sandbox/capture.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/io.h"
#include "sandbox/child.h"

namespace airlock::sandbox {

void LineSplitter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > limit_) too_long_ = true;
    if (too_long_) line_.clear();
    else line_ += part;
    if (end == std::string_view::npos) return;
    if (!too_long_) handler_(line_);
    line_.clear();
    too_long_ = false;
    bytes.remove_prefix(end + 1);
  }
}

Result<CapturedStream> CapturedStream::create(const std::string& path, std::uint64_t cap, std::size_t line_limit, LineHandler on_line) {
  CapturedStream stream(path, cap);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_fail("pipe2", "a step's output");
  stream.read_end_ = UniqueFd(ends[0]);
  const UniqueFd low(ends[1]);
  stream.write_end_ = UniqueFd(::fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestTaskFd));
  if (!stream.write_end_) return os_fail("fcntl F_DUPFD_CLOEXEC", "a step's output");
  // Only the reading end: what the step gets is an ordinary blocking pipe.
  if (::fcntl(stream.read_end_.get(), F_SETFL, O_NONBLOCK) != 0) return os_fail("fcntl O_NONBLOCK", "a step's output");
  if (!path.empty()) {
    stream.file_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!stream.file_) return os_fail("open", path);
  }
  if (on_line) stream.lines_.emplace(line_limit, std::move(on_line));
  return stream;
}

void CapturedStream::drain() {
  std::array<char, 65536> buffer;
  while (read_end_) {
    const ssize_t n = ::read(read_end_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // EAGAIN: nothing more for now
    if (n == 0) return read_end_.reset();
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    evidence_.bytes += bytes.size();
    keep(bytes);
    if (lines_) lines_->feed(bytes);
    // A short read empties the pipe. Without this a step that writes without end would keep us from its deadline.
    if (bytes.size() < buffer.size()) return;
  }
}

void CapturedStream::keep(std::string_view bytes) {
  if (!file_) return;
  const std::string_view part = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), cap_ - evidence_.kept)));
  if (part.empty()) return;
  if (const auto written = write_all(file_.get(), part, path_); !written) {
    error_ = written.error();
    file_.reset();
    return;
  }
  evidence_.kept += part.size();
}

}  // namespace airlock::sandbox
