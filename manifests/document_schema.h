// manifests/document_schema: JSON Schema (draft 7) for the typed inputs of a DAG.
//
// Only keywords that cost bounded time and never reach outside the document are accepted: type, title, description,
// default, examples, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength,
// maxLength, items, minItems, maxItems, uniqueItems, properties, required, additionalProperties, allOf, anyOf, oneOf,
// not. `pattern`, `format` and `$ref` are refused (kSpecUnsupported): a regular expression can run for ever.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace airlock::manifests {

// Is `schema` one of the above? Errors name the place below `path`.
Result<void> check_input_schema(const Json& schema, const std::string& path);

// Does `value` fit? kSpecInputValue, with the place inside the value and the first reason.
Result<void> check_value(const Json& schema, const Json& value, const std::string& what);

// A value given as text (key=value on a command line), read as the schema's type: string as it stands; integer,
// number, boolean, null, array and object as strict JSON; a schema without a single type: JSON if it parses, else text.
Result<Json> coerce_value(const Json& schema, std::string_view text, const std::string& what);

}  // namespace airlock::manifests
