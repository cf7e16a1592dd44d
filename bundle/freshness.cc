#include "bundle/freshness.h"

#include <algorithm>
#include <optional>

#include "ledger/airgap.h"
#include "ledger/catalog.h"

namespace airlock::bundle {
namespace {

using Categories = std::map<std::string, manifests::StalenessBudget>;

struct Content {
  ledger::CatalogRow row;
  manifests::BundleManifest manifest;
  std::optional<Instant> anchor;
};

Result<Content> load(const ledger::Reader& reader, const TenantId& tenant, const ledger::CatalogRow& row) {
  auto manifest = TRY(manifests::parse_bundle_statement(TRY(ledger::document(reader, row.manifest_sha256))));
  const auto anchor = TRY(ledger::bundle_anchor(reader, tenant, row.bundle, row.generation));
  return Content{row, std::move(manifest), anchor ? std::optional(anchor->time) : std::nullopt};
}

bool has_folder(const manifests::BundleManifest& manifest, const std::string& category) {
  const std::string folder = "data/" + category + "/";
  const auto at = std::ranges::lower_bound(manifest.entries, folder, {}, &manifests::BundleEntry::path);
  return at != manifest.entries.end() && at->path.starts_with(folder);
}

void add(std::vector<ContentAge>& ages, const Content& content, const std::string& category, Instant now) {
  const auto budget = categories_of(content.manifest).at(category);
  ages.push_back({content.row.bundle, content.row.generation, verify::judge_staleness(category, budget, content.anchor, now)});
}

// The categories that a path in the bundle belongs to.
std::vector<std::string> categories_at(const Content& content, const Categories& all, const std::string& path) {
  constexpr std::string_view kData = "data/";
  if (path.starts_with(kData)) {
    const std::string first = path.substr(kData.size(), path.find('/', kData.size()) - kData.size());
    if (all.contains(first)) return {first};
  }
  // A whole bundle, or a path that is only known when the run is planned, is everything.
  const bool anything = path.empty() || path == "data" || path == kData || path.contains("${");
  std::vector<std::string> found;
  for (const auto& [category, budget] : all)
    if (anything || !has_folder(content.manifest, category)) found.push_back(category);
  return found;
}

std::string describe_age(const ContentAge& age) {
  const verify::Staleness& s = age.staleness;
  const std::string what = age.bundle.str() + ", generation " + std::to_string(age.generation) + ": ";
  if (!s.anchor) return what + "no time anchor proves its age, and the tenant is sealed";
  return what + "anchored " + s.anchor->text() + ", " + std::to_string(s.age_seconds) + " s ago, budget " +
         std::to_string(s.budget.breach_seconds) + " s";
}

}  // namespace

Categories categories_of(const manifests::BundleManifest& manifest) {
  Categories categories = manifest.budgets;
  for (const auto& [category, budget] : verify::default_budgets())
    if (has_folder(manifest, category)) categories.emplace(category, budget);
  categories.erase(std::string(verify::kAnchorCategory));
  return categories;
}

Result<std::vector<ContentAge>> content_ages(const ledger::Reader& reader, const TenantId& tenant, Instant now) {
  std::vector<ContentAge> ages;
  for (const ledger::CatalogRow& row : TRY(ledger::active_bundles(reader, tenant))) {
    const Content content = TRY(load(reader, tenant, row));
    for (const auto& [category, budget] : categories_of(content.manifest)) add(ages, content, category, now);
  }
  return ages;
}

Result<std::vector<ContentAge>> needed_ages(const ledger::Reader& reader, const TenantId& tenant, const manifests::DagSpec& dag,
                                            Instant now) {
  std::map<std::string, std::set<std::string>> paths;  // by bundle
  for (const manifests::StepSpec& step : dag.steps)
    for (const auto& [name, source] : step.inputs)
      if (const auto* input = std::get_if<manifests::BundleInput>(&source)) paths[input->bundle.str()].insert(input->path);
  std::vector<ContentAge> ages;
  for (const ledger::CatalogRow& row : TRY(ledger::active_bundles(reader, tenant))) {
    const auto read = paths.find(row.bundle.str());
    if (read == paths.end()) continue;
    const Content content = TRY(load(reader, tenant, row));
    const Categories all = categories_of(content.manifest);
    std::set<std::string> needed;
    for (const std::string& path : read->second)
      for (std::string& category : categories_at(content, all, path)) needed.insert(std::move(category));
    for (const std::string& category : needed) add(ages, content, category, now);
  }
  return ages;
}

Result<verify::Staleness> anchor_age(const ledger::Reader& reader, const TenantId& tenant, Instant now) {
  const std::string category(verify::kAnchorCategory);
  std::optional<manifests::StalenessBudget> budget;
  for (const ledger::CatalogRow& row : TRY(ledger::active_bundles(reader, tenant))) {
    const Content content = TRY(load(reader, tenant, row));
    const auto own = content.manifest.budgets.find(category);
    if (own == content.manifest.budgets.end()) continue;
    if (!budget || own->second.breach_seconds < budget->breach_seconds) budget = own->second;
  }
  const auto newest = TRY(ledger::newest_anchor(reader, tenant));
  return verify::judge_staleness(category, budget.value_or(verify::default_budgets().find(category)->second),
                                 newest ? std::optional(newest->time) : std::nullopt, now);
}

Result<std::set<std::string>> check_fresh(const std::vector<ContentAge>& needed, const FreshnessRules& rules) {
  std::set<std::string> used;
  for (const ContentAge& age : needed) {
    const verify::Freshness freshness = age.staleness.freshness;
    if (freshness != verify::Freshness::kBreach && !(freshness == verify::Freshness::kUnanchored && rules.sealed)) continue;
    const std::string& category = age.staleness.category;
    if (!rules.overrides.contains(category)) return fail(Error{Code::kStale, describe_age(age), category});
    used.insert(category);
  }
  return used;
}

}  // namespace airlock::bundle
