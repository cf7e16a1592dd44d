// base/json: strict JSON in, canonical JSON out.
//
// parse_json refuses what two readers could understand differently: duplicate keys (after unescaping), invalid
// UTF-8, lone surrogates, NUL in keys, a BOM, numbers that do not survive (over 64 bits, too large or too small for a double,
// more than 17 significant digits), trailing bytes, nesting over the limit.
// canonical_json writes RFC 8785 (JCS): keys by UTF-16 code units, numbers as ECMAScript, minimal escapes. Integers
// up to 64 bits are written exactly (JCS would round them above 2^53; airlock's own documents hold none there but
// `generation`).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"

namespace airlock {

using Json = nlohmann::json;

// `what` names the document in errors; the error context carries line and column (1-based).
Result<Json> parse_json(std::string_view text, std::string_view what, std::size_t max_depth = Limits{}.json_depth);

// For documents with a few very long arrays: the elements of those go to `take` one at a time and are not kept, so
// that memory does not grow with them; in the result the arrays are empty. Arrays are named from the root by their
// keys ("predicate.entries"); `take` gets the position in `arrays`, the element's index, and the element. Its error
// ends the parse and is returned as it is. Elements arrive before the rest of the document is known to be JSON.
struct ElementSink {
  std::vector<std::string> arrays;
  std::function<Result<void>(std::size_t array, std::size_t index, Json element)> take;
};
Result<Json> parse_json_elements(std::string_view text, std::string_view what, const ElementSink& sink,
                                 std::size_t max_depth = Limits{}.json_depth);

std::string canonical_json(const Json& value);
std::string canonical_number(double value);  // ECMAScript Number::toString; value must be finite

// Reads one JSON object field by field. Every error names the path of the field ("steps[3].retry.cap").
// finish() refuses fields that nobody asked for, with a suggestion where one is near.
class ObjectReader {
 public:
  // `value` must outlive the reader.
  static Result<ObjectReader> of(const Json& value, std::string path);

  bool has(std::string_view key) const;
  Result<std::string> string(std::string_view key);
  Result<std::string> string_or(std::string_view key, std::string fallback);
  Result<std::uint64_t> uint(std::string_view key);
  Result<std::uint64_t> uint_or(std::string_view key, std::uint64_t fallback);
  Result<double> number_or(std::string_view key, double fallback);
  Result<bool> boolean_or(std::string_view key, bool fallback);
  Result<Digest> digest(std::string_view key);
  Result<Instant> instant(std::string_view key);
  Result<std::vector<std::string>> strings_or_empty(std::string_view key);
  Result<const Json*> array(std::string_view key);            // must be there
  Result<const Json*> array_or_null(std::string_view key);    // nullptr when absent
  Result<const Json*> object(std::string_view key);
  Result<const Json*> object_or_null(std::string_view key);
  const Json* any_or_null(std::string_view key);
  template <class T>
  Result<T> id(std::string_view key) {
    const std::string text = TRY(string(key));
    auto parsed = T::parse(text);
    if (!parsed) return fail(parsed.error().code, path_of(key) + ": " + parsed.error().context);
    return parsed;
  }

  Result<void> finish() const;          // unknown fields are refused: kSpecUnknownField
  std::string path_of(std::string_view key) const;
  const std::string& path() const { return path_; }

 private:
  ObjectReader(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}
  const Json* find(std::string_view key);
  std::unexpected<Error> wrong(std::string_view key, std::string_view expected) const;
  const Json* value_;
  std::string path_;
  std::set<std::string, std::less<>> asked_;
};

// The candidate nearest to `word` by edit distance, if near enough to be a misspelling.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace airlock
