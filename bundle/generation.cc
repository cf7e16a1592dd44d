#include "bundle/generation.h"

namespace airlock::bundle {

std::string_view to_string(Step step) {
  switch (step) {
    case Step::kFirst: return "first";
    case Step::kNewer: return "newer";
    case Step::kAlreadyActive: return "already-active";
    case Step::kForced: return "forced";
  }
  return "unknown";
}

Result<GenerationDecision> decide_generation(const Candidate& candidate, const Accepted& accepted, bool forced) {
  const std::string mine = "generation " + std::to_string(candidate.generation) + ", version " + candidate.version.str();
  if (accepted.same_generation && *accepted.same_generation != candidate.manifest_sha256)
    return fail(Code::kGenerationReused, mine + ": accepted before with manifest sha256 " + accepted.same_generation->hex());
  if (accepted.same_generation && accepted.same_is_active) return GenerationDecision{Step::kAlreadyActive, mine + ", already active"};
  if (!accepted.floor) return GenerationDecision{Step::kFirst, mine + ", the first one"};
  const std::string after = mine + " after generation " + std::to_string(*accepted.floor) +
                            (accepted.newest_version ? ", version " + accepted.newest_version->str() : "");
  const bool newer = candidate.generation > *accepted.floor;
  const bool version_falls = accepted.newest_version && candidate.version < *accepted.newest_version;
  if (newer && !version_falls) return GenerationDecision{Step::kNewer, after};
  if (forced) return GenerationDecision{Step::kForced, after + ", forced"};
  return fail(Code::kVersionNonMonotonic, after);
}

}  // namespace airlock::bundle
