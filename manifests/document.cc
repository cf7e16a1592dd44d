#include "manifests/document.h"

#include <optional>
#include <vector>

#include "base/path.h"
#include "manifests/document_yaml.h"

namespace airlock::manifests {
namespace {

// Walks text that parse_json has accepted and notes where each value starts; it can rely on the grammar.
class JsonPlaces {
 public:
  explicit JsonPlaces(std::string_view text) : text_(text) {}
  std::map<std::string, Place> take() {
    value("", std::nullopt);
    return std::move(places_);
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void step() {
    if (text_[at_++] == '\n') {
      ++here_.line;
      here_.column = 1;
    } else {
      ++here_.column;
    }
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') step();
  }
  std::string_view string() {
    const std::size_t start = at_;
    step();
    while (peek() != '"') {
      if (peek() == '\\') step();
      step();
    }
    step();
    return text_.substr(start, at_ - start);
  }
  void scalar() {
    if (peek() == '"') {
      string();
      return;
    }
    while (at_ < text_.size() && !std::string_view(",]} \t\r\n").contains(peek())) step();
  }
  // `key_at`: where the member's key stands, which is the place a person looks for.
  void value(const std::string& pointer, std::optional<Place> key_at) {
    space();
    places_.emplace(pointer, key_at.value_or(here_));
    if (peek() == '{') {
      container('}', [&](std::size_t) {
        const Place at = here_;
        const auto key = parse_json(string(), "a key");
        space();
        step();  // the colon
        value(pointer + "/" + (key ? escape_pointer_part(key->get<std::string>()) : ""), at);
      });
    } else if (peek() == '[') {
      container(']', [&](std::size_t i) { value(pointer + "/" + std::to_string(i), std::nullopt); });
    } else {
      scalar();
    }
  }
  template <class Item>
  void container(char close, Item item) {
    step();
    space();
    for (std::size_t i = 0; peek() != close; ++i) {
      item(i);
      space();
      if (peek() == ',') step();
      space();
    }
    step();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Place here_{1, 1};
  std::map<std::string, Place> places_;
};

Result<void> check_text(std::string_view text, const std::string& name, const DocumentLimits& limits) {
  if (text.size() > limits.bytes)
    return fail(Code::kTooLarge, name + ": " + std::to_string(text.size()) + " bytes, at most " + std::to_string(limits.bytes));
  if (!valid_utf8(text)) return fail(Code::kJson, name + ": invalid UTF-8");
  return {};
}

// One part of a path as ObjectReader writes it, "steps[3]" or ".retry", taken off the front of `rest`.
std::optional<std::string> next_part(std::string_view& rest, const Json& inside) {
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos || !inside.is_array()) return std::nullopt;
    std::string part(rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    return part;
  }
  if (rest.starts_with('.')) rest.remove_prefix(1);
  if (!inside.is_object()) return std::nullopt;
  // The longest key that fits: keys may hold dots ("labels.app.kubernetes.io/name").
  std::optional<std::string> best;
  for (const auto& [key, item] : inside.get_ref<const Json::object_t&>()) {
    const std::string_view after = rest.size() >= key.size() ? rest.substr(key.size()) : "";
    const bool ends = after.empty() || std::string_view(".[:, ").contains(after[0]);
    if (!key.empty() && rest.starts_with(key) && ends && (!best || key.size() > best->size())) best = key;
  }
  if (best) rest.remove_prefix(best->size());
  return best;
}

}  // namespace

std::string escape_pointer_part(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

Error Document::located(Error error) const {
  std::string pointer;
  std::string_view rest = error.context;
  const Json* inside = &value;
  while (!rest.empty()) {
    const auto part = next_part(rest, *inside);
    if (!part) break;
    const std::string next = pointer + "/" + escape_pointer_part(*part);
    if (!places.contains(next)) break;
    pointer = next;
    inside = inside->is_array() ? &(*inside)[std::stoul(*part)] : &(*inside)[*part];
  }
  const auto place = places.find(pointer);
  std::string where = name;
  if (place != places.end())
    where += ", line " + std::to_string(place->second.line) + " column " + std::to_string(place->second.column);
  return Error{error.code, where + ": " + error.context};
}

Result<Document> load_strict(std::string_view text, std::string name, const DocumentLimits& limits) {
  TRY(check_text(text, name, limits));
  Document out{TRY(parse_json(text, name, limits.depth)), std::move(name), {}};
  out.places = JsonPlaces(text).take();
  return out;
}

Result<Document> load_authored(std::string_view text, std::string name, const DocumentLimits& limits) {
  TRY(check_text(text, name, limits));
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return load_strict(text, std::move(name), limits);
  return load_yaml(text, std::move(name), limits);
}

}  // namespace airlock::manifests
