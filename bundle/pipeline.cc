#include "bundle/pipeline.h"

#include <algorithm>

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

Json generation_facts(std::uint64_t generation, const std::string& version, Step step) {
  return {{"generation", generation}, {"version", version}, {"step", to_string(step)}};
}

bool is_anchor(const std::string& path) { return path.starts_with(manifests::kTimeFolder); }

ledger::AnchorRow anchor_row(const BundleId& bundle, std::uint64_t generation, const manifests::TimeAnchor& anchor) {
  return {bundle, generation, anchor.time, std::string(manifests::to_string(source_of(anchor.format))), anchor.token_digest,
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
  const FileIdentity identity = TRY(log_.note(kCheckPlan, FileIdentity::of(file)));
  return OpenedBundle(std::move(file), identity);
}

Result<void> Pipeline::check_tenant(const manifests::BundleManifest& manifest) {
  if (!manifest.for_tenant(request_.tenant))
    return fail(Code::kTenantMismatch, "for " + join(manifest.tenants) + ", not for " + request_.tenant.str());
  log_.passed(kCheckTenant, {"for " + join(manifest.tenants), {{"tenants", manifest.tenants}}});
  return {};
}

Result<SignedBundle> Pipeline::read(const OpenedBundle& opened) {
  TRY(log_.note(kCheckPlan, check_plan()));
  const std::string until = ports_.trust_roots->valid_until.text();
  log_.passed(kCheckPlan, {"trust roots valid until " + until, {{"validUntil", until}}});
  auto reader = TRY(log_.note(kCheckArchive, archive::ArchiveReader::open(opened.file().get(), {request_.limits, true})));
  log_.set_file_bytes(reader.file_bytes());
  auto statement = TRY(prove_signature(reader, *ports_.trust_roots, now_, request_.limits, log_));
  return SignedBundle(std::move(reader), std::move(statement));
}

Result<std::optional<ledger::CatalogRow>> Pipeline::recognise(const OpenedBundle& opened, const SignedBundle& bundle) const {
  for (ledger::CatalogRow& row : TRY(ledger::active_bundles(ports_.ledger, request_.tenant)))
    if (row.manifest_sha256 == bundle.statement_.sha256() &&
        ports_.known_files.knows(request_.tenant, row.bundle, row.manifest_sha256, opened.identity_))
      return std::move(row);
  return std::nullopt;
}

Result<StagedBundle> Pipeline::stage(SignedBundle bundle) {
  StagedBundle staged(TRY(prove_manifest(std::move(bundle.statement_), request_.limits, log_)),
                      request_.dry_run ? nullptr : std::make_unique<StoreBatch>(ports_.store));
  TRY(log_.note(kCheckTenant, check_tenant(staged.manifest())));
  const std::optional<DeltaBase> base = TRY(find_base(staged));
  MemberRules rules;
  if (ports_.sigstore_rules) rules = TRY(log_.note(kCheckSigstore, MemberRules::read(*ports_.sigstore_rules)));
  const SideGate gate = [&](const SideFiles& files) -> Result<void> {
    staged.beside_.metadata = TRY(prove_metadata(ports_.repositories, claim_of(staged.verified_), files, now_, log_));
    staged.beside_.files = files;
    log_.passed(kCheckSpace, TRY(log_.note(kCheckSpace, check_space(staged.manifest(), ports_.store))));
    return {};
  };
  staged.documents_ = TRY(prove_members(bundle.reader_, staged.manifest(), request_.limits, request_.progress, gate, rules, base ? &*base : nullptr, staged.batch_.get(), log_));
  return staged;
}

Result<std::optional<DeltaBase>> Pipeline::find_base(const StagedBundle& staged) {
  const manifests::BundleManifest& manifest = staged.manifest();
  if (!manifest.base) return std::optional<DeltaBase>();
  DeltaBase base = TRY(log_.note(kCheckBase, DeltaBase::find(ports_.ledger, ports_.store, request_.tenant, manifest)));
  const Digest& digest = manifest.base->manifest_sha256;
  log_.passed(kCheckBase, {base.name() + " is held, manifest " + digest.hex().substr(0, 16),
                           {{"bundleId", manifest.base->bundle_id.str()}, {"generation", manifest.base->generation}, {"manifestSha256", digest.hex()}}});
  return std::optional<DeltaBase>(std::move(base));
}

// Only now: a root that came in a bundle waits for approval only when the whole bundle is what its publisher made.
Result<void> Pipeline::check_rotation(const BundleId& bundle, const Beside& beside) {
  if (!beside.metadata) return {};
  trust::Repository* repository = trust::repository_for(*ports_.repositories, bundle);
  log_.passed(kCheckRotation, TRY(trust::check_rotation(*repository, beside.metadata->new_roots(), !request_.dry_run)));
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
Result<Seen> Pipeline::check_budgets(const manifests::BundleManifest& manifest, Instant anchored) {
  std::vector<ContentAge> ages;
  Seen seen("");
  for (const auto& [category, budget] : categories_of(manifest)) {
    ages.push_back({manifest.bundle_id, manifest.generation, verify::judge_staleness(category, budget, anchored, now_)});
    const verify::Staleness& staleness = ages.back().staleness;
    const std::string state(to_string(staleness.freshness));
    seen.text += "; " + category + " " + state + ", " + std::to_string(staleness.seconds_remaining) + " s remaining";
    seen.facts["ages"].push_back({{"category", category}, {"state", state}, {"secondsRemaining", staleness.seconds_remaining}});
  }
  FreshnessRules rules;
  if (request_.allow_stale) rules.overrides = request_.allow_stale->categories;
  for (const std::string& category : TRY(check_fresh(ages, rules))) seen.text += "; " + category + " accepted all the same";
  return seen;
}

// `manifest` may be null where there is no anchor.
Result<void> Pipeline::check_time(Beside& beside, const verify::VerifiedBundleManifest* manifest) {
  TRY(time_.require_clock());
  std::map<std::string, std::string> members;
  for (const auto& [path, bytes] : beside.files)
    if (is_anchor(path)) members.emplace(path, bytes);
  if (members.empty()) {
    log_.passed(kCheckTime, {"no anchor; trusted time " + now_.text(), {{"trustedNow", now_.text()}}});
    return {};
  }
  if (!ports_.time_roots) return fail(Code::kTimeRootsRequired, "the bundle brings a time anchor");
  const auto authorities = TRY(verify::TimeAuthorities::read(*ports_.time_roots));
  beside.anchor = TRY(verify::verify_anchor(members, manifest->payload(), authorities));
  const Instant anchored = beside.anchor->time();
  // Vouched for by an authority, and still to come by this clock: then the clock is behind.
  if (anchored - time_.wall > verify::kClockTolerance)
    return fail(Code::kTimeClockRollback, "the clock says " + time_.wall.text() + ", the bundle is anchored at " + anchored.text());
  Seen seen = TRY(check_budgets(manifest->get(), anchored));
  seen.text = "anchored " + anchored.text() + " by " + beside.anchor->vouched_by() + seen.text;
  seen.facts.update({{"trustedNow", now_.text()}, {"anchoredAt", anchored.text()}, {"vouchedBy", beside.anchor->vouched_by()}});
  log_.passed(kCheckTime, std::move(seen));
  return {};
}

Result<SpecSet> Pipeline::check_specs(StagedBundle& staged) {
  SpecSet specs = TRY(parse_specs(std::move(staged.documents_), request_.limits));
  LedgerCatalog catalog(ports_.ledger, ports_.store, request_.tenant, request_.limits);
  const auto summary = TRY(specs.check(staged.manifest(), request_.tenant, &catalog));
  log_.passed(kCheckSpecs, {std::to_string(summary.dags) + " DAGs, " + std::to_string(summary.plugins) + " plugins, all they refer to is held",
                            {{"dags", summary.dags}, {"plugins", summary.plugins}}});
  return specs;
}

Result<VerifiedBundle> Pipeline::verify(StagedBundle staged) {
  TRY(log_.note(kCheckRotation, check_rotation(staged.manifest().bundle_id, staged.beside_)));
  GenerationDecision decision = TRY(log_.note(kCheckGeneration, check_generation(staged)));
  log_.passed(kCheckGeneration, {std::move(decision.seen), generation_facts(staged.manifest().generation, staged.manifest().version.str(), decision.step)});
  TRY(log_.note(kCheckTime, check_time(staged.beside_, &staged.verified_)));
  SpecSet specs = TRY(log_.note(kCheckSpecs, check_specs(staged)));
  return VerifiedBundle(std::move(staged), std::move(specs), decision.step);
}

Result<Activation> Pipeline::confirm(SignedBundle bundle, const ledger::CatalogRow& active) {
  log_.set_bundle(active.bundle, active.version, active.generation, active.manifest_sha256);
  Beside beside{TRY(log_.note(kCheckArchive, read_side_files(bundle.reader_, request_.limits))), {}, {}};
  const trust::BundleClaim claim{active.bundle, active.generation, bundle.statement_.payload()};
  beside.metadata = TRY(log_.note(kCheckTuf, prove_metadata(ports_.repositories, claim, beside.files, now_, log_)));
  log_.passed(kCheckMembers, {"not read again: this file has not changed since the active bundle was read from it (--repair reads it)", {{"listed", nullptr}}});
  TRY(log_.note(kCheckRotation, check_rotation(active.bundle, beside)));
  log_.passed(kCheckGeneration, {"generation " + std::to_string(active.generation) + ", version " + active.version + ", already active",
                                 generation_facts(active.generation, active.version, Step::kAlreadyActive)});
  std::optional<verify::VerifiedBundleManifest> manifest;  // parsed only for its budgets: that takes longer than all the rest
  if (std::ranges::any_of(beside.files, is_anchor, &SideFiles::value_type::first))
    manifest = TRY(prove_manifest(bundle.statement_, request_.limits, log_));
  TRY(log_.note(kCheckTime, check_time(beside, manifest ? &*manifest : nullptr)));
  if (request_.dry_run) return Activation{.already_active = true};
  if (beside.metadata) TRY(beside.metadata->commit());
  // COMMIT POINT: one ledger transaction, the event. Before: newer metadata may be trusted already, as in activate(); after:
  // it is on record that the bundle came again; test: "C097 the same bundle again is a no-op that says so"
  TRY(ports_.ledger.write(now_, [&](ledger::Tx& tx) -> Result<void> {
    TRY(tx.append(request_.tenant, {"bundle.reimported", "bundle:" + active.bundle.str() + "@" + std::to_string(active.generation),
                                    who_of(request_), std::nullopt, std::nullopt, log_.activated().to_json()}));
    return keep_beside(tx, active.bundle, active.generation, beside);
  }));
  return Activation{.already_active = true};
}

// In the transaction that accepts the bundle.
Result<void> Pipeline::keep_beside(ledger::Tx& tx, const BundleId& bundle, std::uint64_t generation, const Beside& beside) {
  if (beside.anchor)
    TRY(ledger::record_anchor(tx, request_.tenant, anchor_row(bundle, generation, beside.anchor->get()), who_of(request_)));
  return ledger::raise_high_water(tx, {now_, ports_.boot});
}

Result<StoredBundle> Pipeline::store(VerifiedBundle verified) {
  StoredBundle stored(std::move(verified));
  StoreBatch& batch = *stored.verified_.staged_.batch_;
  TRY(batch.commit());
  stored.new_blobs_ = batch.written();
  stored.repaired_blobs_ = batch.repaired();
  return stored;
}

Result<Activation> Pipeline::activate(StoredBundle stored, const OpenedBundle& opened) {
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
  // Before the catalog: a crash in between leaves metadata that is newer than the active bundle, which the next import of
  // the same bundle finds in place; the other way round the site would hold a bundle and could be rolled back behind it.
  if (staged.beside_.metadata) TRY(staged.beside_.metadata->commit());
  // COMMIT POINT: one ledger transaction. Before: the old generation is active, and blobs that nothing refers to lie in
  // the store; after: the new one is, with its event; test: "a kill at any instant leaves the old or the new generation"
  TRY(ports_.ledger.write(now_, [&](ledger::Tx& tx) -> Result<void> {
    TRY(ledger::record_import(tx, request_.tenant, import, who_of(request_)));
    return keep_beside(tx, manifest.bundle_id, manifest.generation, staged.beside_);
  }));
  // Ignoring: a file that is not known is read whole next time.
  (void)ports_.known_files.remember(request_.tenant, manifest.bundle_id, staged.verified_.manifest_sha256(), opened.identity_);
  return Activation{stored.verified_.step_ == Step::kAlreadyActive, stored.new_blobs_, stored.repaired_blobs_};
}

}  // namespace airlock::bundle
