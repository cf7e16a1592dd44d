#include "manifests/document_schema.h"

// Without it valijson prints and aborts on a schema that it cannot read.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <array>

namespace airlock::manifests {
namespace {

enum class Keyword { kPlain, kSchema, kSchemas, kSchemaMap, kSchemaOrBool };
struct Known {
  std::string_view name;
  Keyword kind;
};
constexpr std::array kKnown = {
    Known{"type", Keyword::kPlain},           Known{"title", Keyword::kPlain},
    Known{"description", Keyword::kPlain},    Known{"default", Keyword::kPlain},
    Known{"examples", Keyword::kPlain},       Known{"enum", Keyword::kPlain},
    Known{"const", Keyword::kPlain},          Known{"minimum", Keyword::kPlain},
    Known{"maximum", Keyword::kPlain},        Known{"exclusiveMinimum", Keyword::kPlain},
    Known{"exclusiveMaximum", Keyword::kPlain}, Known{"multipleOf", Keyword::kPlain},
    Known{"minLength", Keyword::kPlain},      Known{"maxLength", Keyword::kPlain},
    Known{"minItems", Keyword::kPlain},       Known{"maxItems", Keyword::kPlain},
    Known{"uniqueItems", Keyword::kPlain},    Known{"required", Keyword::kPlain},
    Known{"items", Keyword::kSchema},         Known{"not", Keyword::kSchema},
    Known{"properties", Keyword::kSchemaMap}, Known{"additionalProperties", Keyword::kSchemaOrBool},
    Known{"allOf", Keyword::kSchemas},        Known{"anyOf", Keyword::kSchemas},
    Known{"oneOf", Keyword::kSchemas}};

Result<void> check_keywords(const Json& schema, const std::string& path);

Result<void> check_keyword(const Known& known, const Json& value, const std::string& path) {
  switch (known.kind) {
    case Keyword::kPlain: return {};
    case Keyword::kSchemaOrBool:
      if (value.is_boolean()) return {};
      return check_keywords(value, path);
    case Keyword::kSchema: return check_keywords(value, path);
    case Keyword::kSchemas:
      if (!value.is_array() || value.empty()) return fail(Code::kSpecInvalid, path + ": expected a list of schemas");
      for (std::size_t i = 0; i < value.size(); ++i) TRY(check_keywords(value[i], path + "[" + std::to_string(i) + "]"));
      return {};
    case Keyword::kSchemaMap:
      if (!value.is_object()) return fail(Code::kSpecInvalid, path + ": expected an object of schemas");
      for (const auto& [name, item] : value.items()) TRY(check_keywords(item, path + "." + name));
      return {};
  }
  std::unreachable();
}

Result<void> check_keywords(const Json& schema, const std::string& path) {
  if (!schema.is_object()) return fail(Code::kSpecInvalid, path + ": expected a JSON Schema object");
  for (const auto& [key, value] : schema.items()) {
    const auto known = std::ranges::find(kKnown, key, &Known::name);
    if (known != kKnown.end()) {
      TRY(check_keyword(*known, value, path + "." + key));
      continue;
    }
    if (key == "pattern" || key == "format" || key == "$ref")
      return fail(Code::kSpecUnsupported, path + "." + key + ": this JSON Schema keyword is not enforced here");
    std::vector<std::string> names;
    for (const Known& k : kKnown) names.emplace_back(k.name);
    const auto near = nearest(key, names);
    return fail(Code::kSpecUnknownField, path + "." + key + (near ? ", did you mean \"" + *near + "\"?" : ""));
  }
  return {};
}

// valijson reports a schema it cannot take by exception; nothing of that leaves this file.
Result<void> populate(const Json& schema, valijson::Schema& out, const std::string& path) {
  try {
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), out);
    return {};
  } catch (const std::exception& e) {
    return fail(Code::kSpecInvalid, path + ": not a JSON Schema: " + e.what());
  }
}

std::string place_in(const std::vector<std::string>& context) {
  std::string out;
  for (const std::string& part : context)
    if (part != "<root>") out += part;
  return out;
}

bool single_type(const Json& schema, std::string_view type) {
  const auto it = schema.find("type");
  return it != schema.end() && it->is_string() && it->get_ref<const std::string&>() == type;
}

}  // namespace

Result<void> check_input_schema(const Json& schema, const std::string& path) {
  TRY(check_keywords(schema, path));
  valijson::Schema parsed;
  return populate(schema, parsed, path);
}

Result<void> check_value(const Json& schema, const Json& value, const std::string& what) {
  valijson::Schema parsed;
  TRY(populate(schema, parsed, what));
  valijson::ValidationResults results;
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(value), &results)) return {};
  // The last error is the outermost sentence; the first is the innermost cause, which is what a person can act on.
  valijson::ValidationResults::Error first;
  if (!results.popError(first)) return fail(Code::kSpecInputValue, what);
  return fail(Code::kSpecInputValue, what + place_in(first.context) + ": " + first.description);
}

Result<Json> coerce_value(const Json& schema, std::string_view text, const std::string& what) {
  if (single_type(schema, "string")) return Json(std::string(text));
  auto parsed = parse_json(text, what);
  if (parsed) return parsed;
  const auto type = schema.find("type");
  if (type == schema.end() || !type->is_string()) return Json(std::string(text));
  return fail(Code::kSpecInputValue, what + ": \"" + std::string(text.substr(0, 80)) + "\" is not of type " +
                                         type->get<std::string>());
}

}  // namespace airlock::manifests
