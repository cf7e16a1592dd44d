#include "runner/catalog.h"

#include <algorithm>

#include "base/path.h"
#include "bundle/image_store.h"

namespace airlock::runner {
namespace {

TreeEntry entry_of(const ledger::ItemRow& item, std::string path) {
  return {std::move(path), item.sha256, item.size, item.executable};
}

// Items at `folder` and below, with paths relative to it; what lies beside it is not part of it.
Result<Tree> folder_tree(const ledger::Reader& reader, const TenantId& tenant, const ledger::CatalogRow& row, const std::string& folder) {
  Tree out;
  for (const ledger::ItemRow& item : TRY(ledger::list_items(reader, tenant, row.bundle, row.generation, folder)))
    if (item.path.size() > folder.size() + 1) out.push_back(entry_of(item, item.path.substr(folder.size() + 1)));
  return out;
}

Result<std::string> suggestion(const ledger::Reader& reader, const TenantId& tenant, const std::string& word) {
  std::vector<std::string> names;
  for (const ledger::DagRow& row : TRY(ledger::list_dags(reader, tenant))) names.push_back(row.dag.str());
  if (names.empty()) return std::string("; no bundle with a DAG has been imported for this tenant");
  const auto near = nearest(word, names);
  return near ? ", did you mean \"" + *near + "\"?" : std::string();
}

}  // namespace

Result<PluginInfo> LedgerCatalog::plugin(const manifests::PluginRef& ref) {
  const std::string folder = ref.folder();
  std::optional<Tree> found;
  std::vector<ledger::CatalogRow> holders;
  for (const ledger::CatalogRow& row : TRY(ledger::active_bundles(reader_, tenant_))) {
    Tree tree = TRY(folder_tree(reader_, tenant_, row, folder));
    if (std::ranges::find(tree, "plugin.json", &TreeEntry::path) == tree.end()) continue;
    if (found && tree_digest(*found) != tree_digest(tree))
      return fail(Code::kSpecUnknownPlugin, "plugin " + ref.str() + ": two active bundles hold different ones");
    found = std::move(tree);
    holders.push_back(row);
  }
  if (!found) return fail(Code::kSpecUnknownPlugin, "plugin " + ref.str() + " for tenant " + tenant_.str());
  const Digest descriptor = std::ranges::find(*found, "plugin.json", &TreeEntry::path)->sha256;
  const std::string text = TRY(store_.read(descriptor, Limits{}.metadata_bytes));
  auto parsed = manifests::parse_plugin(TRY(parse_json(text, folder + "/plugin.json")));
  if (!parsed) return fail(parsed.error().code, folder + "/plugin.json: " + parsed.error().context);
  PluginInfo info{std::move(*parsed), std::move(*found)};
  if (info.descriptor.rootfs != manifests::RootfsKind::kOciLayout) return info;
  for (const ledger::CatalogRow& row : holders) {
    auto layout = image(row, info.descriptor.rootfs_path);
    if (!layout) return fail(layout.error().code, "plugin " + ref.str() + ": rootfs " + layout.error().context);
    if (info.image && tree_digest(*info.image) != tree_digest(*layout))
      return fail(Code::kSpecUnknownPlugin, "plugin " + ref.str() + ": two active bundles hold different ones of its rootfs " + info.descriptor.rootfs_path);
    info.image = std::move(*layout);
  }
  return info;
}

Result<Tree> LedgerCatalog::image(const ledger::CatalogRow& row, const std::string& path) const {
  Tree layout = TRY(folder_tree(reader_, tenant_, row, path));
  if (layout.empty())
    return fail(Code::kSpecUnknownInput, path + ": bundle " + row.bundle.str() + " generation " + std::to_string(row.generation) + " holds no such folder");
  if (const auto sound = bundle::check_image_layout(layout, store_); !sound)
    return fail(Code::kSpecUnsupported, path + ": " + describe(sound.error()));
  return layout;
}

Result<Content> LedgerCatalog::data(const BundleId& bundle, const std::string& path) {
  const auto row = TRY(ledger::active_bundle(reader_, tenant_, bundle));
  if (!row) return fail(Code::kSpecUnknownInput, "bundle " + bundle.str() + " is not active for tenant " + tenant_.str());
  if (const auto item = TRY(ledger::get_item(reader_, tenant_, bundle, row->generation, path)))
    return Content{false, {entry_of(*item, item->path)}};
  Tree tree = TRY(folder_tree(reader_, tenant_, *row, path));
  if (tree.empty())
    return fail(Code::kSpecUnknownInput, "bundle " + bundle.str() + " generation " + std::to_string(row->generation) + " holds no " + path);
  return Content{true, std::move(tree)};
}

Result<Content> LedgerCatalog::artifact(const Digest& sha256) {
  // A blob of another tenant must look as if it were not there.
  if (!TRY(ledger::blob_of_tenant(reader_, tenant_, sha256)) || !store_.has(sha256))
    return fail(Code::kSpecUnknownInput, "artifact " + sha256.prefixed() + " is not in the store");
  return Content{false, {TreeEntry{sha256.hex(), sha256, 0, false}}};
}

Result<manifests::DagSpec> load_dag(const ledger::Reader& reader, const TenantId& tenant, const std::string& reference) {
  const auto at = reference.find('@');
  const std::string id = reference.substr(0, at);
  std::optional<ledger::DagRow> best;
  std::optional<SemVer> best_version;
  for (const ledger::DagRow& row : TRY(ledger::list_dags(reader, tenant))) {
    if (row.dag.str() != id || (at != std::string::npos && row.version != reference.substr(at + 1))) continue;
    SemVer version = TRY(SemVer::parse(row.version));
    if (best_version && version < *best_version) continue;
    best = row;
    best_version = std::move(version);
  }
  if (!best) return fail(Code::kNotFound, "DAG " + reference.substr(0, 200) + TRY(suggestion(reader, tenant, id)));
  const std::string text = TRY(ledger::document(reader, best->digest));
  return manifests::parse_dag(TRY(parse_json(text, "DAG " + best->dag.str() + "@" + best->version)));
}

Result<Planned> plan_run(const ledger::Reader& reader, const bundle::Store& store, const TenantId& tenant,
                         const manifests::DagSpec& dag, const InputValues& inputs) {
  LedgerCatalog catalog(reader, store, tenant);
  return make_plan(dag, inputs, tenant, catalog);
}

std::string tree_listing(const Tree& tree) {
  std::string out;
  for (const TreeEntry& e : tree) out += (e.executable ? "755 " : "644 ") + e.sha256.hex() + "  " + e.path + "\n";
  return out;
}

Result<Tree> parse_tree_listing(std::string_view listing) {
  const auto bad = [&](std::size_t at) { return fail(Code::kStoreCorrupt, "tree listing, byte " + std::to_string(at)); };
  Tree out;
  for (std::size_t at = 0; at < listing.size();) {
    const auto end = listing.find('\n', at);
    if (end == std::string_view::npos || end - at < 71) return bad(at);
    const std::string_view line = listing.substr(at, end - at), mode = line.substr(0, 4);
    auto digest = Digest::parse(line.substr(4, 64));
    std::string path(line.substr(70));
    if ((mode != "644 " && mode != "755 ") || !digest || line.substr(68, 2) != "  " || !safe_path(path)) return bad(at);
    if (!out.empty() && out.back().path >= path) return bad(at);
    out.push_back({std::move(path), *digest, 0, mode == "755 "});
    at = end + 1;
  }
  return out;
}

}  // namespace airlock::runner
