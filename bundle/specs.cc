#include "bundle/specs.h"

#include <algorithm>

#include "bundle/layout.h"
#include "manifests/dag_links.h"

namespace airlock::bundle {
namespace {

Error in_member(const std::string& path, const Error& error) { return {error.code, path + ": " + error.context}; }

// A member, or a folder that holds one. Entries are sorted, so all members below a folder stand together.
bool bundle_holds(const manifests::BundleManifest& manifest, const std::string& path) {
  if (manifest.find(path) != nullptr) return true;
  const std::string folder = path + "/";
  const auto it = std::ranges::lower_bound(manifest.entries, folder, {}, &manifests::BundleEntry::path);
  return it != manifest.entries.end() && it->path.starts_with(folder);
}

}  // namespace

bool SpecSet::wants(std::string_view path) {
  if (path.starts_with("dags/")) return true;
  if (!path.starts_with("plugins/") || !path.ends_with("/" + std::string(kPluginFile))) return false;
  const auto at = parse_plugin_path(path);
  return at && at->inner == kPluginFile;
}

Result<void> SpecSet::add(const std::string& path, std::string bytes, const Limits& limits) {
  const auto document = parse_json(bytes, path, limits.json_depth);
  if (!document) return fail(document.error());
  if (path.starts_with("plugins/")) {
    auto plugin = manifests::parse_plugin(*document);
    if (!plugin) return fail(in_member(path, plugin.error()));
    const PluginPath at = TRY(parse_plugin_path(path));
    if (plugin->ref().str() != at.plugin.str())
      return fail(Code::kSpecInvalid, path + ": describes " + plugin->ref().str());
    plugins_.emplace(path, std::move(*plugin));
    return {};
  }
  auto dag = manifests::parse_dag(*document);
  if (!dag) return fail(in_member(path, dag.error()));
  if (path != dag_path(dag->id, dag->version))
    return fail(Code::kSpecInvalid, path + ": describes " + dag->id.str() + "@" + dag->version.str());
  if (manifests::write_dag(*dag) != bytes) return fail(Code::kSpecInvalid, path + ": not canonical JSON");
  dags_.emplace(path, Dag{std::move(*dag), std::move(bytes)});
  return {};
}

Result<void> SpecSet::check_plugin(const manifests::BundleManifest& manifest, const std::string& path,
                                   const manifests::PluginDescriptor& plugin) const {
  const std::string entrypoint = plugin.ref().folder() + "/" + plugin.entrypoint;
  const manifests::BundleEntry* entry = manifest.find(entrypoint);
  if (entry == nullptr) return fail(Code::kSpecInvalid, path + ": entrypoint " + entrypoint + " is not in the bundle");
  if (!plugin.interpreter && !entry->executable)
    return fail(Code::kSpecInvalid, path + ": entrypoint " + entrypoint + " is not executable");
  if (plugin.rootfs != manifests::RootfsKind::kOciLayout) return {};
  for (const std::string part : {"/oci-layout", "/index.json"})
    if (manifest.find(plugin.rootfs_path + part) == nullptr)
      return fail(Code::kSpecInvalid, path + ": rootfs " + plugin.rootfs_path + " is no OCI image layout: the bundle has no " + plugin.rootfs_path + part);
  return {};
}

Result<void> SpecSet::check_data(const manifests::BundleManifest& manifest, const manifests::StepSpec& step,
                                 SpecCatalog* catalog) const {
  for (const auto& [name, source] : step.inputs) {
    const auto* data = std::get_if<manifests::BundleInput>(&source);
    if (data == nullptr) continue;
    // A path with a substitution is known when a run is planned; until then only the part before it is.
    const std::string fixed = data->path.find("${") == std::string::npos ? data->path : "";
    bool held = true;
    if (data->bundle == manifest.bundle_id) held = fixed.empty() || bundle_holds(manifest, fixed);
    else if (catalog != nullptr) held = TRY(catalog->holds(data->bundle, fixed));
    if (!held)
      return fail(Code::kSpecUnknownInput, "step " + step.id.str() + ", input " + name + ": no " + data->path + " in bundle " +
                                               data->bundle.str());
  }
  return {};
}

Result<void> SpecSet::check_dag(const manifests::BundleManifest& manifest, const manifests::DagSpec& dag,
                                SpecCatalog* catalog) const {
  for (const manifests::StepSpec& step : dag.steps) {
    if (!step.plugin) continue;
    TRY(check_data(manifest, step, catalog));
    const auto own = plugins_.find(step.plugin->folder() + "/" + std::string(kPluginFile));
    if (own != plugins_.end()) {
      TRY(manifests::check_step(step, own->second));
      continue;
    }
    if (catalog == nullptr) continue;
    const auto other = TRY(catalog->plugin(*step.plugin, manifest.bundle_id));
    if (!other) return fail(Code::kSpecUnknownPlugin, "step " + step.id.str() + ": " + step.plugin->str());
    TRY(manifests::check_step(step, *other));
  }
  return {};
}

Result<SpecSet::Summary> SpecSet::check(const manifests::BundleManifest& manifest, const std::optional<TenantId>& tenant,
                                        SpecCatalog* catalog) const {
  for (const auto& [path, plugin] : plugins_) TRY(check_plugin(manifest, path, plugin));
  for (const auto& [path, dag] : dags_) {
    if (tenant && dag.spec.tenant && *dag.spec.tenant != *tenant)
      return fail(Code::kTenantMismatch, path + ": a DAG of tenant " + dag.spec.tenant->str());
    const auto checked = check_dag(manifest, dag.spec, catalog);
    if (!checked) return fail(in_member(path, checked.error()));
  }
  return Summary{dags_.size(), plugins_.size()};
}

std::map<std::string, std::string> SpecSet::rootfs_paths() const {
  std::map<std::string, std::string> out;
  for (const auto& [path, plugin] : plugins_)
    if (plugin.rootfs == manifests::RootfsKind::kOciLayout) out.emplace(plugin.rootfs_path, path);
  return out;
}

Result<std::vector<ledger::NewDag>> SpecSet::take_dags() {
  std::vector<ledger::NewDag> out;
  for (auto& [path, dag] : dags_) {
    ledger::NewDag row{dag.spec.id, dag.spec.version.str(), std::move(dag.bytes), {}};
    for (const manifests::StepSpec& step : dag.spec.steps)
      for (const manifests::Link& link : TRY(manifests::links_of(step, path))) row.edges.push_back({link.step.str(), step.id.str()});
    out.push_back(std::move(row));
  }
  dags_.clear();
  return out;
}

}  // namespace airlock::bundle
