#include "manifests/document_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <spanstream>
#include <vector>

#include "base/path.h"

namespace airlock::manifests {
namespace {

struct Refusal {
  Error error;
};

bool json_number(std::string_view text) {  // RFC 8259 section 6
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i, whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

// On yaml-cpp's events, not its node tree: that would hide duplicate keys, tags and aliases.
class Builder : public YAML::EventHandler {
 public:
  Builder(const std::string& name, const DocumentLimits& limits) : name_(name), limits_(limits) {}
  Json root;
  std::map<std::string, Place> places;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (seen_) refuse(mark, "a second document in one file");
    seen_ = true;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    no_anchor(mark, anchor);
    if (key_expected()) refuse(mark, "a key that is not a string");
    put(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "an alias (*name)"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    no_anchor(mark, anchor);
    no_tag(mark, tag);
    // yaml-cpp writes the escapes \N and \_ as single bytes.
    if (!valid_utf8(text)) refuse(mark, "an escape that is not Unicode text");
    if (key_expected()) return key(mark, text);
    put(mark, tag == "?" ? plain(mark, text) : Json(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { stack_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { stack_.pop_back(); }

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why, Code code = Code::kJson) const {
    throw Refusal{{code, name_ + ", line " + std::to_string(mark.line + 1) + " column " +
                             std::to_string(mark.column + 1) + ": " + why}};
  }

 private:
  struct Level {
    Json* value;
    std::string pointer;
    std::optional<std::string> key;  // of the member whose value comes next
    Place key_at;
  };
  static Place place(const YAML::Mark& mark) {
    return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
  }
  void no_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) refuse(mark, "an anchor (&name)");
  }
  void no_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "a tag (" + tag.substr(0, 80) + ")");
  }
  bool key_expected() const { return !stack_.empty() && stack_.back().value->is_object() && !stack_.back().key; }
  void key(const YAML::Mark& mark, const std::string& text) {
    Level& level = stack_.back();
    if (text == "<<") refuse(mark, "a merge key (<<)");
    if (level.value->contains(text)) refuse(mark, "duplicate key \"" + text.substr(0, 80) + "\"");
    level.key = text;
    level.key_at = place(mark);
  }
  Json plain(const YAML::Mark& mark, const std::string& text) const {
    if (text == "true") return true;
    if (text == "false") return false;
    if (!json_number(text)) return text;
    const char* const end = text.data() + text.size();
    if (text.find_first_of(".eE") == std::string::npos) {
      std::uint64_t u = 0;
      std::int64_t i = 0;
      if (std::from_chars(text.data(), end, u).ec == std::errc() && text[0] != '-') return u;
      if (text[0] == '-' && std::from_chars(text.data(), end, i).ec == std::errc()) return i;
      refuse(mark, "number " + text.substr(0, 40) + " does not fit 64 bits");
    }
    double d = 0;
    if (std::from_chars(text.data(), end, d).ec != std::errc() || !std::isfinite(d))
      refuse(mark, "number " + text.substr(0, 40) + " is out of range");
    return d;
  }
  Json* put(const YAML::Mark& mark, Json value) {
    if (++nodes_ > limits_.nodes) refuse(mark, "more than " + std::to_string(limits_.nodes) + " values", Code::kTooLarge);
    if (stack_.empty()) {
      root = std::move(value);
      places.emplace("", place(mark));
      return &root;
    }
    Level& level = stack_.back();
    if (level.value->is_array()) {
      pointer_ = level.pointer + "/" + std::to_string(level.value->size());
      places.emplace(pointer_, place(mark));
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    pointer_ = level.pointer + "/" + escape_pointer_part(*level.key);
    places.emplace(pointer_, level.key_at);
    Json* const slot = &((*level.value)[*level.key] = std::move(value));
    level.key.reset();
    return slot;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    no_anchor(mark, anchor);
    no_tag(mark, tag);
    if (key_expected()) refuse(mark, "a key that is not a string");
    if (stack_.size() >= limits_.depth) refuse(mark, "nesting deeper than " + std::to_string(limits_.depth), Code::kTooLarge);
    const bool top = stack_.empty();
    Json* const slot = put(mark, std::move(value));
    stack_.push_back({slot, top ? "" : pointer_, std::nullopt, {}});  // stable: a parent grows only once this is closed
  }

  const std::string& name_;
  const DocumentLimits& limits_;
  std::vector<Level> stack_;
  std::string pointer_;
  std::size_t nodes_ = 0;
  bool seen_ = false;
};

// YAML 1.2 section 5.1 allows none of them. yaml-cpp would take U+0004 for the end of the stream and ignore what
// follows, and guess UTF-16 or UTF-32 from NULs or a byte order mark.
Result<void> check_characters(std::string_view text, const std::string& name) {
  Place here{1, 1};
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
      return fail(Code::kJson, name + ", line " + std::to_string(here.line) + " column " + std::to_string(here.column) + ": a control character");
    ++here.column;
    if (c == '\n') here = {here.line + 1, 1};
  }
  if (text.starts_with("\xEF\xBB\xBF")) return fail(Code::kJson, name + ", line 1 column 1: byte order mark");
  return {};
}

}  // namespace

Result<Document> load_yaml(std::string_view text, std::string name, const DocumentLimits& limits) {
  TRY(check_characters(text, name));
  // Only these two leave by exception: yaml-cpp's own errors, and ours through its call stack.
  try {
    std::ispanstream stream(std::span<const char>(text.data(), text.size()));
    YAML::Parser parser(stream);
    Builder builder(name, limits);
    if (!parser.HandleNextDocument(builder)) return fail(Code::kJson, name + ": no document in it");
    parser.HandleNextDocument(builder);  // throws through OnDocumentStart if there is a second one
    return Document{std::move(builder.root), std::move(name), std::move(builder.places)};
  } catch (const Refusal& refusal) {
    return fail(refusal.error);
  } catch (const YAML::Exception& e) {
    std::string where = name;
    if (!e.mark.is_null())
      where += ", line " + std::to_string(e.mark.line + 1) + " column " + std::to_string(e.mark.column + 1);
    return fail(Code::kJson, where + ": " + e.msg);
  }
}

}  // namespace airlock::manifests
