// sandbox/capture: reads what a step writes and keeps up to a cap of it in a file. Memory stays flat.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/evidence.h"

namespace airlock::sandbox {

using LineHandler = std::function<void(std::string_view)>;

// Cuts a byte stream into lines; lines over the limit, and a last line without its end, are left out.
class LineSplitter {
 public:
  LineSplitter(std::size_t limit, LineHandler handler) : limit_(limit), handler_(std::move(handler)) {}
  void feed(std::string_view bytes);

 private:
  std::size_t limit_;
  LineHandler handler_;
  std::string line_;
  bool too_long_ = false;
};

// One stream of a step: a pipe and the file behind it.
class CapturedStream {
 public:
  // An empty path keeps nothing. `on_line` may be empty.
  static Result<CapturedStream> create(const std::string& path, std::uint64_t cap, std::size_t line_limit, LineHandler on_line);

  UniqueFd& write_end() { return write_end_; }  // for the child; close it once the child has its own
  int poll_fd() const { return read_end_.get(); }  // -1 at end of file
  // Reads what is there without blocking. A file that cannot be written ends the keeping, not the reading.
  void drain();

  const StreamEvidence& evidence() const { return evidence_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  CapturedStream(std::string path, std::uint64_t cap) : path_(std::move(path)), cap_(cap) {}
  void keep(std::string_view bytes);

  std::string path_;
  std::uint64_t cap_;
  UniqueFd read_end_, write_end_, file_;
  std::optional<LineSplitter> lines_;
  StreamEvidence evidence_;
  std::optional<Error> error_;
};

}  // namespace airlock::sandbox
