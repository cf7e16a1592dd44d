#include "bundle/prune.h"

#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"

namespace airlock::bundle {
namespace {

// A list of blobs that may have become garbage lies in the store until all of them have been looked at: it is written
// before the catalog forgets them, so that a crash in between loses track of none.
constexpr std::string_view kListPrefix = "doomed-";

Result<std::string> write_list(const Store& store, const std::set<Digest>& blobs) {
  std::string text;
  for (const Digest& digest : blobs) text += digest.hex() + "\n";
  const std::string path = store.layout().cas + "/" + std::string(kListPrefix) + to_hex(SystemEntropy().bytes(12));
  TRY(write_file_durably(path, text, 0600));
  return path;
}

Result<void> remove_blob(Store& store, const ledger::Ledger& ledger, const Digest& digest, PruneReport& report) {
  if (TRY(ledger::blob_referenced(ledger, digest))) return {};
  struct stat st{};
  if (::lstat(store.blob_path(digest).c_str(), &st) != 0) return {};  // gone already
  TRY(store.remove(digest));
  ++report.blobs_removed;
  report.bytes_removed += static_cast<std::uint64_t>(st.st_size);
  return {};
}

Result<void> work_off(const std::string& list, Store& store, const ledger::Ledger& ledger, PruneReport& report) {
  std::string_view text;
  const std::string bytes = TRY(read_file(list, kGiB));
  text = bytes;
  while (text.size() >= 2 * Digest::kSize) {
    TRY(remove_blob(store, ledger, TRY(Digest::parse(text.substr(0, 2 * Digest::kSize))), report));
    text.remove_prefix(std::min(text.size(), 2 * Digest::kSize + 1));
  }
  std::error_code ec;
  std::filesystem::remove(list, ec);
  if (ec) return fail(os_error("remove", list, ec.value()));
  return {};
}

Result<void> finish_earlier(Store& store, const ledger::Ledger& ledger, PruneReport& report) {
  std::error_code ec;
  std::vector<std::string> lists;
  for (const auto& entry : std::filesystem::directory_iterator(store.layout().cas, ec))
    if (entry.path().filename().string().starts_with(kListPrefix)) lists.push_back(entry.path().string());
  if (ec) return fail(os_error("list", store.layout().cas, ec.value()));
  for (const std::string& list : lists) TRY(work_off(list, store, ledger, report));
  return {};
}

Result<void> prune_one(const PruneRequest& request, const ledger::CatalogRow& row, Store& store, ledger::Ledger& ledger,
                       Instant now, PruneReport& report) {
  report.pruned.push_back(row);
  if (request.dry_run) return {};
  std::set<Digest> blobs;
  TRY(ledger::for_each_item(ledger, request.tenant, row.bundle, row.generation, "", [&](const ledger::ItemRow& item) -> Result<void> {
    blobs.insert(item.sha256);
    return {};
  }));
  const std::string list = TRY(write_list(store, blobs));
  // COMMIT POINT: before, the generation is whole; after, it is gone from the catalog and the list says which blobs to
  // look at; test: "prune keeps the last two generations and every blob that something names"
  TRY(ledger.write(now, [&](ledger::Tx& tx) {
    return ledger::prune_bundle(tx, request.tenant, row.bundle, row.generation, request.who);
  }));
  return work_off(list, store, ledger, report);
}

}  // namespace

Result<PruneReport> prune_bundles(const PruneRequest& request, Store& store, ledger::Ledger& ledger, Instant now) {
  if (request.keep == 0) return fail(Code::kUsage, "prune keeps at least one generation");
  const StoreLock turn = TRY(store.lock(request.wait));
  PruneReport report;
  if (!request.dry_run) TRY(finish_earlier(store, ledger, report));
  std::set<BundleId> bundles;
  for (const ledger::CatalogRow& row : TRY(ledger::list_bundles(ledger, request.tenant)))
    if (!request.bundle || row.bundle == *request.bundle) bundles.insert(row.bundle);
  if (request.bundle && bundles.empty())
    return fail(Code::kNotFound, "bundle " + request.bundle->str() + " of tenant " + request.tenant.str());
  for (const BundleId& bundle : bundles) {
    std::uint64_t kept = 0;
    for (const ledger::CatalogRow& row : TRY(ledger::generations_of(ledger, request.tenant, bundle))) {
      if (kept++ < request.keep || row.active) continue;
      TRY(prune_one(request, row, store, ledger, now, report));
    }
  }
  if (!request.dry_run) report.images = TRY(store.images().prune());
  return report;
}

}  // namespace airlock::bundle
