// A JSON Schema of manifests/schemas as other programs would use it: through a validator that is not ours.
#pragma once

// Without it valijson prints and aborts on a schema that it cannot read.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

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

}  // namespace airlock::manifests::test
