// runner/outputs: what a step left in /out, taken over into the store.
#pragma once

#include "bundle/store.h"
#include "manifests/plugin.h"
#include "runner/executor.h"

namespace airlock::runner {

enum class Blame { kStep, kMachine };
struct OutputTrouble {
  Error error;
  Blame blame;
};

// The outputs as a tree whose blobs are durable. kStepOutputRefused and kStepOutputMissing are the step's; whatever
// the store refuses is the machine's. With trouble, nothing was added to the store. A declared output may be an empty
// folder, which a tree does not show.
std::expected<Tree, OutputTrouble> store_outputs(const UniqueFd& out, const std::vector<manifests::OutputSpec>& declared,
                                                 bundle::Store& store);

// The entries at `path`: the file of that name, or all below the folder of that name with paths relative to it.
struct Selected {
  bool folder = false;
  Tree tree;
};
std::optional<Selected> select_path(const Tree& tree, const std::string& path);

}  // namespace airlock::runner
