#include "runner/replay.h"

#include <algorithm>

namespace airlock::runner {
namespace {

bool left_outputs(StepState state) { return state == StepState::kSucceeded || state == StepState::kCached; }

bool ended_alike(StepState a, StepState b) { return a == b || (left_outputs(a) && left_outputs(b)); }

// Both sorted by path.
Difference first_path(const std::string& step, const std::vector<ledger::ArtifactRow>& a, const std::vector<ledger::ArtifactRow>& b) {
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const TreeEntry* left = i < a.size() ? &a[i].file : nullptr;
    const TreeEntry* right = j < b.size() ? &b[j].file : nullptr;
    if (left && right && left->path == right->path) {
      if (left->sha256 != right->sha256 || left->executable != right->executable)
        return {step, left->path, left->sha256, right->sha256};
      ++i, ++j;
    } else if (!right || (left && left->path < right->path)) {
      return {step, left->path, left->sha256, std::nullopt};
    } else {
      return {step, right->path, std::nullopt, right->sha256};
    }
  }
  return {step, "", std::nullopt, std::nullopt};
}

Json side_json(const ledger::StepRow& row) {
  Json out = {{"state", to_text(row.state)}};
  if (row.step_hash) out["stepHash"] = row.step_hash->hex();
  if (row.inputs_hash) out["inputsHash"] = row.inputs_hash->hex();
  if (row.outputs_hash) out["outputsHash"] = row.outputs_hash->hex();
  if (row.error) out["error"] = *row.error;
  return out;
}

Json step_json(const StepOutcome& before, const StepOutcome& after) {
  Json out = side_json(after.row);
  out["stepId"] = after.row.step.str();
  out["plugin"] = after.row.plugin;
  out["original"] = side_json(before.row);
  out["outputs"] = Json::array();
  for (const ledger::ArtifactRow& row : after.outputs)
    out["outputs"].push_back({{"path", row.file.path}, {"sha256", row.file.sha256.hex()}, {"executable", row.file.executable}});
  return out;
}

}  // namespace

std::optional<Difference> first_difference(const std::vector<StepOutcome>& original, const std::vector<StepOutcome>& replayed) {
  for (std::size_t i = 0; i < std::min(original.size(), replayed.size()); ++i) {
    const ledger::StepRow &a = original[i].row, &b = replayed[i].row;
    if (a.state == StepState::kCancelled) continue;
    if (!ended_alike(a.state, b.state)) return Difference{a.step.str(), "", a.outputs_hash, b.outputs_hash};
    if (left_outputs(a.state) && a.outputs_hash != b.outputs_hash) return first_path(a.step.str(), original[i].outputs, replayed[i].outputs);
  }
  return std::nullopt;
}

Json difference_json(const Difference& difference) {
  Json out = {{"step", difference.step}};
  if (!difference.path.empty()) out["path"] = difference.path;
  if (difference.original) out["original"] = difference.original->hex();
  if (difference.replayed) out["replayed"] = difference.replayed->hex();
  return out;
}

Json replay_manifest(const ledger::RunRow& original, const ledger::RunRow& replay, const std::vector<StepOutcome>& before,
                     const std::vector<StepOutcome>& after, const std::optional<Difference>& difference) {
  Json out = {{"apiVersion", "airlock/v1"}, {"kind", "ReplayManifest"}, {"tenant", replay.tenant.str()},
              {"replayOf", original.id.str()}, {"runId", replay.id.str()}, {"jobId", replay.job.str()},
              {"originalJobId", original.job.str()}, {"dagId", replay.dag.str()}, {"dagVersion", replay.dag_version},
              {"dagDigest", replay.dag_digest.hex()}, {"planHash", replay.plan_hash.hex()},
              {"inputsHash", replay.inputs_hash.hex()}, {"state", to_text(replay.state)},
              {"originalState", to_text(original.state)}, {"identical", !difference}, {"steps", Json::array()}};
  if (original.outputs_hash) out["originalOutputsHash"] = original.outputs_hash->hex();
  if (replay.outputs_hash) out["outputsHash"] = replay.outputs_hash->hex();
  if (difference) out["firstDifference"] = difference_json(*difference);
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) out["steps"].push_back(step_json(before[i], after[i]));
  return out;
}

}  // namespace airlock::runner
