// runner/workspace: gives a step its plugin, its inputs and its root, as folders and files of the store mounted read-only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle/image_store.h"
#include "runner/executor.h"

namespace airlock::runner {

// /plugin and /in/<name>, every byte of them just proven. Nothing is copied for one step: trees are built once in the
// store and shared. kStepInput when content is missing or damaged; else the error of the store.
Result<std::vector<sandbox::Mount>> provide_mounts(const AttemptSpec& attempt, bundle::Store& store);

// The unpacked image that is its root file system, for a step that has one: to be kept until the step has ended.
Result<std::optional<bundle::UsedImage>> provide_image(const AttemptSpec& attempt, bundle::Store& store);

}  // namespace airlock::runner
