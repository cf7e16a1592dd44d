// runner/run_record: how a run comes into the ledger, is taken up again, and is closed without being executed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runner/run.h"
#include "runner/run_folder.h"
#include "runner/scheduler.h"

namespace airlock::runner {

// A run that this process may execute: it holds the folder's lock and the job's lease.
struct OpenRun {
  ledger::RunRow row;
  Plan plan;
  std::map<Digest, Tree> trees;          // those at hand; the rest is in the ledger
  std::uint64_t lease_token = 0;
  RunFolder folder;
  std::vector<StepProgress> progress;    // by step; empty for a fresh run
  bool no_cache = false;
};

struct RunDraft {
  TenantId tenant;
  Planned planned;
  std::string run_token, rationale;
  std::optional<ledger::RunRow> replay_of;
  bool no_cache = false;                 // stands in the job's payload, so that a resume keeps to it
};

// Job, lease, run, plan and the listings of every tree it pins, in one transaction. Nothing when a run of that token
// exists (another process was faster).
Result<std::optional<OpenRun>> create_run(const RunPorts& ports, RunDraft draft, const ledger::Who& who);

// An unfinished run whose process is gone. kBusy when it is not gone; kPlanMismatch when the stored plan is not the one
// recorded; kJobState when its job cannot be leased. Attempts that were begun and not recorded become `interrupted`.
Result<OpenRun> take_up(const RunPorts& ports, const TenantId& tenant, const RunId& run, const ledger::Who& who);

// Ends every open step and the run, all in the state `end` (cancelled or timed_out) or, for a step, cancelled.
Result<void> close_run(ledger::Tx& tx, const ledger::RunRow& run, ledger::RunState end, const ledger::Who& who, const Error& why);

// Lets other writers finish first, for as long as a lease lasts. kLedgerBusy after that.
Result<ledger::Tx> begin_patiently(ledger::Ledger& ledger, Clock& clock);

Json error_json(const Error& error);              // {code, message}
Error error_from_json(const Json& value);

// SHA-256 of {stepId: outputsHash} over the steps that succeeded or were cached.
Digest run_outputs_hash(const std::vector<ledger::StepRow>& steps);

Result<RunReport> report_run(const ledger::Reader& reader, const TenantId& tenant, const RunId& run);

}  // namespace airlock::runner
