// runner/replay: compares a replay with its original.
#pragma once

#include "runner/run_record.h"

namespace airlock::runner {

// A step of a run with what it left.
struct StepOutcome {
  ledger::StepRow row;
  std::vector<ledger::ArtifactRow> outputs;
};

// The first step, in plan order, that ended otherwise or left other bytes, with the first path that differs. Succeeded
// and cached are one: both left outputs. Steps of the original that were cancelled have nothing to compare.
std::optional<Difference> first_difference(const std::vector<StepOutcome>& original, const std::vector<StepOutcome>& replayed);

// The replay manifest: {replayOf, runId, dagId ..., identical, firstDifference?, steps: [{stepId, state, stepHash,
// outputsHash, original: {state, stepHash, outputsHash}, outputs: [{path, sha256, executable}], error?}]}.
Json replay_manifest(const ledger::RunRow& original, const ledger::RunRow& replay, const std::vector<StepOutcome>& before,
                     const std::vector<StepOutcome>& after, const std::optional<Difference>& difference);

Json difference_json(const Difference& difference);

struct Executed {
  RunReport report;
  std::optional<Difference> difference;   // of a replay
  std::string manifest;                   // of a replay
};

// Executes an open run. In the transaction that ends a replay, also one that was interrupted and taken up again, the
// comparison is recorded: run.replayed on the replay, its manifest as a document, and then in the run's folder.
Result<Executed> execute_run(const RunPorts& ports, const RunOptions& options, RunObserver& observer, OpenRun run);

}  // namespace airlock::runner
