// ledger/catalog: which bundles a tenant holds, what is in them, which generation is active, and the DAGs they brought.
//
// Lists are in byte order of their keys. Everything is scoped by tenant.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace airlock::ledger {

struct CatalogRow {
  BundleId bundle;
  std::uint64_t generation = 0;
  std::string version, kind;
  Digest manifest_sha256;          // SHA-256 of the manifest bytes (the DSSE payload), kept as a document
  Instant imported_at = Instant::from_millis(0);
  bool active = false;
};

struct ItemRow {
  std::string path;
  Digest sha256;
  std::uint64_t size = 0;
  bool executable = false;
  std::string media_type;
};

struct DagRow {
  DagId dag;
  std::string version;
  Digest digest;                   // of the canonical spec; the spec itself is document(digest)
  BundleId bundle;
  std::uint64_t generation = 0;
};

struct DagEdge {
  std::string from, to;            // step ids: `to` needs `from`
};

struct NewDag {
  DagId dag;
  std::string version;
  std::string spec;                // canonical JSON
  std::vector<DagEdge> edges;
};

// One accepted import. bundle.imported is appended with `verdict` as its data, plus kind and itemsDigest (SHA-256 over
// "MODE SP HEX SP SP PATH LF" by path, the tree digest of base/tree.h). With `activate`, the other generations of the bundle become inactive. Errors:
// kGenerationReused when this generation is there with another manifest, kAlreadyExists when a dagId@version is there
// with another digest. The same import again (same manifest) only appends the event and sets `active`.
using ItemSource = std::function<Result<std::optional<ItemRow>>()>;   // the next item, nothing at the end
ItemSource items_from(std::vector<ItemRow> items);

struct NewImport {
  BundleId bundle;
  std::uint64_t generation = 0;
  std::string version, kind;
  std::string manifest;            // exact bytes
  ItemSource items;                // in any order; pulled one by one, so that memory does not grow with the bundle
  std::vector<NewDag> dags;
  bool activate = true;
  Json verdict;                    // {accepted, checks, bundleId, version, generation, manifestSha256, file, activated}
};
Result<void> record_import(Tx& tx, const TenantId& tenant, const NewImport& import, const Who& who);

// bundle.pruned: the row and its items go, DAGs and documents stay. kUsage when the generation is active.
Result<void> prune_bundle(Tx& tx, const TenantId& tenant, const BundleId& bundle, std::uint64_t generation,
                          const Who& who);

Result<std::vector<CatalogRow>> list_bundles(const Reader& reader, const TenantId& tenant);  // (bundle, generation)
Result<std::vector<CatalogRow>> generations_of(const Reader& reader, const TenantId& tenant,
                                               const BundleId& bundle);                      // newest first
Result<std::vector<CatalogRow>> active_bundles(const Reader& reader, const TenantId& tenant);
Result<std::optional<CatalogRow>> active_bundle(const Reader& reader, const TenantId& tenant, const BundleId& bundle);
Result<std::optional<CatalogRow>> newest_bundle(const Reader& reader, const TenantId& tenant, const BundleId& bundle);
Result<std::optional<CatalogRow>> get_bundle(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                             std::uint64_t generation);

// The highest generation ever accepted, also when its row was pruned since: the floor for the next import.
Result<std::optional<std::uint64_t>> generation_floor(const Reader& reader, const TenantId& tenant,
                                                      const BundleId& bundle);

Result<std::optional<ItemRow>> get_item(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                        std::uint64_t generation, const std::string& path);
// Items at or below a folder ("data/osv": data/osv/..., and data/osv itself); all of them for "". By path.
Result<std::vector<ItemRow>> list_items(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                        std::uint64_t generation, const std::string& folder = "");
// The same one by one, in short reads; stops at the first error of `each`.
Result<void> for_each_item(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                           std::uint64_t generation, const std::string& folder,
                           const std::function<Result<void>(const ItemRow&)>& each);
// Whether any bundle item or step output of any tenant has this content: what a sweep of the store must keep.
Result<bool> blob_referenced(const Reader& reader, const Digest& digest);
// The same for one tenant: what its DAGs may name by digest.
Result<bool> blob_of_tenant(const Reader& reader, const TenantId& tenant, const Digest& digest);

Result<std::vector<DagRow>> list_dags(const Reader& reader, const TenantId& tenant);         // (dag, version) as text
Result<std::optional<DagRow>> get_dag(const Reader& reader, const TenantId& tenant, const DagId& dag,
                                      const std::string& version);

}  // namespace airlock::ledger
