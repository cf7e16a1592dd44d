// bundle/delta: the base of a delta kit, as the site holds it.
//
// A delta kit's manifest lists everything, and what the archive lacks must be in the base: the tenant's catalog says
// what that base has, and the store has its bytes. Nothing of the base is believed because it was good once: what is
// taken from it is hashed again. Whether the base is active, or how old, does not matter: the delta's own manifest signs
// every member anew. Whoever imports holds the store's lock, so that nothing of the base is pruned meanwhile.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "bundle/store.h"
#include "ledger/ledger.h"
#include "manifests/bundle.h"

namespace airlock::bundle {

class DeltaBase {
 public:
  // Looks the base of `manifest` (a delta's; both it and `store` must outlive the result) up in the tenant's catalog.
  // kBaseMissing: it is not held. kBaseOther: that generation is held with another manifest. kPatch: a patch is made from
  // what the base does not have.
  static Result<DeltaBase> find(const ledger::Reader& catalog, const Store& store, const TenantId& tenant,
                                const manifests::BundleManifest& manifest);

  // Whether the base has the content of manifest.entries[entry], under any path.
  bool holds(std::size_t entry) const { return held_[entry]; }
  // Reads the blob and hashes it. kStoreCorrupt with its path, also when it is not there.
  Result<void> prove(const Digest& blob) const;
  Result<std::string> read(const Digest& blob, std::uint64_t limit) const;  // proven; kTooLarge
  // For a patch: the result is proven, not this. kStoreCorrupt when it is not there.
  Result<UniqueFd> open_unproven(const Digest& blob) const;
  std::string path_of(const Digest& blob) const { return store_.blob_path(blob); }

  const std::string& name() const { return name_; }  // "acme-kit generation 4"

 private:
  DeltaBase(const Store& store, const manifests::BundleBase& base);
  Result<void> look_through(const ledger::Reader& catalog, const TenantId& tenant, const manifests::BundleManifest& manifest);
  Error corrupt(Error error) const;

  const Store& store_;
  std::string name_;
  std::vector<bool> held_;  // by position in the manifest's entries
};

// "acme-kit generation 4"
std::string name_of_base(const manifests::BundleBase& base);

}  // namespace airlock::bundle
