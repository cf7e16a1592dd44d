#include "verify/sigstore/proto_json.h"

#include <charconv>

#include "base/encoding.h"

namespace airlock::verify::sigstore {

std::string Proto::path_of(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::unexpected<Error> Proto::wrong(std::string_view key, std::string_view why) const {
  return fail(code_, path_of(key) + ": " + std::string(why));
}

const Json* Proto::find(std::string_view key) const {
  if (!value_->is_object()) return nullptr;
  const auto at = value_->find(std::string(key));
  return at == value_->end() || at->is_null() ? nullptr : &*at;
}

std::optional<Proto> Proto::maybe(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return Proto(*value, path_of(key), code_);
}

Result<Proto> Proto::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_object()) return wrong(key, "expected an object");
  return Proto(*value, path_of(key), code_);
}

Result<std::vector<Proto>> Proto::list(std::string_view key, std::size_t most) const {
  std::vector<Proto> items;
  const Json* value = find(key);
  if (value == nullptr) return items;
  if (!value->is_array()) return wrong(key, "expected a list");
  if (value->size() > most) return wrong(key, "more than " + std::to_string(most));
  for (const Json& item : *value) items.emplace_back(item, path_of(key) + "[" + std::to_string(items.size()) + "]", code_);
  return items;
}

Result<std::string> Proto::text(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) return wrong(key, "expected text");
  return value->get<std::string>();
}

Result<std::string> Proto::own_bytes() const {
  if (!value_->is_string()) return wrong("", "expected base64");
  auto decoded = from_base64(value_->get<std::string>());
  if (!decoded || decoded->empty()) return wrong("", "expected base64 of at least one byte");
  return decoded;
}

Result<std::string> Proto::bytes(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return wrong(key, "is missing");
  return Proto(*value, path_of(key), code_).own_bytes();
}

Result<std::uint64_t> Proto::number(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::uint64_t{0};
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  std::uint64_t number = 0;
  if (!value->is_string()) return wrong(key, "expected a number");
  const std::string text = value->get<std::string>();
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || end != text.data() + text.size()) return wrong(key, "expected a number that is not negative");
  return number;
}

Result<std::optional<Instant>> Proto::instant(std::string_view key) const {
  if (!has(key)) return std::optional<Instant>();
  auto instant = Instant::parse(TRY(text(key)));
  if (!instant) return wrong(key, instant.error().context);
  return std::optional(*instant);
}

}  // namespace airlock::verify::sigstore
