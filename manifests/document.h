// manifests/document: text that a person or a bundle wrote, as Json with the place of every value.
//
// load_authored takes YAML 1.2 (core schema) or JSON, for documents on their way into a bundle; load_strict takes
// strict JSON only, for documents that come out of one. YAML is a superset of what airlock means by a document, so
// what JSON cannot say is refused: duplicate keys, keys that are not strings, anchors, aliases, tags, several
// documents, and anything over the node and depth caps. A plain scalar is null (null, ~ or nothing), a boolean (true,
// false) or a number as JSON spells numbers; all else is a string (yes, on, 0x1F, 1:30, 1.2.3).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace airlock::manifests {

struct Place {
  std::size_t line = 0, column = 0;  // 1-based
};

struct Document {
  Json value;
  std::string name;                        // of the file, for errors
  std::map<std::string, Place> places;     // JSON pointer (RFC 6901) -> where the value (or its key) starts

  // "FILE, line 12 column 7: CONTEXT" where CONTEXT starts with a path as ObjectReader writes it
  // ("spec.steps[3].retry.cap: expected ..."). Falls back to the nearest enclosing value that has a place.
  Error located(Error error) const;
};

struct DocumentLimits {
  std::size_t bytes = 8 * kMiB;
  std::size_t nodes = 1'000'000;
  std::size_t depth = 64;
};

// Errors: kJson for what does not parse or is refused above, kTooLarge for the caps.
Result<Document> load_authored(std::string_view text, std::string name, const DocumentLimits& limits = {});
Result<Document> load_strict(std::string_view text, std::string name, const DocumentLimits& limits = {});

}  // namespace airlock::manifests
