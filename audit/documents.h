// audit/documents: the texts that every audit bundle carries: how to verify it, and the schema of each file.
#pragma once

#include <span>
#include <string_view>

namespace airlock::audit {

std::string_view readme_text();

struct Schema {
  std::string_view path;  // "schemas/audit-runs.schema.json"
  std::string_view text;
};
std::span<const Schema> schemas();  // sorted by path

}  // namespace airlock::audit
