#include "ledger/catalog.h"

#include <memory>

#include "ledger/catalog_rows.h"
#include "ledger/project.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

constexpr std::string_view kBundleColumns =
    "SELECT bundle_id, generation, version, kind, manifest_sha256, imported_at, active FROM bundle_catalog WHERE tenant = ?1";
constexpr std::string_view kItemColumns =
    "SELECT path, digest, size, executable, media_type FROM bundle_items WHERE tenant = ?1 AND bundle_id = ?2 AND generation = ?3";

Result<CatalogRow> read_bundle(const sql::Statement& row) {
  auto bundle = TRY(row.id<BundleId>(0));
  const auto generation = TRY(parse_generation(row.bytes(1)));
  const auto manifest = TRY(row.digest(4));
  return CatalogRow{std::move(bundle),
                    generation,
                    row.text(2),
                    row.text(3),
                    manifest,
                    row.instant(5),
                    row.integer(6) == 1};
}

Result<std::vector<CatalogRow>> read_bundles(sql::Statement rows) {
  std::vector<CatalogRow> all;
  while (TRY(rows.step())) all.push_back(TRY(read_bundle(rows)));
  return all;
}

Result<std::optional<CatalogRow>> read_one_bundle(sql::Statement rows) {
  if (!TRY(rows.step())) return std::optional<CatalogRow>();
  return std::optional(TRY(read_bundle(rows)));
}

Result<ItemRow> read_item(const sql::Statement& row) {
  const auto sha256 = TRY(row.digest(1));
  return ItemRow{row.text(0), sha256, row.count(2), row.integer(3) != 0, row.text(4)};
}

std::string sql_of(std::string_view columns, std::string_view rest) {
  return std::string(columns) + std::string(rest);
}

std::string bundle_subject(const BundleId& bundle, std::uint64_t generation) {
  return "bundle:" + bundle.str() + "@" + std::to_string(generation);
}

Result<void> insert_items(Tx& tx, const TenantId& tenant, const NewImport& import) {
  const std::string generation = generation_text(import.generation);
  while (const std::optional<ItemRow> item = TRY(import.items()))
    TRY(tx.db().run("INSERT INTO bundle_items VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", tenant, import.bundle,
                    generation, item->path, item->sha256, item->size, item->executable, item->media_type));
  return {};
}

// Each DAG's spec is kept; a version that is there with another spec refuses the import.
Result<Json> register_dags(Tx& tx, const TenantId& tenant, const std::vector<NewDag>& dags) {
  Json listing = Json::array();
  for (const NewDag& dag : dags) {
    const Digest digest = TRY(tx.put_document(dag.spec));
    const auto known = TRY(get_dag(tx, tenant, dag.dag, dag.version));
    if (known && known->digest != digest)
      return fail(Code::kAlreadyExists, "DAG " + dag.dag.str() + "@" + dag.version +
                                            " with another spec, from bundle " + known->bundle.str());
    Json edges = Json::array();
    for (const DagEdge& edge : dag.edges) edges.push_back({edge.from, edge.to});
    listing.push_back({{"dagId", dag.dag.str()},
                       {"version", dag.version},
                       {"digest", digest.hex()},
                       {"edges", std::move(edges)}});
  }
  return listing;
}

}  // namespace

ItemSource items_from(std::vector<ItemRow> items) {
  auto rest = std::make_shared<std::pair<std::vector<ItemRow>, std::size_t>>(std::move(items), 0);
  return [rest]() -> Result<std::optional<ItemRow>> {
    if (rest->second == rest->first.size()) return std::optional<ItemRow>();
    return std::optional(rest->first[rest->second++]);
  };
}

Result<Digest> items_digest(sql::Connection& db, const std::string& tenant, const std::string& bundle,
                            const std::string& generation) {
  sql::Statement rows = TRY(db.query(sql_of(kItemColumns, " ORDER BY path"), tenant, bundle, generation));
  Sha256 hasher;
  while (TRY(rows.step())) {
    const ItemRow item = TRY(read_item(rows));
    hasher.update((item.executable ? "755 " : "644 ") + item.sha256.hex() + "  " + item.path + "\n");
  }
  return hasher.finish();
}

Result<void> record_import(Tx& tx, const TenantId& tenant, const NewImport& import, const Who& who) {
  const std::string generation = generation_text(import.generation);
  const Digest manifest = TRY(tx.put_document(import.manifest));
  const auto known = TRY(get_bundle(tx, tenant, import.bundle, import.generation));
  if (known && known->manifest_sha256 != manifest)
    return fail(Code::kGenerationReused, bundle_subject(import.bundle, import.generation));
  if (!known) TRY(insert_items(tx, tenant, import));
  Json data = import.verdict.is_object() ? import.verdict : Json::object();
  data["bundleId"] = import.bundle.str();
  data["generation"] = import.generation;
  data["version"] = import.version;
  data["kind"] = import.kind;
  data["manifestSha256"] = manifest.hex();
  data["activated"] = import.activate;
  data["itemsDigest"] = TRY(items_digest(tx.db(), tenant.str(), import.bundle.str(), generation)).hex();
  data["dags"] = TRY(register_dags(tx, tenant, import.dags));
  TRY(tx.append(tenant, {"bundle.imported", bundle_subject(import.bundle, import.generation), who,
                         std::nullopt, std::nullopt, std::move(data)}));
  return {};
}

Result<void> prune_bundle(Tx& tx, const TenantId& tenant, const BundleId& bundle, std::uint64_t generation,
                          const Who& who) {
  const auto row = TRY(get_bundle(tx, tenant, bundle, generation));
  if (!row) return fail(Code::kNotFound, bundle_subject(bundle, generation) + " of tenant " + tenant.str());
  if (row->active)
    return fail(Code::kUsage,
                bundle_subject(bundle, generation) + " is active: only inactive generations can be pruned");
  TRY(tx.db().run("DELETE FROM bundle_items WHERE tenant = ?1 AND bundle_id = ?2 AND generation = ?3", tenant,
                  bundle, generation_text(generation)));
  TRY(tx.append(tenant, {"bundle.pruned",
                         bundle_subject(bundle, generation),
                         who,
                         std::nullopt,
                         std::nullopt,
                         {{"bundleId", bundle.str()},
                          {"generation", generation},
                          {"manifestSha256", row->manifest_sha256.hex()}}}));
  return {};
}

Result<std::vector<CatalogRow>> list_bundles(const Reader& reader, const TenantId& tenant) {
  return read_bundles(
      TRY(reader.db().query(sql_of(kBundleColumns, " ORDER BY bundle_id, generation"), tenant)));
}

Result<std::vector<CatalogRow>> generations_of(const Reader& reader, const TenantId& tenant,
                                               const BundleId& bundle) {
  return read_bundles(TRY(reader.db().query(
      sql_of(kBundleColumns, " AND bundle_id = ?2 ORDER BY generation DESC"), tenant, bundle)));
}

Result<std::vector<CatalogRow>> active_bundles(const Reader& reader, const TenantId& tenant) {
  return read_bundles(
      TRY(reader.db().query(sql_of(kBundleColumns, " AND active = 1 ORDER BY bundle_id"), tenant)));
}

Result<std::optional<CatalogRow>> active_bundle(const Reader& reader, const TenantId& tenant,
                                                const BundleId& bundle) {
  return read_one_bundle(
      TRY(reader.db().query(sql_of(kBundleColumns, " AND bundle_id = ?2 AND active = 1"), tenant, bundle)));
}

Result<std::optional<CatalogRow>> newest_bundle(const Reader& reader, const TenantId& tenant,
                                                const BundleId& bundle) {
  return read_one_bundle(TRY(reader.db().query(
      sql_of(kBundleColumns, " AND bundle_id = ?2 ORDER BY generation DESC LIMIT 1"), tenant, bundle)));
}

Result<std::optional<CatalogRow>> get_bundle(const Reader& reader, const TenantId& tenant,
                                             const BundleId& bundle, std::uint64_t generation) {
  return read_one_bundle(
      TRY(reader.db().query(sql_of(kBundleColumns, " AND bundle_id = ?2 AND generation = ?3"), tenant, bundle,
                            generation_text(generation))));
}

Result<std::optional<std::uint64_t>> generation_floor(const Reader& reader, const TenantId& tenant,
                                                      const BundleId& bundle) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT generation FROM bundle_floors WHERE tenant = ?1 AND bundle_id = ?2", tenant, bundle));
  if (!TRY(row.step())) return std::optional<std::uint64_t>();
  return std::optional(TRY(parse_generation(row.bytes(0))));
}

Result<std::optional<ItemRow>> get_item(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                        std::uint64_t generation, const std::string& path) {
  sql::Statement row = TRY(reader.db().query(sql_of(kItemColumns, " AND path = ?4"), tenant, bundle,
                                             generation_text(generation), path));
  if (!TRY(row.step())) return std::optional<ItemRow>();
  return std::optional(TRY(read_item(row)));
}

Result<std::vector<ItemRow>> list_items(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                        std::uint64_t generation, const std::string& folder) {
  std::vector<ItemRow> items;
  TRY(for_each_item(reader, tenant, bundle, generation, folder, [&](const ItemRow& item) -> Result<void> {
    items.push_back(item);
    return {};
  }));
  return items;
}

Result<void> for_each_item(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                           std::uint64_t generation, const std::string& folder,
                           const std::function<Result<void>(const ItemRow&)>& each) {
  constexpr std::size_t kChunk = 1000;
  // '0' is the byte after '/': everything below a folder lies between "folder/" and "folder0". A folder that
  // is itself a member sorts before both.
  const std::string rest = folder.empty() ? " AND path > ?4 ORDER BY path LIMIT ?5"
                                          : " AND path > ?4 AND path >= ?6 AND path < ?6 || '0'"
                                            " AND (path = ?6 OR path > ?6 || '/') ORDER BY path LIMIT ?5";
  for (std::string after;;) {
    std::vector<ItemRow> chunk;
    {
      sql::Statement rows = folder.empty()
                                ? TRY(reader.db().query(sql_of(kItemColumns, rest), tenant, bundle,
                                                        generation_text(generation), after, kChunk))
                                : TRY(reader.db().query(sql_of(kItemColumns, rest), tenant, bundle,
                                                        generation_text(generation), after, kChunk, folder));
      while (TRY(rows.step())) chunk.push_back(TRY(read_item(rows)));
    }
    for (const ItemRow& item : chunk) TRY(each(item));
    if (chunk.size() < kChunk) return {};
    after = chunk.back().path;
  }
}

Result<bool> blob_referenced(const Reader& reader, const Digest& digest) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT EXISTS (SELECT 1 FROM bundle_items WHERE digest = ?1) OR EXISTS (SELECT 1 FROM artifacts WHERE digest = ?1)",
      digest));
  TRY(row.step());
  return row.integer(0) != 0;
}

Result<bool> blob_of_tenant(const Reader& reader, const TenantId& tenant, const Digest& digest) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT EXISTS (SELECT 1 FROM bundle_items WHERE digest = ?1 AND tenant = ?2) OR EXISTS (SELECT 1 FROM artifacts WHERE digest = ?1 AND tenant = ?2)",
      digest, tenant));
  TRY(row.step());
  return row.integer(0) != 0;
}

namespace {

Result<DagRow> read_dag(const sql::Statement& row) {
  auto dag = TRY(row.id<DagId>(0));
  const auto digest = TRY(row.digest(2));
  auto bundle = TRY(row.id<BundleId>(3));
  const auto generation = TRY(parse_generation(row.bytes(4)));
  return DagRow{std::move(dag), row.text(1), digest, std::move(bundle),
                generation};
}

}  // namespace

Result<std::vector<DagRow>> list_dags(const Reader& reader, const TenantId& tenant) {
  sql::Statement rows = TRY(reader.db().query(
      "SELECT dag_id, version, digest, bundle_id, generation FROM dags WHERE tenant = ?1 ORDER BY dag_id, version",
      tenant));
  std::vector<DagRow> dags;
  while (TRY(rows.step())) dags.push_back(TRY(read_dag(rows)));
  return dags;
}

Result<std::optional<DagRow>> get_dag(const Reader& reader, const TenantId& tenant, const DagId& dag,
                                      const std::string& version) {
  sql::Statement row = TRY(reader.db().query(
      "SELECT dag_id, version, digest, bundle_id, generation FROM dags WHERE tenant = ?1 AND dag_id = ?2 AND version = ?3",
      tenant, dag, version));
  if (!TRY(row.step())) return std::optional<DagRow>();
  return std::optional(TRY(read_dag(row)));
}

}  // namespace airlock::ledger
