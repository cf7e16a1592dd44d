// bundle/import: a bundle file becomes part of a site, or is refused, named and kept.
//
// One pass over one open file: archive -> signed manifest -> every member against it, hashed while it streams into
// the store -> generation -> specs -> StagedBundle, VerifiedBundle, StoredBundle, Activation (pipeline.h). No payload
// byte is written before the signature holds; nothing is visible before the last check has passed; activation is one
// ledger transaction after every blob is durable. A refusal leaves catalog and store as they were, and the file in
// quarantine. Imports take turns, also across processes.
//
// Every import and dry run, accepted or refused, becomes one history event with its verdict, in the tenant's log:
// bundle.imported, bundle.reimported (the file that the active bundle was read from: its members were not read again),
// bundle.rejected, bundle.dry_run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "base/boot.h"
#include "base/entropy.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "bundle/known_file.h"
#include "bundle/quarantine.h"
#include "bundle/store.h"
#include "bundle/verdict.h"
#include "manifests/bundle.h"
#include "manifests/sigstore_rules.h"
#include "manifests/time_roots.h"
#include "manifests/trust_roots.h"
#include "trust/repository.h"

namespace airlock::ledger {
class Ledger;
}

namespace airlock::bundle {

struct Force {  // activate although the generation or version is not newer; both are required, both are recorded
  std::string reason, ticket;
};

struct StaleOverride {  // accept content past its budget in these categories; reason and ticket are required and recorded
  std::set<std::string> categories;
  std::string reason, ticket;
};

struct ImportRequest {
  std::string path;
  TenantId tenant;
  std::string actor;
  bool repair = false;                     // read a known file, too, to replace blobs that the disk has damaged
  bool dry_run = false;                    // every check, no blob written, nothing activated, nothing quarantined
  std::optional<Force> force;
  std::optional<StaleOverride> allow_stale = std::nullopt;
  std::optional<std::string> trace_id;
  Wait wait = Wait::kYes;                  // for another import to end; kNo: kBusy
  Limits limits;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // compressed bytes; may be empty
  CheckObserver on_check = {};
};

struct ImportPorts {
  Store& store;
  ledger::Ledger& ledger;
  Quarantine& quarantine;
  const std::optional<manifests::TrustRoots>& trust_roots;  // absent: kTrustRootsRequired
  Clock& clock;
  Entropy& entropy;
  std::vector<trust::Repository>* repositories = nullptr;  // TUF repositories of the site; null is the same as none
  std::optional<manifests::TimeRoots> time_roots = std::nullopt;  // absent: a bundle with a time anchor is refused
  std::optional<manifests::SigstoreRules> sigstore_rules = std::nullopt;  // on members; absent: none
  BootMoment boot = {};                                           // of `clock`'s machine, now
  KnownFiles known_files = KnownFiles("");                        // files that need not be read again; default: none
};

struct ImportOutcome {
  Verdict verdict;
  bool already_active = false;             // the same manifest was active before: nothing was changed but damaged blobs
  std::uint64_t new_blobs = 0, repaired_blobs = 0;
  std::optional<std::string> quarantined;  // the folder the refused file was kept in
  std::optional<Error> unrecorded;         // the history event could not be written, and why
  bool ok() const { return verdict.accepted() && !unrecorded; }
};

[[nodiscard]] ImportOutcome import_bundle(const ImportRequest& request, ImportPorts ports);

// The checks that need no ledger: plan, archive, signature, TUF metadata where one of `repositories` speaks for the bundle
// (null: none), members, and specs as far as the bundle alone can tell (plugins and data it does not hold itself are
// not looked for). Writes nothing.
struct VerifyRequest {
  std::string path;
  Limits limits;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  CheckObserver on_check = {};
};
[[nodiscard]] Verdict verify_bundle(const VerifyRequest& request,
                                    const std::optional<manifests::TrustRoots>& trust_roots, Instant now,
                                    std::vector<trust::Repository>* repositories = nullptr);

// What the manifest claims, with nobody's signature checked: for looking at a file, never for a decision.
struct UntrustedManifest {
  manifests::BundleManifest manifest;
  std::vector<std::string> keyid_hints;  // of the envelope's signatures
  Digest manifest_sha256;
  std::string payload;                   // the statement, byte for byte
  std::uint64_t file_bytes = 0;
};
Result<UntrustedManifest> inspect_untrusted(const std::string& path, const Limits& limits = {});

}  // namespace airlock::bundle
