// A JSON Schema of manifests/schemas as other programs would use it: through a validator that is not ours.
#pragma once

// Without it valijson prints and aborts on a schema that it cannot read.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <catch2/catch.hpp>

#include <span>
#include <string>

#include "base/io.h"
#include "base/json.h"

namespace airlock::manifests::test {

class PublishedSchema {
 public:
  explicit PublishedSchema(const std::string& name) {
    const std::string path = AIRLOCK_SOURCE_DIR "/manifests/schemas/" + name;
    document_ = parse_json(read_file(path, kMiB).value(), name).value();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(document_), schema_);
  }
  bool accepts(const Json& value) {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    return validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(value), nullptr);
  }

 private:
  Json document_;
  valijson::Schema schema_;
};

struct Edit {
  const char* name;
  void (*change)(Json&);
};

// Each edit is refused by the parser and by the schema alike.
template <class Parse>
void check_edits(PublishedSchema& schema, const std::string& good, std::span<const Edit> edits, Parse parse) {
  CHECK(parse(good).has_value());
  CHECK(schema.accepts(parse_json(good, "good").value()));
  for (const Edit& e : edits) {
    INFO(e.name);
    Json document = parse_json(good, "good").value();
    e.change(document);
    CHECK_FALSE(parse(canonical_json(document)).has_value());
    CHECK_FALSE(schema.accepts(document));
  }
}

}  // namespace airlock::manifests::test
