// bundle/prove: what import and verify_bundle share: checks 1, 2, 3, 4 and 5, as far as they need no site.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/archive.h"
#include "bundle/check_log.h"
#include "bundle/intake.h"
#include "bundle/specs.h"
#include "manifests/trust_roots.h"
#include "trust/bundle_check.h"
#include "verify/bundle_manifest.h"

namespace airlock::bundle {

using Documents = std::vector<std::pair<std::string, std::string>>;
Result<UniqueFd> open_bundle_file(const std::string& path);  // kBundlePathRequired, kNotFound...
// kTrustRootsRequired, kInvalidTrustWindow
Result<void> check_trust_window(const std::optional<manifests::TrustRoots>& roots, Instant now);
Result<verify::SignedStatement> prove_signature(archive::ArchiveReader& reader, const manifests::TrustRoots& roots, Instant now,
                                                const Limits& limits, CheckLog& log);
Result<verify::VerifiedBundleManifest> prove_manifest(verify::SignedStatement statement, const Limits& limits, CheckLog& log);
// Gives the documents that SpecSet wants. `batch` null: nothing is written. `gate` as in intake.h; `base` null: of a full
// bundle, or nothing is imported. The rules are judged when every member is proven.
Result<Documents> prove_members(archive::ArchiveReader& reader, const manifests::BundleManifest& manifest, const Limits& limits,
                                const Progress& progress, const SideGate& gate, const MemberRules& rules, const DeltaBase* base,
                                StoreBatch* batch, CheckLog& log);
trust::BundleClaim claim_of(const verify::VerifiedBundleManifest& manifest);  // which must outlive it
// Check 4. Nothing when no repository speaks for the bundle, or the one that does asks for no metadata and there is none.
Result<std::optional<trust::CheckedMetadata>> prove_metadata(std::vector<trust::Repository>* repositories,
                                                             const trust::BundleClaim& claim, const SideFiles& files,
                                                             Instant now, CheckLog& log);
Result<SpecSet> parse_specs(Documents documents, const Limits& limits);

}  // namespace airlock::bundle
