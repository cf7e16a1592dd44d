// bundle/build_delta: what of a planned bundle an older one spares it. Deterministic.
//
// A member whose content the older bundle lists, under any path, is left out. One that changed under its path, with at
// least 64 KiB before and after, becomes a patch (archive/patch.h) if that is smaller; for this the older file must carry
// the old content whole, which an older delta kit does not always do. All else is carried whole.
//
// The older file is believed only as far as a site would: one of the given keys signed it, and every member has its
// digest. It is read twice, once to check it, once for the content of members that may become patches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle/build.h"
#include "bundle/build_plan.h"
#include "bundle/scratch_file.h"

namespace airlock::bundle {

inline constexpr std::uint64_t kLeastPatched = 64 * kKiB;  // a smaller member is carried whole: a patch gains too little

struct PlannedPatch {
  std::string path;                     // in the bundle
  std::uint64_t offset = 0, bytes = 0;  // in DeltaPlan::patch_bytes
};

struct DeltaPlan {
  ScratchFile patch_bytes;
  std::vector<PlannedPatch> patches;    // by path
  BuiltDelta summary;
};

// `plan` gets its manifest's base, and loses the files that need not be carried. Errors as build_bundle.
Result<DeltaPlan> plan_delta(const BuildRequest& request, BuildPlan& plan);

}  // namespace airlock::bundle
