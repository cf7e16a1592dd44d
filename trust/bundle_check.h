// trust/bundle_check: what the TUF metadata that a bundle carries says about it (checks 4 and 6 of an import).
//
// A kit's manifest is a TUF target: "BUNDLEID/GENERATION.json", whose content is the signed statement. The bundle
// carries the metadata as trust/1.root.json ..., trust/timestamp.json, trust/snapshot.json, trust/targets.json and
// trust/ROLE.json, without version numbers but for roots. It cannot list them in its manifest: targets.json names the
// manifest's digest. They vouch for themselves.
//
// Nothing of it is trusted by the site before commit(), which an import calls when every other check has passed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/digest.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "trust/repository.h"
#include "trust/tuf_repo.h"

namespace airlock::trust {

using MetadataFiles = std::map<std::string, std::string>;  // "2.root.json" -> bytes, below trust/

std::string manifest_target(const BundleId& bundle, std::uint64_t generation);

struct BundleClaim {
  const BundleId& bundle;
  std::uint64_t generation;
  const std::string& payload;  // the signed statement
};

class CheckedMetadata {
 public:
  const std::string& seen() const { return seen_; }                  // "root 2, timestamp 9 until 2027-...", for people
  // {root, newRoots, timestamp, timestampExpires, snapshot, role, target}: versions, and what named the manifest
  const Json& facts() const { return facts_; }
  const std::vector<std::string>& new_roots() const { return keeper_->roots(); }
  // The site trusts this metadata from now on. Calling it again does nothing.
  Result<void> commit();

 private:
  friend Result<CheckedMetadata> check_bundle_metadata(Repository&, MetadataFiles, const BundleClaim&, Instant);
  CheckedMetadata(Repository& repository, std::unique_ptr<StagedKeeper> keeper, std::string seen, Json facts)
      : repository_(&repository), keeper_(std::move(keeper)), seen_(std::move(seen)), facts_(std::move(facts)) {}
  Repository* repository_;
  std::unique_ptr<StagedKeeper> keeper_;
  std::string seen_;
  Json facts_;
};

// Check 4: the root chain from the trusted root on, expiry at `now`, versions, and that a target names the manifest.
// kTuf*. The repository must outlive the result.
Result<CheckedMetadata> check_bundle_metadata(Repository& repository, MetadataFiles files, const BundleClaim& claim, Instant now);

// Check 6: every new root changes something (kRotationNoChange), and the last one was approved by as many people as the
// repository asks for (kRotationUnapproved; unless `keep_pending` is false it then waits in pending.root.json).
// Gives a line for people. Roots that come by another way than a bundle are judged by the same function.
Result<std::string> check_rotation(Repository& repository, const std::vector<std::string>& new_roots, bool keep_pending);

// The publisher's side: what to put below trust/ of this bundle. kTufTarget: the repository's published targets do not
// name it (yet); kNotFound: nothing is published.
Result<MetadataFiles> metadata_for_bundle(const TufRepo& repo, const BundleClaim& claim);

}  // namespace airlock::trust
