#include "cli/gates.h"

#include "base/io.h"
#include "bundle/freshness.h"
#include "trust/repository.h"

namespace airlock::cli {
namespace {

std::string age_text(const verify::Staleness& s) {
  if (!s.anchor) return "no time anchor was ever accepted";
  return "anchored " + s.anchor->text() + ", " + human_duration(static_cast<std::int64_t>(s.age_seconds) * 1000) + " ago, " +
         std::to_string(s.seconds_remaining) + " s remaining";
}

Diagnostic diagnose_anchor(const verify::Staleness& anchor) {
  if (!anchor.anchor) return {"time-anchor", false, age_text(anchor), Code::kStartupAnchorMissing};
  return {"time-anchor", anchor.freshness != verify::Freshness::kBreach, age_text(anchor), Code::kStartupAnchorStale};
}

Diagnostic diagnose_roots(const std::optional<manifests::TrustRoots>& roots, Instant now) {
  if (!roots) return {"trust-roots", false, "none are configured", Code::kStartupTrustRoots};
  return {"trust-roots", roots->valid_at(now), "valid " + roots->valid_from.text() + " until " + roots->valid_until.text(),
          Code::kStartupTrustRoots};
}

Result<Diagnostic> diagnose_rotation(const HomePaths& home) {
  for (const trust::Repository& repository : TRY(trust::open_repositories(home.trust())))
    if (TRY(repository.pending_root()))
      return Diagnostic{"root-rotation", false, "a new root of " + repository.name().str() + " waits for approval", Code::kStartupRotation};
  return Diagnostic{"root-rotation", true, "none waits for approval", Code::kStartupRotation};
}

Result<void> check_network_intent(const manifests::DagSpec& dag) {
  for (const manifests::StepSpec& step : dag.steps)
    if (!step.network.empty())
      return fail(Code::kSealedNetwork, dag.id.str() + "@" + dag.version.str() + ", step " + step.id.str() + " declares " + step.network.front());
  return {};
}

Result<void> record_override(Shell& shell, Site& site, const TenantId& tenant, const manifests::DagSpec& dag,
                             const std::set<std::string>& categories) {
  return site.ledger.write(shell.clock.now(), [&](ledger::Tx& tx) -> Result<void> {
    Json list = Json::array();
    for (const std::string& category : categories) list.push_back(category);
    TRY(tx.append(tenant, {"time.stale_override", "dag:" + dag.id.str() + "@" + dag.version.str(), who(shell), std::nullopt, std::nullopt,
                           {{"categories", std::move(list)}}}));
    return {};
  });
}

}  // namespace

Result<TimeReading> read_time(Shell& shell, const ledger::Reader& reader) {
  const auto mark = TRY(ledger::high_water(reader));
  verify::TimeClaims claims{shell.clock.now(), read_boot_moment(), std::nullopt, std::nullopt};
  claims.newest_anchor = TRY(ledger::newest_anchor_time(reader));
  if (mark) claims.high_water = verify::HighWater{mark->time, mark->boot};
  return TimeReading{verify::judge_time(claims), claims.boot};
}

Result<TimeReading> advance_time(Shell& shell, Site& site) {
  TimeReading reading = TRY(read_time(shell, site.ledger));
  TRY(site.ledger.write(reading.time.now, [&](ledger::Tx& tx) { return ledger::raise_high_water(tx, {reading.time.now, reading.boot}); }));
  return reading;
}

Result<std::optional<manifests::TimeRoots>> load_time_roots(const HomePaths& home) {
  std::optional<manifests::TimeRoots> roots;
  if (path_exists(home.time_roots()))
    roots = TRY(manifests::parse_time_roots(TRY(read_file(home.time_roots(), Limits{}.metadata_bytes))));
  return roots;
}

Result<std::optional<manifests::SigstoreRules>> load_sigstore_rules(const HomePaths& home) {
  std::optional<manifests::SigstoreRules> rules;
  if (path_exists(home.sigstore_rules()))
    rules = TRY(manifests::parse_sigstore_rules(TRY(read_file(home.sigstore_rules(), Limits{}.metadata_bytes))));
  return rules;
}

Result<std::vector<Diagnostic>> startup_diagnostics(Shell& shell, const Site& site, const TenantId& tenant, Instant now) {
  const auto& allow = shell.config().network_allow;
  std::vector<Diagnostic> all;
  all.push_back({"network-allow-list", allow.has_value(),
                 allow ? std::to_string(allow->size()) + " endpoints" : "networkAllow stands in no configuration file", Code::kStartupAllowlist});
  all.push_back(diagnose_roots(TRY(load_trust_roots(site.home)), now));
  all.push_back(diagnose_anchor(TRY(bundle::anchor_age(site.ledger, tenant, now))));
  all.push_back(TRY(diagnose_rotation(site.home)));
  return all;
}

void add_gate_options(CLI::App& command, RunGates& gates) {
  command.add_option("--allow-stale", gates.allow_stale, "run although this content category is past its budget (repeat for more); needs --reason and --ticket")
      ->allow_extra_args(false);
}

Result<void> check_run_gates(Shell& shell, Site& site, const TenantId& tenant, const manifests::DagSpec& dag, const RunGates& gates) {
  if (!gates.allow_stale.empty() && (shell.options.reason.empty() || shell.options.ticket.empty()))
    return fail(Code::kReasonRequired, "--allow-stale");
  const TimeReading reading = TRY(advance_time(shell, site));
  TRY(reading.time.require_clock());
  const auto seal = TRY(ledger::seal_state(site.ledger, tenant));
  const bool sealed = seal && seal->sealed;
  if (sealed) {
    TRY(check_network_intent(dag));
    for (const Diagnostic& diagnostic : TRY(startup_diagnostics(shell, site, tenant, reading.time.now)))
      if (!diagnostic.ok) return fail(diagnostic.code, diagnostic.seen);
  }
  const bundle::FreshnessRules rules{sealed, {gates.allow_stale.begin(), gates.allow_stale.end()}};
  const auto used = TRY(bundle::check_fresh(TRY(bundle::needed_ages(site.ledger, tenant, dag, reading.time.now)), rules));
  if (!used.empty()) TRY(record_override(shell, site, tenant, dag, used));
  return {};
}

}  // namespace airlock::cli
