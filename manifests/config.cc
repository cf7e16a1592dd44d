#include "manifests/config.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/json.h"
#include "base/time.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMaxConfigBytes = kMiB, kMaxActorBytes = 256;

// One row a limit that a site may move. `most` is what the program can honour: positions in a tar are 63 bits wide,
// depth is recursion, and a zstd window is memory.
struct LimitRow {
  const char* name;
  bool bytes;  // written as a size ("8GiB"), else as a plain number
  std::uint64_t most;
  void (*set)(Limits&, std::uint64_t);
};

constexpr std::array kRows{
    LimitRow{"bundleBytes", true, 1ULL << 50, [](Limits& l, std::uint64_t v) { l.bundle_bytes = v; }},
    LimitRow{"memberBytes", true, 1ULL << 50, [](Limits& l, std::uint64_t v) { l.member_bytes = v; }},
    LimitRow{"members", false, 100'000'000, [](Limits& l, std::uint64_t v) { l.members = v; }},
    LimitRow{"zstdWindowBytes", true, kGiB, [](Limits& l, std::uint64_t v) { l.zstd_window_bytes = v; }},
    LimitRow{"expansionRatio", false, 1'000'000, [](Limits& l, std::uint64_t v) { l.expansion_ratio = v; }},
    LimitRow{"manifestBytes", true, 4 * kGiB, [](Limits& l, std::uint64_t v) { l.manifest_bytes = v; }},
    LimitRow{"metadataBytes", true, kGiB, [](Limits& l, std::uint64_t v) { l.metadata_bytes = v; }},
};

const LimitRow* row_of(std::string_view name) {
  const auto it = std::ranges::find(kRows, name, &LimitRow::name);
  return it == kRows.end() ? nullptr : &*it;
}

// parse_size reads plain numbers too; a suffix makes no sense on a count.
Result<std::uint64_t> limit_value(const LimitRow& row, std::string_view text) {
  const auto value = parse_size(text);
  const bool suffixed = !text.empty() && (text.back() < '0' || text.back() > '9');
  if (!value || *value < 1 || *value > row.most || (suffixed && !row.bytes))
    return fail(Code::kUsage, "limit " + std::string(row.name) + "=" + std::string(text.substr(0, 40)) + ": expected " +
                                  (row.bytes ? "a size such as 16GiB" : "a number") + ", 1 to " + std::to_string(row.most));
  return *value;
}

Result<void> read_limits(const Json& object, Limits& limits) {
  ObjectReader reader = TRY(ObjectReader::of(object, "limits"));
  for (const LimitRow& row : kRows) {
    const Json* const value = reader.any_or_null(row.name);
    if (value == nullptr) continue;
    if (!value->is_string() && !value->is_number_unsigned())
      return fail(Code::kField, reader.path_of(row.name) + ": expected a number" + (row.bytes ? " of bytes, or a size such as \"16GiB\"" : ""));
    const auto number = limit_value(row, value->is_string() ? value->get<std::string>() : value->dump());
    if (!number) return fail(Code::kField, number.error().context);
    row.set(limits, *number);
  }
  return reader.finish();
}

Result<SiteConfig> read_config(const Json& document) {
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kConfigSchema)
    return fail(Code::kField, "schema: expected \"" + std::string(kConfigSchema) + "\"");
  SiteConfig config;
  if (reader.any_or_null("home") != nullptr) {
    config.home = TRY(reader.string("home"));
    if (!config.home->starts_with('/') || config.home->contains('\0')) return fail(Code::kField, "home: expected an absolute path");
  }
  if (reader.any_or_null("tenant") != nullptr) config.tenant = TRY(reader.id<TenantId>("tenant"));
  if (reader.any_or_null("actor") != nullptr) {
    config.actor = TRY(reader.string("actor"));
    if (config.actor->empty() || config.actor->size() > kMaxActorBytes)
      return fail(Code::kField, "actor: expected 1 to " + std::to_string(kMaxActorBytes) + " bytes");
  }
  if (reader.any_or_null("maxParallel") != nullptr) {
    config.max_parallel = TRY(reader.uint("maxParallel"));
    if (*config.max_parallel < 1 || *config.max_parallel > 256) return fail(Code::kField, "maxParallel: expected 1 to 256");
  }
  if (reader.any_or_null("networkAllow") != nullptr) {
    config.network_allow.emplace();
    for (const std::string& rule : TRY(reader.strings_or_empty("networkAllow")))
      config.network_allow->push_back(TRY(AllowRule::parse(rule, "networkAllow")));
  }
  if (const Json* const limits = TRY(reader.object_or_null("limits"))) TRY(read_limits(*limits, config.limits));
  TRY(reader.finish());
  return config;
}

}  // namespace

Result<SiteConfig> parse_config(std::string_view text, const std::string& name) {
  if (text.size() > kMaxConfigBytes) return fail(Code::kTooLarge, name + ": over " + std::to_string(kMaxConfigBytes) + " bytes");
  const Json document = TRY(parse_json(text, name));
  auto config = read_config(document);
  if (!config) return fail(config.error().code, name + ": " + config.error().context);
  return config;
}

Result<void> set_limit(Limits& limits, std::string_view assignment) {
  const auto equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  const LimitRow* const row = row_of(name);
  if (equals == std::string_view::npos || row == nullptr) {
    const auto near = nearest(name, limit_names());
    return fail(Code::kUsage, "limit \"" + std::string(assignment.substr(0, 80)) + "\": expected NAME=VALUE" +
                                  (row == nullptr && near ? "; did you mean \"" + *near + "\"?" : ""));
  }
  row->set(limits, TRY(limit_value(*row, assignment.substr(equals + 1))));
  return {};
}

std::vector<std::string> limit_names() {
  std::vector<std::string> names;
  for (const LimitRow& row : kRows) names.emplace_back(row.name);
  return names;
}

}  // namespace airlock::manifests
