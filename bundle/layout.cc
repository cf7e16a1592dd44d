#include "bundle/layout.h"

#include <array>

namespace airlock::bundle {
namespace {

constexpr auto kGroups = std::to_array<std::string_view>(
    {manifests::kManifestPath, "trust/", "time/", manifests::kPatchFolder, "dags/", "plugins/", "data/", "sbom.cdx.json"});

std::unexpected<Error> misplaced(std::string_view path, std::string_view form) {
  return fail(Code::kManifestInvalid, "\"" + std::string(path) + "\" is not " + std::string(form));
}

}  // namespace

std::optional<int> group_of(std::string_view path) {
  for (std::size_t i = 0; i < kGroups.size(); ++i) {
    const bool folder = kGroups[i].back() == '/';
    if (folder ? path.starts_with(kGroups[i]) : path == kGroups[i]) return static_cast<int>(i);
  }
  return std::nullopt;
}

bool in_order(std::string_view a, std::string_view b) {
  const auto left = group_of(a), right = group_of(b);
  return left == right ? a < b : left < right;
}

bool is_patch(std::string_view path) { return path.starts_with(manifests::kPatchFolder); }

bool may_be_listed(std::string_view path) {
  const auto group = group_of(path);
  return group && *group != 0 && !is_patch(path);
}

Result<DagPath> parse_dag_path(std::string_view path) {
  static constexpr std::string_view kForm = "dags/<id>/<version>.json", kSuffix = ".json";
  const std::size_t slash = path.find('/', 5);
  if (!path.starts_with("dags/") || slash == std::string_view::npos || !path.ends_with(kSuffix) ||
      slash + 1 + kSuffix.size() > path.size())
    return misplaced(path, kForm);
  auto dag = DagId::parse(path.substr(5, slash - 5));
  auto version = SemVer::parse(path.substr(slash + 1, path.size() - slash - 1 - kSuffix.size()));
  if (!dag || !version) return misplaced(path, kForm);
  return DagPath{std::move(*dag), std::move(*version)};
}

std::string dag_path(const DagId& dag, const SemVer& version) { return "dags/" + dag.str() + "/" + version.str() + ".json"; }

Result<PluginPath> parse_plugin_path(std::string_view path) {
  static constexpr std::string_view kForm = "plugins/<name>/<version>/<file>";
  const std::size_t first = path.find('/', 8);
  const std::size_t second = first == std::string_view::npos ? first : path.find('/', first + 1);
  if (!path.starts_with("plugins/") || second == std::string_view::npos) return misplaced(path, kForm);
  auto name = PluginName::parse(path.substr(8, first - 8));
  auto version = SemVer::parse(path.substr(first + 1, second - first - 1));
  if (!name || !version) return misplaced(path, kForm);
  return PluginPath{{std::move(*name), std::move(*version)}, std::string(path.substr(second + 1))};
}

bool may_be_unlisted(std::string_view path) {
  const auto slash = path.find('/');
  const std::string_view name = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  if (name.empty() || name.find('/') != std::string_view::npos) return false;
  if (path.starts_with("trust/")) return name.size() > 5 && name.ends_with(".json");
  return path.starts_with("time/") && (name == "anchor.json" || name.ends_with(".tsr") || name.ends_with(".roughtime"));
}

Result<void> check_layout(const manifests::BundleManifest& manifest) {
  for (const manifests::BundleEntry& entry : manifest.entries) {
    if (!may_be_listed(entry.path)) return misplaced(entry.path, "a place of a bundle's members: trust/, time/, dags/, plugins/, data/ or sbom.cdx.json");
    if (entry.path.starts_with("dags/")) TRY(parse_dag_path(entry.path));
    if (entry.path.starts_with("plugins/")) {
      const PluginPath at = TRY(parse_plugin_path(entry.path));
      const std::string descriptor = at.plugin.folder() + "/" + std::string(kPluginFile);
      if (manifest.find(descriptor) == nullptr) return misplaced(entry.path, "in a plugin's folder: " + descriptor + " is missing");
    }
  }
  return {};
}

}  // namespace airlock::bundle
