// bundle/prune: old generations go, and the blobs that nothing names any more with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "bundle/image_store.h"
#include "bundle/store.h"
#include "ledger/catalog.h"

namespace airlock::bundle {

struct PruneRequest {
  TenantId tenant;
  std::optional<BundleId> bundle;   // absent: all of the tenant's
  std::uint64_t keep = 2;           // newest generations of each bundle; the active one always stays. At least 1.
  ledger::Who who;
  bool dry_run = false;
  Wait wait = Wait::kYes;
};

struct PruneReport {
  std::vector<ledger::CatalogRow> pruned;
  std::uint64_t blobs_removed = 0, bytes_removed = 0;
  PrunedImages images;  // root file systems whose layouts went with them, bundle/image_store.h
};

// Each generation goes in one ledger transaction with its event bundle.pruned; its blobs follow, those that no bundle
// item and no step output of any tenant names. What a crash left behind is finished by the next call.
Result<PruneReport> prune_bundles(const PruneRequest& request, Store& store, ledger::Ledger& ledger, Instant now);

}  // namespace airlock::bundle
