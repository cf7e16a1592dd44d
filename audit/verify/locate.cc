#include "audit/verify/locate.h"

#include "audit/verify/line_reader.h"
#include "audit/verify/source.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

Result<std::unique_ptr<Source>> open_at(const std::string& bundle, const std::string& file) {
  auto source = TRY(open_source(bundle));
  while (const auto entry = TRY(source->next()))
    if (entry->path == file) return source;
  return fail(Code::kNotFound, file);
}

// The signed digests, one record at a time.
class SignedLines {
 public:
  explicit SignedLines(std::unique_ptr<Source> source) : source_(std::move(source)) {}

  // Empty at the end.
  Result<std::string> next() {
    std::string digits;
    while (digits.size() < manifests::kLineDigestDigits) {
      if (at_ == buffer_.size()) {
        buffer_ = TRY(source_->read());
        at_ = 0;
        if (buffer_.empty()) return std::string();
      }
      if (const char c = buffer_[at_++]; c != '\n') digits += c;
    }
    return digits;
  }

 private:
  std::unique_ptr<Source> source_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::optional<DamagedLine>> locate_damage(const std::string& bundle, const std::string& file,
                                                 std::uint64_t max_line_bytes) {
  SignedLines lines(TRY(open_at(bundle, manifests::line_digest_path(file))));
  const auto source = TRY(open_at(bundle, file));
  std::optional<DamagedLine> found;
  std::optional<Error> broken;
  // A line over the limit is not given to the sink: the next one then stands in its place and does not fit.
  std::uint64_t given = 0;
  const FileSeen seen = TRY(
      read_lines(*source, max_line_bytes, [&](std::string_view, std::uint64_t number, const Digest& leaf) {
        if (found || broken) return;
        if (number != ++given) {
          found = DamagedLine{given, "the line is longer than " + std::to_string(max_line_bytes) + " bytes"};
          return;
        }
        const auto want = lines.next();
        if (!want) broken = want.error();
        else if (want->empty()) found = DamagedLine{number, "the line is more than was signed"};
        else if (*want != manifests::line_digest_text(leaf))
          found = DamagedLine{number, "the line is not the one that was signed"};
      }));
  if (broken) return fail(*broken);
  if (!found && seen.long_line != 0)
    found =
        DamagedLine{seen.long_line, "the line is longer than " + std::to_string(max_line_bytes) + " bytes"};
  if (!found && !TRY(lines.next()).empty())
    found = DamagedLine{seen.lines + 1, "the lines from here on are missing"};
  return found;
}

}  // namespace airlock::audit
