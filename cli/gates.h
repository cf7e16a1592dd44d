// cli/gates: what is asked of a site before it does something: what time it is, and whether a run may start.
#pragma once

#include <string>
#include <vector>

#include "cli/site.h"
#include "ledger/airgap.h"
#include "manifests/dag.h"
#include "manifests/sigstore_rules.h"
#include "manifests/time_roots.h"
#include "verify/time/trusted_time.h"

namespace airlock::cli {

// One reading of the clocks against what the ledger holds.
struct TimeReading {
  verify::TrustedTime time;
  BootMoment boot;
};
Result<TimeReading> read_time(Shell& shell, const ledger::Reader& reader);
Result<TimeReading> advance_time(Shell& shell, Site& site);  // also raises the high-water mark

Result<std::optional<manifests::TimeRoots>> load_time_roots(const HomePaths& home);  // absent: none configured

Result<std::optional<manifests::SigstoreRules>> load_sigstore_rules(const HomePaths& home);  // absent: none

// Start-up diagnostics of a sealed tenant, each as it stands now. The first that is not ok names the refusal.
struct Diagnostic {
  std::string name;    // "network-allow-list"
  bool ok = false;
  std::string seen;
  Code code;           // of the refusal
};
Result<std::vector<Diagnostic>> startup_diagnostics(Shell& shell, const Site& site, const TenantId& tenant, Instant now);

struct RunGates {
  std::vector<std::string> allow_stale;  // categories; need --reason and --ticket
};
void add_gate_options(CLI::App& command, RunGates& gates);

// Before a run starts: no clock set back, no network where the tenant is sealed, diagnostics, nothing past its budget.
// kTimeClockRollback, kSealedNetwork, kStartup*, kStale, kReasonRequired. What was overridden is recorded.
Result<void> check_run_gates(Shell& shell, Site& site, const TenantId& tenant, const manifests::DagSpec& dag, const RunGates& gates);

}  // namespace airlock::cli
