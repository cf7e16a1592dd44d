#include "manifests/audit_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/encoding.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/path.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMaxDepth = Limits{}.json_depth;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The text of an integer of 64 bits, as canonical_json writes it.
bool canonical_integer(std::string_view digits) {
  const bool negative = digits.starts_with('-');
  const std::string_view magnitude = digits.substr(negative ? 1 : 0);
  if (magnitude.empty() || (magnitude[0] == '0' && (magnitude.size() > 1 || negative))) return false;
  std::uint64_t u = 0;
  std::int64_t i = 0;
  return (negative ? std::from_chars(digits.data(), digits.data() + digits.size(), i).ec
                   : std::from_chars(digits.data(), digits.data() + digits.size(), u).ec) == std::errc{};
}

// The text of a double, as canonical_json writes it: also one that looks like an integer of more than 64 bits (1e20 does).
bool canonical_double(std::string_view digits) {
  double d = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), d);
  return ec == std::errc{} && end == digits.data() + digits.size() && canonical_number(d) == digits;
}

// Non-zero in each byte of `word` that is a quote, a backslash, a control character or not ASCII.
std::uint64_t special_bytes(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL, kHigh = 0x8080808080808080ULL;
  const std::uint64_t quote = word ^ (kOnes * '"'), slash = word ^ (kOnes * '\\');
  const std::uint64_t zero_quote = (quote - kOnes) & ~quote, zero_slash = (slash - kOnes) & ~slash;
  const std::uint64_t control = (word - kOnes * 0x20) & ~word;
  return (zero_quote | zero_slash | control | word) & kHigh;
}

// What canonical form writes after a backslash, and the character it means; '\0' where it never writes that
// letter.
char short_escape(char letter) {
  switch (letter) {
    case '"': return '"';
    case '\\': return '\\';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

// `text` is the inside of a string that was already found canonical.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text[++i] == 'u') {
      out += (*from_hex(text.substr(i + 3, 2)))[0];
      i += 4;
    } else {
      out += short_escape(text[i]);
    }
  }
  return out;
}

// UTF-16 order of two UTF-8 strings: code points above the BMP sort as surrogates, before U+E000..U+FFFF.
bool utf16_less(std::string_view a, std::string_view b) {
  const std::size_t n = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i < n && a[i] == b[i]) ++i;
  if (i == n) return a.size() < b.size();
  const auto rank = [](char ch) {
    const auto c = static_cast<unsigned char>(ch);
    return c >= 0xF0 ? 0xED00 + c : int{c} << 8;
  };
  return rank(a[i]) < rank(b[i]);
}

}  // namespace

JsonKind LineValue::kind() const { return line_->nodes_[node_].kind; }

std::string_view LineValue::text() const {
  const auto& node = line_->nodes_[node_];
  return line_->text_.substr(node.begin, node.end - node.begin);
}

std::optional<LineValue> LineValue::find(std::string_view key) const {
  const auto& nodes = line_->nodes_;
  if (nodes[node_].kind != JsonKind::kObject) return std::nullopt;
  for (std::uint32_t i = node_ + 1; i < nodes[node_].next; i = nodes[i + 1].next) {
    const auto& name = nodes[i];
    if (name.end - name.begin == key.size() + 2 && line_->text_.substr(name.begin + 1, key.size()) == key)
      return LineValue(*line_, i + 1);
  }
  return std::nullopt;
}

std::optional<std::string_view> LineValue::string() const {
  if (kind() != JsonKind::kString) return std::nullopt;
  const std::string_view quoted = text();
  return quoted.substr(1, quoted.size() - 2);
}

std::optional<std::uint64_t> LineValue::uint() const {
  if (kind() != JsonKind::kNumber) return std::nullopt;
  const std::string_view digits = text();
  std::uint64_t out = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

std::optional<std::string_view> LineValue::string_at(std::string_view key) const {
  const auto member = find(key);
  return member ? member->string() : std::nullopt;
}

std::optional<std::uint64_t> LineValue::uint_at(std::string_view key) const {
  const auto member = find(key);
  return member ? member->uint() : std::nullopt;
}

std::vector<LineValue> LineValue::items() const {
  std::vector<LineValue> out;
  const auto& nodes = line_->nodes_;
  if (nodes[node_].kind != JsonKind::kArray) return out;
  for (std::uint32_t i = node_ + 1; i < nodes[node_].next; i = nodes[i].next)
    out.push_back(LineValue(*line_, i));
  return out;
}

std::size_t LineValue::pick(std::span<const std::string_view> names,
                            std::span<std::optional<LineValue>> out) const {
  const auto& nodes = line_->nodes_;
  if (nodes[node_].kind != JsonKind::kObject) return 0;
  std::size_t at = 0, others = 0;  // both lists ascend, so one walk finds all
  for (std::uint32_t i = node_ + 1; i < nodes[node_].next; i = nodes[i + 1].next) {
    const std::string_view key = line_->text_.substr(nodes[i].begin + 1, nodes[i].end - nodes[i].begin - 2);
    while (at < names.size() && names[at] < key) ++at;
    if (at < names.size() && names[at] == key) out[at++] = LineValue(*line_, i + 1);
    else ++others;
  }
  return others;
}

Result<void> LineValue::fill(std::span<const std::string_view> names,
                             std::span<std::optional<LineValue>> out) const {
  const auto& nodes = line_->nodes_;
  if (nodes[node_].kind != JsonKind::kObject) return fail(Code::kAuditLine, "expected an object");
  if (pick(names, out) == 0) return {};
  for (std::uint32_t i = node_ + 1; i < nodes[node_].next; i = nodes[i + 1].next) {
    const std::string_view key = line_->text_.substr(nodes[i].begin + 1, nodes[i].end - nodes[i].begin - 2);
    if (std::ranges::find(names, key) == names.end())
      return fail(Code::kAuditLine, "unknown member \"" + std::string(key.substr(0, 80)) + "\"");
  }
  return fail(Code::kAuditLine, "an unknown member");
}

Result<LineValue> CanonicalLine::parse(std::string_view text) {
  text_ = text;
  at_ = 0;
  nodes_.clear();
  why_.clear();
  if (text.size() > std::numeric_limits<std::uint32_t>::max() / 2) stop("the line is too long");
  else if (value(0) && at_ != text_.size()) stop("bytes follow the value");
  if (!why_.empty()) return fail(Code::kAuditLine, "column " + std::to_string(at_ + 1) + ": " + why_);
  return LineValue(*this, 0);
}

bool CanonicalLine::stop(std::string why) {
  why_ = std::move(why);
  return false;
}

bool CanonicalLine::value(std::size_t depth) {
  if (at_ == text_.size()) return stop("the value is missing or cut off");
  switch (text_[at_]) {
    case '{': return depth < kMaxDepth ? object(depth) : stop("nested too deep");
    case '[': return depth < kMaxDepth ? array(depth) : stop("nested too deep");
    case '"': return string();
    case 't': return literal("true", JsonKind::kBoolean);
    case 'f': return literal("false", JsonKind::kBoolean);
    case 'n': return literal("null", JsonKind::kNull);
    case ' ':
    case '\t':
    case '\r':
    case '\n': return stop("white space");
    default: return number();
  }
}

bool CanonicalLine::literal(std::string_view word, JsonKind kind) {
  if (text_.substr(at_, word.size()) != word) return stop("not a JSON value");
  const auto begin = static_cast<std::uint32_t>(at_);
  at_ += word.size();
  nodes_.push_back(
      {begin, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(nodes_.size() + 1), kind});
  return true;
}

bool CanonicalLine::object(std::size_t depth) {
  const std::size_t self = nodes_.size();
  nodes_.push_back({static_cast<std::uint32_t>(at_++), 0, 0, JsonKind::kObject});
  std::size_t previous = 0;  // index of the key before; 0 is never a key
  while (at_ < text_.size() && text_[at_] != '}') {
    if (previous != 0 && text_[at_++] != ',') return --at_, stop("expected a comma");
    const std::size_t key = nodes_.size();
    if (at_ == text_.size() || text_[at_] != '"') return stop("expected a key");
    const std::size_t key_at = at_;
    if (!string()) return false;
    if (previous != 0 && !keys_ascend(nodes_[previous], nodes_[key])) {
      at_ = key_at;
      return stop("a key is duplicate or out of order");
    }
    if (at_ == text_.size() || text_[at_] != ':') return stop("expected a colon");
    ++at_;
    if (!value(depth + 1)) return false;
    previous = key;
  }
  if (at_ == text_.size()) return stop("the object is cut off");
  nodes_[self].end = static_cast<std::uint32_t>(++at_);
  nodes_[self].next = static_cast<std::uint32_t>(nodes_.size());
  return true;
}

bool CanonicalLine::array(std::size_t depth) {
  const std::size_t self = nodes_.size();
  nodes_.push_back({static_cast<std::uint32_t>(at_++), 0, 0, JsonKind::kArray});
  bool first = true;
  while (at_ < text_.size() && text_[at_] != ']') {
    if (!first && text_[at_++] != ',') return --at_, stop("expected a comma");
    first = false;
    if (!value(depth + 1)) return false;
  }
  if (at_ == text_.size()) return stop("the array is cut off");
  nodes_[self].end = static_cast<std::uint32_t>(++at_);
  nodes_[self].next = static_cast<std::uint32_t>(nodes_.size());
  return true;
}

bool CanonicalLine::string() {
  const std::size_t begin = at_++;
  bool ascii = true;
  for (;;) {
    std::uint64_t word = 0;
    while (at_ + sizeof word <= text_.size()) {
      std::memcpy(&word, text_.data() + at_, sizeof word);
      if (special_bytes(word) != 0) break;
      at_ += sizeof word;
    }
    if (at_ >= text_.size()) return stop("the string is cut off");
    const char c = text_[at_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) return stop("a control character is not escaped");
    if (static_cast<unsigned char>(c) >= 0x80) ascii = false;
    if (c != '\\') {
      ++at_;
      continue;
    }
    const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (letter != 'u') {
      if (short_escape(letter) == '\0') return stop("an escape that canonical form does not use");
      at_ += 2;
      continue;
    }
    const auto code = from_hex(text_.substr(at_ + 2, 4));
    if (!code || code->size() != 2 || (*code)[0] != '\0' || static_cast<unsigned char>((*code)[1]) >= 0x20 ||
        std::string_view("\b\f\n\r\t").find((*code)[1]) != std::string_view::npos)
      return stop("an escape that canonical form does not use");
    at_ += 6;
  }
  if (!ascii && !valid_utf8(text_.substr(begin, at_ - begin))) return stop("invalid UTF-8");
  ++at_;
  nodes_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_),
                    static_cast<std::uint32_t>(nodes_.size() + 1), JsonKind::kString});
  return true;
}

bool CanonicalLine::number() {
  const std::size_t begin = at_;
  bool whole = true;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (is_digit(c) || (c == '-' && at_ == begin)) continue;
    if (c != '.' && c != 'e' && c != '+' && c != '-') break;
    whole = false;
  }
  const std::string_view digits = text_.substr(begin, at_ - begin);
  if (!(whole && canonical_integer(digits)) && !canonical_double(digits)) {
    at_ = begin;
    return stop(digits.empty() ? "not a JSON value" : "a number that is not in canonical form");
  }
  nodes_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_),
                    static_cast<std::uint32_t>(nodes_.size() + 1), JsonKind::kNumber});
  return true;
}

bool CanonicalLine::keys_ascend(const Node& a, const Node& b) const {
  const std::string_view x = text_.substr(a.begin + 1, a.end - a.begin - 2);
  const std::string_view y = text_.substr(b.begin + 1, b.end - b.begin - 2);
  if (x.find('\\') == std::string_view::npos && y.find('\\') == std::string_view::npos)
    return utf16_less(x, y);
  return utf16_less(unescape(x), unescape(y));
}

}  // namespace airlock::manifests
