#include "bundle/delta.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/io.h"
#include "ledger/catalog.h"

namespace airlock::bundle {
namespace {

// What the operator has instead, newest first.
Result<std::string> generations_held(const ledger::Reader& catalog, const TenantId& tenant, const BundleId& bundle) {
  static constexpr std::size_t kShown = 8;
  std::string out;
  std::size_t count = 0;
  for (const ledger::CatalogRow& row : TRY(ledger::generations_of(catalog, tenant, bundle))) {
    if (++count > kShown) return out + "...";
    out += (out.empty() ? "" : ", ") + std::to_string(row.generation);
  }
  return out.empty() ? "none of its generations" : "generation " + out;
}

}  // namespace

std::string name_of_base(const manifests::BundleBase& base) {
  return base.bundle_id.str() + " generation " + std::to_string(base.generation);
}

DeltaBase::DeltaBase(const Store& store, const manifests::BundleBase& base) : store_(store), name_(name_of_base(base)) {}

// One walk over the items of the base. Memory: four bytes an entry of the delta, and one bit.
Result<void> DeltaBase::look_through(const ledger::Reader& catalog, const TenantId& tenant, const manifests::BundleManifest& manifest) {
  const auto& entries = manifest.entries;
  const auto digest_of = [&entries](std::uint32_t i) -> const Digest& { return entries[i].sha256; };
  std::vector<std::uint32_t> by_digest(entries.size());
  std::iota(by_digest.begin(), by_digest.end(), 0U);
  std::ranges::sort(by_digest, {}, digest_of);
  std::set<Digest> sources;
  for (const manifests::BundlePatch& patch : manifest.base->patches) sources.insert(patch.from);
  held_.assign(entries.size(), false);
  TRY(ledger::for_each_item(catalog, tenant, manifest.base->bundle_id, manifest.base->generation, "", [&](const ledger::ItemRow& item) -> Result<void> {
    sources.erase(item.sha256);
    for (const std::uint32_t i : std::ranges::equal_range(by_digest, item.sha256, {}, digest_of))
      if (entries[i].size == item.size) held_[i] = true;
    return {};
  }));
  if (!sources.empty()) return fail(Code::kPatch, "a patch is made from " + sources.begin()->hex() + ", which " + name_ + " does not have");
  return {};
}

Result<DeltaBase> DeltaBase::find(const ledger::Reader& catalog, const Store& store, const TenantId& tenant,
                                  const manifests::BundleManifest& manifest) {
  const manifests::BundleBase& base = *manifest.base;
  DeltaBase out(store, base);
  const std::string needed = out.name_ + ", manifest " + base.manifest_sha256.hex() + ", is needed; tenant " + tenant.str() + " holds ";
  const auto row = TRY(ledger::get_bundle(catalog, tenant, base.bundle_id, base.generation));
  if (!row) return fail(Code::kBaseMissing, needed + TRY(generations_held(catalog, tenant, base.bundle_id)));
  if (row->manifest_sha256 != base.manifest_sha256) return fail(Code::kBaseOther, needed + "that generation with manifest " + row->manifest_sha256.hex());
  TRY(out.look_through(catalog, tenant, manifest));
  return out;
}

Error DeltaBase::corrupt(Error error) const {
  if (error.code != Code::kNotFound) return error;
  return {Code::kStoreCorrupt, error.context + ": " + name_ + " needs it"};
}

Result<void> DeltaBase::prove(const Digest& blob) const {
  const auto open = store_.open(blob);
  if (!open) return fail(corrupt(open.error()));
  return {};
}

Result<std::string> DeltaBase::read(const Digest& blob, std::uint64_t limit) const {
  auto bytes = store_.read(blob, limit);
  if (!bytes) return fail(corrupt(bytes.error()));
  return bytes;
}

Result<UniqueFd> DeltaBase::open_unproven(const Digest& blob) const {
  auto file = open_read(store_.blob_path(blob));
  if (!file) return fail(corrupt(file.error()));
  return file;
}

}  // namespace airlock::bundle
