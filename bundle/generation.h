// bundle/generation: may this bundle follow what the tenant has already accepted? Pure: check 7 of the format page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/semver.h"

namespace airlock::bundle {

struct Candidate {
  std::uint64_t generation;
  SemVer version;
  Digest manifest_sha256;
};

// What the ledger knows of (tenant, bundleId).
struct Accepted {
  std::optional<std::uint64_t> floor;           // highest generation ever accepted, also if pruned since
  std::optional<SemVer> newest_version;         // of the newest generation still kept
  std::optional<Digest> same_generation;        // manifest of the kept row with the candidate's generation
  bool same_is_active = false;
};

enum class Step { kFirst, kNewer, kAlreadyActive, kForced };
std::string_view to_string(Step step);  // "first", "newer", "already-active", "forced"

struct GenerationDecision {
  Step step;
  std::string seen;  // "generation 5 after 4, version 1.2.0 after 1.1.0"
};

// kVersionNonMonotonic: not newer, unless forced. kGenerationReused: the generation was accepted with other content;
// force does not help, two contents under one name could never be told apart again.
Result<GenerationDecision> decide_generation(const Candidate& candidate, const Accepted& accepted, bool forced);

}  // namespace airlock::bundle
