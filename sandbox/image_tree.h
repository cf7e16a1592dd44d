// sandbox/image_tree: what of an unpacked image a step sees.
#pragma once

#include "sandbox/setup_plan.h"

namespace airlock::sandbox {

// Each folder and file in the root of `spec.image` as a mount, each symbolic link as a link of the step's own root. dev,
// proc, sys, in, plugin, out and tmp stay behind: ours stand there, and nothing at /sys. Nothing for another Rootfs.
// A step with endpoints has an /etc of ours, with its names in it: there, what the image has in its own, each by itself.
// kStepInput: no such folder, something that is none of the three, or more than kMaxImageEntries.
Result<HostTree> look_at_image(const StepSpec& spec);

// Each is a descriptor of the runner while a step starts.
inline constexpr std::size_t kMaxImageEntries = 256;

}  // namespace airlock::sandbox
