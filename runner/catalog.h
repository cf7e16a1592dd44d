// runner/catalog: what planning sees of a site: the active bundles of one tenant, as the ledger and the store have them.
#pragma once

#include <string>
#include <string_view>

#include "bundle/store.h"
#include "ledger/catalog.h"
#include "ledger/ledger.h"
#include "runner/plan.h"

namespace airlock::runner {

// Reads the ledger once for each bundle and plugin asked for. Give it a Snapshot when the answer must be of one instant.
class LedgerCatalog : public Catalog {
 public:
  LedgerCatalog(const ledger::Reader& reader, const bundle::Store& store, TenantId tenant)
      : reader_(reader), store_(store), tenant_(std::move(tenant)) {}

  // From the active bundle that holds plugins/<name>/<version>/plugin.json; of several, the one whose id sorts first,
  // unless their plugins differ (kSpecUnknownPlugin: nobody can say which one is meant). A root file system comes from that
  // same bundle: kSpecUnknownInput when it has none at that path, kSpecUnsupported when that is no image that can be used.
  Result<PluginInfo> plugin(const manifests::PluginRef& ref) override;
  Result<Content> data(const BundleId& bundle, const std::string& path) override;
  Result<Content> artifact(const Digest& sha256) override;

 private:
  Result<Tree> image(const ledger::CatalogRow& row, const std::string& path) const;
  const ledger::Reader& reader_;
  const bundle::Store& store_;
  TenantId tenant_;
};

// The DAG "id" (its highest version) or "id@version" that the tenant's bundles brought; kNotFound with a suggestion.
Result<manifests::DagSpec> load_dag(const ledger::Reader& reader, const TenantId& tenant, const std::string& reference);

// make_plan against the tenant's active bundles, without starting anything.
Result<Planned> plan_run(const ledger::Reader& reader, const bundle::Store& store, const TenantId& tenant,
                         const manifests::DagSpec& dag, const InputValues& inputs);

// The bytes that tree_digest() hashes, so that a document kept under its SHA-256 is kept under the tree digest.
std::string tree_listing(const Tree& tree);
Result<Tree> parse_tree_listing(std::string_view listing);  // sizes are 0: the listing has none

}  // namespace airlock::runner
