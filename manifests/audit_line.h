// manifests/audit_line: one line of canonical JSON (RFC 8785) as a flat view over its bytes, checked while it
// is read.
//
// Accepts exactly the texts t for which canonical_json(parse_json(t)) == t, at several times the speed and
// without copying: a verifier reads gigabytes of lines. Canonical form has one spelling for each value, so
// two values are equal when their bytes are; nothing here ever needs to unescape what it returns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace airlock::manifests {

class CanonicalLine;

enum class JsonKind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

// A value inside a CanonicalLine; valid until the line is parsed again or its text goes away.
class LineValue {
 public:
  JsonKind kind() const;
  std::string_view text() const;                              // the bytes as they stand
  std::optional<LineValue> find(std::string_view key) const;  // member of an object; key must need no escapes

  // The value if it is of that kind. string(): between the quotes, escapes as they stand.
  std::optional<std::string_view> string() const;
  std::optional<std::uint64_t> uint() const;
  std::optional<std::string_view> string_at(std::string_view key) const;
  std::optional<std::uint64_t> uint_at(std::string_view key) const;

  std::vector<LineValue> items() const;  // of an array; empty for anything else

  // The members of an object by a table of names in canonical order, at the same places; kAuditLine for any
  // other member, or when this is not an object.
  template <std::size_t N>
  Result<std::array<std::optional<LineValue>, N>> members(
      const std::array<std::string_view, N>& names) const {
    std::array<std::optional<LineValue>, N> out;
    TRY(fill(names, out));
    return out;
  }
  // The same, but members that are not in the table are passed over; gives how many. `out` is as long as
  // `names`.
  std::size_t pick(std::span<const std::string_view> names, std::span<std::optional<LineValue>> out) const;

 private:
  friend class CanonicalLine;
  LineValue(const CanonicalLine& line, std::uint32_t node) : line_(&line), node_(node) {}
  Result<void> fill(std::span<const std::string_view> names, std::span<std::optional<LineValue>> out) const;
  const CanonicalLine* line_;
  std::uint32_t node_;
};

class CanonicalLine {
 public:
  // `text` must outlive the views. Refusals are kAuditLine, "column N: why". Memory is reused from call to
  // call.
  Result<LineValue> parse(std::string_view text);

 private:
  friend class LineValue;
  struct Node {
    std::uint32_t begin, end;  // bytes of the value
    std::uint32_t next;        // index of the node after this value and all inside it
    JsonKind kind;
  };
  bool value(std::size_t depth);
  bool object(std::size_t depth);
  bool array(std::size_t depth);
  bool string();
  bool number();
  bool literal(std::string_view word, JsonKind kind);
  bool stop(std::string why);
  bool keys_ascend(const Node& a, const Node& b) const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Node> nodes_;
  std::string why_;
};

}  // namespace airlock::manifests
