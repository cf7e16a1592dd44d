// manifests/config: the site's configuration file (schemas/config.schema.json; docs/operations.md, "Configuration").
//
// Every key has a flag of the same meaning; a flag wins over the environment, the environment over the file, the file
// over the default. Unknown keys are refused: a misspelt limit that silently does nothing would be worse than none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "manifests/endpoint.h"

namespace airlock::manifests {

inline constexpr std::string_view kConfigSchema = "airlock.config/v1";

struct SiteConfig {
  std::optional<std::string> home;          // absolute path; --home
  std::optional<TenantId> tenant;           // --tenant
  std::optional<std::string> actor;         // --actor
  std::optional<std::uint64_t> max_parallel;  // steps at once, 1 to 256; --max-parallel
  // Where steps may ever be allowed to connect; absent: no list was made, which a sealed site must have.
  std::optional<std::vector<AllowRule>> network_allow;
  Limits limits;                            // --limit NAME=VALUE
};

// `text` is the file, `name` names it in errors. kJson, kField, kSpecUnknownField, kBadId, kTooLarge.
Result<SiteConfig> parse_config(std::string_view text, const std::string& name);

// "memberBytes=16GiB", "expansionRatio=500": one limit of bundles, by its name in the file and in messages.
// kUsage: no such limit (with a suggestion), or a value outside of what airlock can keep.
Result<void> set_limit(Limits& limits, std::string_view assignment);

std::vector<std::string> limit_names();  // sorted as in base/limits.h

}  // namespace airlock::manifests
