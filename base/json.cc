#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/huge_pages.h"

namespace airlock {
namespace {

struct Position {
  std::size_t line = 1, column = 1;
};

Position position_of(std::string_view text, std::size_t offset) {
  Position p;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    if (c == '\n') {
      ++p.line;
      p.column = 1;
    } else {
      ++p.column;
    }
  }
  return p;
}

// nlohmann's lexer takes a string byte by byte, 20 times slower than one can be copied: a manifest in an envelope is
// one string of megabytes. So long strings that need no decoding (printable ASCII, no escape) are taken out before it
// reads, and put back by their ordinal: strings end in the same order in which their literals stand in the text.
constexpr std::size_t kLongString = 48;

struct LiftedStrings {
  struct Value {
    std::size_t ordinal;     // among all strings and keys
    std::size_t offset;      // in `text`, where it would begin
    std::string_view bytes;
  };
  std::string text;          // with "" where a long string stood
  std::vector<Value> values;

  std::size_t original_offset(std::size_t offset) const {
    std::size_t out = offset;
    for (const Value& value : values)
      if (value.offset < offset) out += value.bytes.size();
    return out;
  }
};

bool plain_byte(char c) { return c >= 0x20 && c < 0x7F && c != '\\'; }

// Nothing when there is nothing to lift, or a literal does not end: the lexer says what is wrong then.
std::optional<LiftedStrings> lift_strings(std::string_view text) {
  LiftedStrings out;
  std::size_t copied = 0, ordinal = 0;
  for (std::size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at)) {
    const std::size_t begin = at + 1;
    std::size_t end = text.find('"', begin);
    const bool plain = end != std::string_view::npos && std::ranges::all_of(text.substr(begin, end - begin), plain_byte);
    while (end != std::string_view::npos && !plain) {  // an escaped quote does not end it
      std::size_t slashes = 0;
      while (end - slashes > begin && text[end - slashes - 1] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
      end = text.find('"', end + 1);
    }
    if (end == std::string_view::npos) return std::nullopt;
    if (plain && end - begin >= kLongString) {
      out.text += text.substr(copied, begin - copied);
      copied = end;
      out.values.push_back({ordinal, out.text.size(), text.substr(begin, end - begin)});
    }
    ++ordinal;
    at = end + 1;
  }
  if (out.values.empty()) return std::nullopt;
  out.text += text.substr(copied);
  return out;
}

// Does a literal with a fraction or an exponent live on as a double? Seventeen significant digits tell every double from its
// neighbours (IEEE 754); more are lost without a word, and so is what is too small.
bool survives(double value, std::string_view literal) {
  static constexpr std::size_t kDigits = 17;
  const std::string_view mantissa = literal.substr(0, literal.find_first_of("eE"));
  std::string digits;
  for (const char c : mantissa)
    if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
  const auto last = digits.find_last_not_of('0');
  const std::size_t significant = last == std::string::npos ? 0 : last + 1;
  return significant <= kDigits && (value != 0 || significant == 0);
}

// Builds the value while refusing what nlohmann's own DOM callback would let pass: duplicate keys and deep nesting.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(std::size_t max_depth, const ElementSink* sink, const LiftedStrings* lifted)
      : max_depth_(max_depth), sink_(sink), lifted_(lifted) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  bool number_float(number_float_t v, const string_t& text) override {
    if (!std::isfinite(v)) return stop("number " + text.substr(0, 40) + " is out of range");
    // nlohmann turns an integer literal of more than 64 bits into a double: it does not survive, unless it is how that
    // double is written (1e20 has no other canonical form).
    if (text.find_first_of(".eE") == std::string::npos && canonical_number(v) != text)
      return stop("number " + text.substr(0, 40) + " does not fit 64 bits");
    if (text.find_first_of(".eE") == std::string::npos) return put(v);
    if (!survives(v, text)) return stop("number " + text.substr(0, 40) + " does not survive as a double");
    return put(v);
  }
  bool string(string_t& v) override {
    put_back(v);
    return put(std::move(v));
  }
  bool binary(binary_t&) override { return stop("binary value"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(string_t& k) override {
    put_back(k);
    if (stack_.back().value->contains(k)) return stop("duplicate key \"" + k.substr(0, 80) + "\"");
    key_ = std::move(k);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    if (message_.empty()) {
      message_ = e.what();
      // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..." -> the last part
      if (const auto at = message_.find("syntax error"); at != std::string::npos) message_ = message_.substr(at);
      offset_ = position > 0 ? position - 1 : 0;  // nlohmann counts the bytes it has read
    }
    return false;
  }

  Json root;
  const std::string& message() const { return message_; }
  std::optional<std::size_t> offset() const { return offset_; }
  const std::optional<Error>& refused() const { return refused_; }  // by the sink

 private:
  // An open container. `path` is known down to the first array; `stream` is set in an array that goes to the sink.
  struct Level {
    Json* value;
    std::optional<std::string> path;
    std::optional<std::size_t> stream;
    std::size_t elements = 0;
  };

  void put_back(string_t& text) {
    const std::size_t ordinal = strings_++;
    if (lifted_ == nullptr || next_lifted_ == lifted_->values.size() || lifted_->values[next_lifted_].ordinal != ordinal) return;
    const std::string_view bytes = lifted_->values[next_lifted_++].bytes;
    text.reserve(bytes.size());
    prefer_huge_pages(text);
    text = bytes;
  }
  bool stop(std::string why) {
    if (message_.empty()) message_ = std::move(why);
    return false;
  }
  Json* place(Json&& v) {
    if (stack_.empty()) {
      root = std::move(v);
      return &root;
    }
    Json& parent = *stack_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(v));
      return &parent.back();
    }
    return &(parent[key_] = std::move(v));
  }
  bool put(Json v) {
    place(std::move(v));
    return completed();
  }
  bool open(Json v) {
    if (stack_.size() >= max_depth_) return stop("nesting deeper than " + std::to_string(max_depth_));
    Level level{nullptr, std::nullopt, std::nullopt};
    if (sink_ != nullptr) level.path = path_here();
    if (level.path && v.is_array()) {
      const auto wanted = std::ranges::find(sink_->arrays, *level.path);
      if (wanted != sink_->arrays.end()) level.stream = static_cast<std::size_t>(wanted - sink_->arrays.begin());
    }
    level.value = place(std::move(v));
    stack_.push_back(std::move(level));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return completed();
  }
  std::optional<std::string> path_here() const {
    if (stack_.empty()) return "";
    const Level& parent = stack_.back();
    if (!parent.path || !parent.value->is_object()) return std::nullopt;
    return parent.path->empty() ? key_ : *parent.path + "." + key_;
  }
  // A value has ended: if it is an element for the sink, hand it over and keep nothing of it.
  bool completed() {
    if (stack_.empty() || !stack_.back().stream) return true;
    Level& level = stack_.back();
    Json element = std::move(level.value->back());
    level.value->clear();
    const Result<void> taken = sink_->take(*level.stream, level.elements++, std::move(element));
    if (!taken) refused_ = taken.error();
    return taken.has_value();
  }

  std::size_t max_depth_;
  const ElementSink* sink_;
  const LiftedStrings* lifted_;
  std::size_t strings_ = 0, next_lifted_ = 0;
  std::optional<Error> refused_;
  std::vector<Level> stack_;  // values stay valid: a container is only appended to while its last child is closed
  std::string key_;
  std::string message_;
  std::optional<std::size_t> offset_;
};

// UTF-16 order of two UTF-8 strings: code points above the BMP sort as surrogates, before U+E000..U+FFFF.
bool utf16_less(std::string_view a, std::string_view b) {
  const std::size_t n = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i < n && a[i] == b[i]) ++i;
  if (i == n) return a.size() < b.size();
  const auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
  const auto rank = [](unsigned char c) { return c >= 0xF0 ? 0xED00 + c : (c >= 0xEE ? 0xEE00 + c : int{c} << 8); };
  return rank(x) < rank(y);
}

void write_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (c < 0x20) {
          static constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 0xF];
        } else {
          out += ch;
        }
    }
  }
  out += '"';
}

void write_value(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: out += "null"; return;
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return;
    case Json::value_t::number_integer: out += std::to_string(value.get<std::int64_t>()); return;
    case Json::value_t::number_unsigned: out += std::to_string(value.get<std::uint64_t>()); return;
    case Json::value_t::number_float: out += canonical_number(value.get<double>()); return;
    case Json::value_t::string: write_string(out, value.get_ref<const std::string&>()); return;
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& item : value) {
        if (!first) out += ',';
        first = false;
        write_value(out, item);
      }
      out += ']';
      return;
    }
    case Json::value_t::object: {
      std::vector<const std::string*> keys;
      keys.reserve(value.size());
      for (const auto& [key, item] : value.get_ref<const Json::object_t&>()) keys.push_back(&key);
      std::ranges::sort(keys, [](const std::string* a, const std::string* b) { return utf16_less(*a, *b); });
      out += '{';
      bool first = true;
      for (const std::string* key : keys) {
        if (!first) out += ',';
        first = false;
        write_string(out, *key);
        out += ':';
        write_value(out, *value.find(*key));
      }
      out += '}';
      return;
    }
    case Json::value_t::binary:
    case Json::value_t::discarded: std::abort();  // never built by parse_json nor by hand
  }
}

Result<Json> parse(std::string_view text, std::string_view what, const ElementSink* sink, std::size_t max_depth) {
  const auto refuse = [&](std::optional<std::size_t> offset, const std::string& why) {
    std::string context(what);
    if (offset) {
      const Position p = position_of(text, *offset);
      context += ", line " + std::to_string(p.line) + " column " + std::to_string(p.column);
    }
    return fail(Code::kJson, context + ": " + why);
  };
  if (text.starts_with("\xEF\xBB\xBF")) return refuse(0, "byte order mark");
  // nlohmann takes a NUL for the end of input; nothing may follow unseen.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) return refuse(nul, "NUL byte");
  const auto lifted = lift_strings(text);
  const std::string_view shorter = lifted ? lifted->text : text;
  StrictBuilder builder(max_depth, sink, lifted ? &*lifted : nullptr);
  // A pointer range: nlohmann would stop at nothing less than its end, so trailing bytes are an error.
  if (!Json::sax_parse(shorter.data(), shorter.data() + shorter.size(), &builder)) {
    if (builder.refused()) return fail(*builder.refused());
    const auto at = builder.offset();
    return refuse(at && lifted ? lifted->original_offset(*at) : at, builder.message());
  }
  return std::move(builder.root);
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what, std::size_t max_depth) {
  return parse(text, what, nullptr, max_depth);
}

Result<Json> parse_json_elements(std::string_view text, std::string_view what, const ElementSink& sink,
                                 std::size_t max_depth) {
  return parse(text, what, &sink, max_depth);
}

std::string canonical_json(const Json& value) {
  std::string out;
  write_value(out, value);
  return out;
}

std::string canonical_number(double value) {
  if (value == 0) return "0";  // also -0
  if (value < 0) return "-" + canonical_number(-value);
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const auto e = shortest.find('e');
  std::string digits;
  for (const char c : shortest.substr(0, e))
    if (c != '.') digits += c;
  int exponent = 0;
  const std::string_view exp_text = shortest.substr(e + (shortest[e + 1] == '+' ? 2 : 1));
  std::from_chars(exp_text.data(), exp_text.data() + exp_text.size(), exponent);
  // ECMA-262 Number::toString: k digits, value = 0.digits * 10^n
  const int k = static_cast<int>(digits.size()), n = exponent + 1;
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  if (k <= n && n <= 21) return digits + std::string(at(n - k), '0');
  if (0 < n && n <= 21) return digits.substr(0, at(n)) + "." + digits.substr(at(n));
  if (-6 < n && n <= 0) return "0." + std::string(at(-n), '0') + digits;
  const std::string exponent_text = (n - 1 < 0 ? "-" : "+") + std::to_string(std::abs(n - 1));
  return digits.substr(0, 1) + (k > 1 ? "." + digits.substr(1) : "") + "e" + exponent_text;
}

Result<ObjectReader> ObjectReader::of(const Json& value, std::string path) {
  if (!value.is_object()) return fail(Code::kField, (path.empty() ? "document" : path) + ": expected an object");
  return ObjectReader(value, std::move(path));
}

std::string ObjectReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::unexpected<Error> ObjectReader::wrong(std::string_view key, std::string_view expected) const {
  const bool there = value_->contains(key);
  return fail(Code::kField, path_of(key) + (there ? ": expected " : ": missing, expected ") + std::string(expected));
}

const Json* ObjectReader::find(std::string_view key) {
  asked_.emplace(key);
  const auto it = value_->find(key);
  return it == value_->end() ? nullptr : &*it;
}

bool ObjectReader::has(std::string_view key) const { return value_->contains(key); }

Result<std::string> ObjectReader::string(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr || !v->is_string()) return wrong(key, "a string");
  return v->get<std::string>();
}

Result<std::string> ObjectReader::string_or(std::string_view key, std::string fallback) {
  if (find(key) == nullptr) return fallback;
  return string(key);
}

Result<std::uint64_t> ObjectReader::uint(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr || !v->is_number_unsigned()) return wrong(key, "a whole number, zero or more");
  return v->get<std::uint64_t>();
}

Result<std::uint64_t> ObjectReader::uint_or(std::string_view key, std::uint64_t fallback) {
  if (find(key) == nullptr) return fallback;
  return uint(key);
}

Result<double> ObjectReader::number_or(std::string_view key, double fallback) {
  const Json* v = find(key);
  if (v == nullptr) return fallback;
  if (!v->is_number()) return wrong(key, "a number");
  return v->get<double>();
}

Result<bool> ObjectReader::boolean_or(std::string_view key, bool fallback) {
  const Json* v = find(key);
  if (v == nullptr) return fallback;
  if (!v->is_boolean()) return wrong(key, "true or false");
  return v->get<bool>();
}

Result<Digest> ObjectReader::digest(std::string_view key) {
  auto parsed = Digest::parse(TRY(string(key)));
  if (!parsed) return wrong(key, "64 lower-case hex digits");
  return parsed;
}

Result<Instant> ObjectReader::instant(std::string_view key) {
  auto parsed = Instant::parse(TRY(string(key)));
  if (!parsed) return wrong(key, "a UTC time YYYY-MM-DDTHH:MM:SS.mmmZ");
  return parsed;
}

Result<std::vector<std::string>> ObjectReader::strings_or_empty(std::string_view key) {
  std::vector<std::string> out;
  const Json* v = TRY(array_or_null(key));
  if (v == nullptr) return out;
  for (const Json& item : *v) {
    if (!item.is_string()) return wrong(key, "a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<const Json*> ObjectReader::array(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr || !v->is_array()) return wrong(key, "a list");
  return v;
}

Result<const Json*> ObjectReader::array_or_null(std::string_view key) {
  if (find(key) == nullptr) return static_cast<const Json*>(nullptr);
  return array(key);
}

Result<const Json*> ObjectReader::object(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr || !v->is_object()) return wrong(key, "an object");
  return v;
}

Result<const Json*> ObjectReader::object_or_null(std::string_view key) {
  if (find(key) == nullptr) return static_cast<const Json*>(nullptr);
  return object(key);
}

const Json* ObjectReader::any_or_null(std::string_view key) { return find(key); }

Result<void> ObjectReader::finish() const {
  for (const auto& [key, item] : value_->get_ref<const Json::object_t&>()) {
    if (asked_.contains(key)) continue;
    std::string context = path_of(key);
    if (const auto near = nearest(key, {asked_.begin(), asked_.end()})) context += ", did you mean \"" + *near + "\"?";
    return fail(Code::kSpecUnknownField, context);
  }
  return {};
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
      }
    }
    return row[b.size()];
  };
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3)) + 1;
  for (const std::string& candidate : candidates) {
    if (word.size() > 200 || candidate.size() > 200) continue;
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace airlock
