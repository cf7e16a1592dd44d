#include "audit/verify/line_reader.h"

#include <cstring>

namespace airlock::audit {
namespace {

class LineCutter {
 public:
  LineCutter(std::uint64_t max_line_bytes, const LineSink& each) : max_(max_line_bytes), each_(each) {}

  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      const void* found = std::memchr(bytes.data(), '\n', bytes.size());
      if (found == nullptr) return keep(bytes);
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
      const std::string_view head = bytes.substr(0, length);
      bytes.remove_prefix(length + 1);
      if (carry_.empty() && !too_long_) {
        head.size() > max_ ? skip_line() : give(head);
        continue;
      }
      keep(head);
      too_long_ ? skip_line() : give(carry_);
      carry_.clear();
    }
  }

  FileSeen finish(Digest sha256, std::uint64_t size) {
    const bool cut = !carry_.empty() || too_long_;
    if (cut) too_long_ ? skip_line() : give(carry_);
    return {sha256, size, lines_, std::move(tree_), long_line_, !cut};
  }

 private:
  // Once a line is over the limit nothing of it is kept: a 100 MB line must not cost 100 MB.
  void keep(std::string_view bytes) {
    if (carry_.size() + bytes.size() > max_) too_long_ = true;
    if (too_long_) carry_.clear();
    else carry_ += bytes;
  }

  void skip_line() {
    ++lines_;
    if (long_line_ == 0) long_line_ = lines_;
    too_long_ = false;
  }

  void give(std::string_view line) {
    const Digest leaf = merkle_leaf(line);
    tree_.append(leaf);
    each_(line, ++lines_, leaf);
  }

  std::uint64_t max_;
  const LineSink& each_;
  std::string carry_;
  CompactRange tree_;
  std::uint64_t lines_ = 0, long_line_ = 0;
  bool too_long_ = false;
};

}  // namespace

Result<FileSeen> read_lines(Source& source, std::uint64_t max_line_bytes, const LineSink& each) {
  LineCutter cutter(max_line_bytes, each);
  Sha256 hasher;
  std::uint64_t size = 0;
  for (;;) {
    const std::string_view bytes = TRY(source.read());
    if (bytes.empty()) return cutter.finish(hasher.finish(), size);
    hasher.update(bytes);
    size += bytes.size();
    cutter.take(bytes);
  }
}

}  // namespace airlock::audit
