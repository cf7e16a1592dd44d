// runner/step_inputs: which content a step gets, once everything it depends on has ended.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "ledger/ledger.h"
#include "runner/executor.h"
#include "runner/plan.h"

namespace airlock::runner {

struct StepInputs {
  std::vector<ResolvedInput> resolved;   // what stepHash and inputsHash are made of
  std::vector<AttemptInput> content;     // the same as trees, in the same order
};

// Trees come from the ledger, so that a run that is taken up again sees exactly what the first process saw: outputs of
// earlier steps from their artifacts, pinned folders and plugins from the listings kept as documents when the run was
// created. Each is read once.
class InputResolver {
 public:
  // `known`: trees at hand already, by digest.
  InputResolver(const Plan& plan, TenantId tenant, RunId run, std::map<Digest, Tree> known);

  // kStepInput when an output that the plan promises is not there; ledger errors as they are.
  Result<StepInputs> resolve(const ledger::Reader& reader, std::size_t step);
  // A plugin's or a folder's tree.
  Result<std::shared_ptr<const Tree>> pinned(const ledger::Reader& reader, const Digest& tree);

 private:
  struct Resolved {
    Pinned pin;
    std::shared_ptr<const Tree> tree;
  };
  Result<Resolved> resolve_one(const ledger::Reader& reader, const PlannedInput& input);
  Result<Resolved> from_step(const ledger::Reader& reader, const FromStep& from);
  Result<Resolved> from_group(const ledger::Reader& reader, const FromGroup& from);
  Result<std::shared_ptr<const Tree>> outputs(const ledger::Reader& reader, std::size_t step);

  const Plan& plan_;
  const TenantId tenant_;
  const RunId run_;
  std::map<Digest, std::shared_ptr<const Tree>> trees_;
  std::vector<std::shared_ptr<const Tree>> outputs_;   // by step
};

}  // namespace airlock::runner
