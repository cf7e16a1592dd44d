#include "bundle/pipeline.h"

#include "base/io.h"
#include "bundle/freshness.h"
#include "bundle/layout.h"
#include "bundle/space.h"
#include "ledger/airgap.h"
#include "ledger/catalog.h"

namespace airlock::bundle {
namespace {

// The tenant's other active bundles, as check 9 sees them.
class LedgerCatalog : public SpecCatalog {
 public:
  LedgerCatalog(const ledger::Ledger& ledger, const Store& store, const TenantId& tenant, const Limits& limits)
      : ledger_(ledger), store_(store), tenant_(tenant), limits_(limits) {}

  Result<std::optional<manifests::PluginDescriptor>> plugin(const manifests::PluginRef& ref, const BundleId& except) override {
    const std::string path = ref.folder() + "/" + std::string(kPluginFile);
    for (const ledger::CatalogRow& row : TRY(ledger::active_bundles(ledger_, tenant_))) {
      if (row.bundle == except) continue;
      const auto item = TRY(ledger::get_item(ledger_, tenant_, row.bundle, row.generation, path));
      if (!item) continue;
      const std::string text = TRY(store_.read(item->sha256, limits_.metadata_bytes));
      return TRY(manifests::parse_plugin(TRY(parse_json(text, path))));
    }
    return std::nullopt;
  }

  Result<bool> holds(const BundleId& bundle, const std::string& path) override {
    const auto row = TRY(ledger::active_bundle(ledger_, tenant_, bundle));
    if (!row) return false;
    if (path.empty()) return true;
    bool found = false;
    TRY(ledger::for_each_item(ledger_, tenant_, bundle, row->generation, path, [&](const ledger::ItemRow&) -> Result<void> {
      found = true;
      return {};
    }));
    return found;
  }

 private:
  const ledger::Ledger& ledger_;
  const Store& store_;
  const TenantId& tenant_;
  const Limits& limits_;
};

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

ledger::AnchorRow anchor_row(const manifests::BundleManifest& manifest, const manifests::TimeAnchor& anchor) {
  return {manifest.bundle_id, manifest.generation, anchor.time, std::string(manifests::to_string(source_of(anchor.format))), anchor.token_digest,
          anchor.signature_fingerprint};
}

}  // namespace

Result<void> Pipeline::check_plan() {
  if (request_.force && (request_.force->reason.empty() || request_.force->ticket.empty()))
    return fail(Code::kReasonRequired, "to activate a bundle that is not newer");
  if (request_.allow_stale && (request_.allow_stale->reason.empty() || request_.allow_stale->ticket.empty()))
    return fail(Code::kReasonRequired, "to accept stale content");
  return check_trust_window(ports_.trust_roots, now_);
}

Result<OpenedBundle> Pipeline::open() {
  UniqueFd file = TRY(log_.note(kCheckPlan, open_bundle_file(request_.path)));
  return OpenedBundle(std::move(file));
}

Result<void> Pipeline::check_tenant(const manifests::BundleManifest& manifest) {
  if (!manifest.for_tenant(request_.tenant))
    return fail(Code::kTenantMismatch, "for " + join(manifest.tenants) + ", not for " + request_.tenant.str());
  log_.passed(kCheckTenant, "for " + join(manifest.tenants));
  return {};
}

Result<StagedBundle> Pipeline::stage(const OpenedBundle& opened) {
  TRY(log_.note(kCheckPlan, check_plan()));
  log_.passed(kCheckPlan, "trust roots valid until " + ports_.trust_roots->valid_until.text());
  auto reader = TRY(log_.note(kCheckArchive, archive::ArchiveReader::open(opened.file().get(), {request_.limits, true})));
  log_.set_file_bytes(reader.file_bytes());
  StagedBundle staged(TRY(prove_manifest(reader, *ports_.trust_roots, now_, request_.limits, log_)),
                      request_.dry_run ? nullptr : std::make_unique<StoreBatch>(ports_.store));
  TRY(log_.note(kCheckTenant, check_tenant(staged.manifest())));
  staged.already_active_ = !request_.repair && TRY(is_active(staged.verified_));
  const std::optional<DeltaBase> base = TRY(find_base(staged));
  MemberRules rules;
  if (ports_.sigstore_rules) rules = TRY(log_.note(kCheckSigstore, MemberRules::read(*ports_.sigstore_rules)));
  const SideGate gate = [&](const SideFiles& files) -> Result<Members> {
    staged.metadata_ = TRY(prove_metadata(ports_.repositories, staged.verified_, files, now_, log_));
    staged.side_files_ = files;
    if (staged.already_active_) return Members::kLeave;
    log_.passed(kCheckSpace, TRY(log_.note(kCheckSpace, check_space(staged.manifest(), ports_.store))));
    return Members::kRead;
  };
  auto documents = TRY(prove_members(reader, staged.manifest(), request_.limits, request_.progress, gate, rules, base ? &*base : nullptr, staged.batch_.get(), log_));
  if (documents) staged.documents_ = std::move(*documents);
  else log_.passed(kCheckMembers, "not read again: all of them were proven when this manifest became active (--repair reads them)");
  return staged;
}

// Not asked for when nothing will be taken from it: the base of an active bundle may have been pruned since.
Result<std::optional<DeltaBase>> Pipeline::find_base(const StagedBundle& staged) {
  const manifests::BundleManifest& manifest = staged.manifest();
  if (!manifest.base || staged.already_active_) return std::optional<DeltaBase>();
  DeltaBase base = TRY(log_.note(kCheckBase, DeltaBase::find(ports_.ledger, ports_.store, request_.tenant, manifest)));
  log_.passed(kCheckBase, base.name() + " is held, manifest " + manifest.base->manifest_sha256.hex().substr(0, 16));
  return std::optional<DeltaBase>(std::move(base));
}

Result<bool> Pipeline::is_active(const verify::VerifiedBundleManifest& manifest) const {
  const auto active = TRY(ledger::active_bundle(ports_.ledger, request_.tenant, manifest.get().bundle_id));
  return active && active->generation == manifest.get().generation && active->manifest_sha256 == manifest.manifest_sha256();
}

// Only now: a root that came in a bundle waits for approval only when the whole bundle is what its publisher made.
Result<void> Pipeline::check_rotation(const StagedBundle& staged) {
  if (!staged.metadata_) return {};
  trust::Repository* repository = trust::repository_for(*ports_.repositories, staged.manifest().bundle_id);
  log_.passed(kCheckRotation, TRY(trust::check_rotation(*repository, staged.metadata_->new_roots(), !request_.dry_run)));
  return {};
}

Result<GenerationDecision> Pipeline::check_generation(const StagedBundle& staged) {
  const manifests::BundleManifest& manifest = staged.manifest();
  Accepted accepted;
  accepted.floor = TRY(ledger::generation_floor(ports_.ledger, request_.tenant, manifest.bundle_id));
  if (const auto newest = TRY(ledger::newest_bundle(ports_.ledger, request_.tenant, manifest.bundle_id)))
    accepted.newest_version = TRY(SemVer::parse(newest->version));
  if (const auto same = TRY(ledger::get_bundle(ports_.ledger, request_.tenant, manifest.bundle_id, manifest.generation))) {
    accepted.same_generation = same->manifest_sha256;
    accepted.same_is_active = same->active;
  }
  return decide_generation({manifest.generation, manifest.version, staged.verified_.manifest_sha256()}, accepted,
                           request_.force.has_value());
}

// What the manifest gives a budget, against the bundle's own anchor.
Result<std::string> Pipeline::check_budgets(const StagedBundle& staged) {
  const manifests::BundleManifest& manifest = staged.manifest();
  std::vector<ContentAge> ages;
  std::string seen;
  for (const auto& [category, budget] : categories_of(manifest)) {
    ages.push_back({manifest.bundle_id, manifest.generation, verify::judge_staleness(category, budget, staged.anchor_->time(), now_)});
    const verify::Staleness& staleness = ages.back().staleness;
    seen += "; " + category + " " + std::string(to_string(staleness.freshness)) + ", " + std::to_string(staleness.seconds_remaining) + " s remaining";
  }
  FreshnessRules rules;
  if (request_.allow_stale) rules.overrides = request_.allow_stale->categories;
  for (const std::string& category : TRY(check_fresh(ages, rules))) seen += "; " + category + " accepted all the same";
  return seen;
}

Result<void> Pipeline::check_time(StagedBundle& staged) {
  TRY(time_.require_clock());
  std::map<std::string, std::string> members;
  for (const auto& [path, bytes] : staged.side_files_)
    if (path.starts_with(manifests::kTimeFolder)) members.emplace(path, bytes);
  if (members.empty()) {
    log_.passed(kCheckTime, "no anchor; trusted time " + now_.text());
    return {};
  }
  if (!ports_.time_roots) return fail(Code::kTimeRootsRequired, "the bundle brings a time anchor");
  const auto authorities = TRY(verify::TimeAuthorities::read(*ports_.time_roots));
  staged.anchor_ = TRY(verify::verify_anchor(members, staged.verified_.payload(), authorities));
  const Instant anchored = staged.anchor_->time();
  // Vouched for by an authority, and still to come by this clock: then the clock is behind.
  if (anchored - time_.wall > verify::kClockTolerance)
    return fail(Code::kTimeClockRollback, "the clock says " + time_.wall.text() + ", the bundle is anchored at " + anchored.text());
  log_.passed(kCheckTime, "anchored " + anchored.text() + " by " + staged.anchor_->vouched_by() + TRY(check_budgets(staged)));
  return {};
}

Result<SpecSet> Pipeline::check_specs(StagedBundle& staged) {
  SpecSet specs = TRY(parse_specs(std::move(staged.documents_), request_.limits));
  LedgerCatalog catalog(ports_.ledger, ports_.store, request_.tenant, request_.limits);
  const auto summary = TRY(specs.check(staged.manifest(), request_.tenant, &catalog));
  log_.passed(kCheckSpecs, std::to_string(summary.dags) + " DAGs, " + std::to_string(summary.plugins) +
                               " plugins, all they refer to is held");
  return specs;
}

Result<VerifiedBundle> Pipeline::verify(StagedBundle staged) {
  TRY(log_.note(kCheckRotation, check_rotation(staged)));
  GenerationDecision decision = TRY(log_.note(kCheckGeneration, check_generation(staged)));
  log_.passed(kCheckGeneration, std::move(decision.seen));
  TRY(log_.note(kCheckTime, check_time(staged)));
  SpecSet specs = TRY(log_.note(kCheckSpecs, check_specs(staged)));
  return VerifiedBundle(std::move(staged), std::move(specs), decision.step);
}

Result<Activation> Pipeline::confirm(StagedBundle staged) {
  TRY(log_.note(kCheckRotation, check_rotation(staged)));
  log_.passed(kCheckGeneration, TRY(log_.note(kCheckGeneration, check_generation(staged))).seen);
  TRY(log_.note(kCheckTime, check_time(staged)));
  const Activation activation{.already_active = true};
  if (request_.dry_run) return activation;
  if (staged.metadata_) TRY(staged.metadata_->commit());
  const ledger::Who who = who_of(request_);
  const std::string subject = "bundle:" + staged.manifest().bundle_id.str() + "@" + std::to_string(staged.manifest().generation);
  TRY(ports_.ledger.write(now_, [&](ledger::Tx& tx) -> Result<void> {
    TRY(tx.append(request_.tenant, {"bundle.reimported", subject, who, std::nullopt, std::nullopt, log_.activated().to_json()}));
    if (staged.anchor_) TRY(ledger::record_anchor(tx, request_.tenant, anchor_row(staged.manifest(), staged.anchor_->get()), who));
    return ledger::raise_high_water(tx, {now_, ports_.boot});
  }));
  return activation;
}

Result<StoredBundle> Pipeline::store(VerifiedBundle verified) {
  StoredBundle stored(std::move(verified));
  StoreBatch& batch = *stored.verified_.staged_.batch_;
  TRY(batch.commit());
  stored.new_blobs_ = batch.written();
  stored.repaired_blobs_ = batch.repaired();
  return stored;
}

Result<Activation> Pipeline::activate(StoredBundle stored) {
  StagedBundle& staged = stored.verified_.staged_;
  const manifests::BundleManifest& manifest = staged.manifest();
  auto dags = TRY(stored.verified_.specs_.take_dags());
  ledger::NewImport import{.bundle = manifest.bundle_id,
                           .generation = manifest.generation,
                           .version = manifest.version.str(),
                           .kind = std::string(to_string(manifest.kind)),
                           .manifest = staged.verified_.payload(),
                           .items = {},
                           .dags = std::move(dags),
                           .activate = true,
                           .verdict = log_.activated().to_json()};
  import.items = [&manifest, next = std::size_t{0}]() mutable -> Result<std::optional<ledger::ItemRow>> {
    if (next == manifest.entries.size()) return std::nullopt;
    const manifests::BundleEntry& entry = manifest.entries[next++];
    return ledger::ItemRow{entry.path, entry.sha256, entry.size, entry.executable, entry.media_type};
  };
  const ledger::Who who = who_of(request_);
  // Before the catalog: a crash in between leaves metadata that is newer than the active bundle, which the next import of
  // the same bundle finds in place; the other way round the site would hold a bundle and could be rolled back behind it.
  if (staged.metadata_) TRY(staged.metadata_->commit());
  // COMMIT POINT: one ledger transaction. Before: the old generation is active, and blobs that nothing refers to lie in
  // the store; after: the new one is, with its event; test: "a kill at any instant leaves the old or the new generation"
  TRY(ports_.ledger.write(now_, [&](ledger::Tx& tx) -> Result<void> {
    TRY(ledger::record_import(tx, request_.tenant, import, who));
    if (staged.anchor_) TRY(ledger::record_anchor(tx, request_.tenant, anchor_row(manifest, staged.anchor_->get()), who));
    return ledger::raise_high_water(tx, {now_, ports_.boot});
  }));
  return Activation{stored.verified_.step_ == Step::kAlreadyActive, stored.new_blobs_, stored.repaired_blobs_};
}

}  // namespace airlock::bundle
