// runner/workspace: gives a step its plugin and its inputs, as folders and files of the store mounted read-only.
#pragma once

#include <string>
#include <vector>

#include "runner/executor.h"

namespace airlock::runner {

// /plugin and /in/<name>, every byte of them just proven. Nothing is copied for one step: trees are built once in the
// store and shared. kStepInput when content is missing or damaged; else the error of the store.
Result<std::vector<sandbox::Mount>> provide_mounts(const AttemptSpec& attempt, bundle::Store& store);

}  // namespace airlock::runner
