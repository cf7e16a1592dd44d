// manifests/document_yaml: the YAML half of document.h. Callers use load_authored().
#pragma once

#include "manifests/document.h"

namespace airlock::manifests {

Result<Document> load_yaml(std::string_view text, std::string name, const DocumentLimits& limits);

std::string escape_pointer_part(std::string_view key);  // RFC 6901 section 3

}  // namespace airlock::manifests
