// bundle/pipeline: the stages of an import as types. Each can only be made by the function that establishes what it
// says, and each function takes the type before it: what was not verified cannot be stored, what is not durable cannot
// be activated.
//
//   OpenedBundle    the plan holds: a readable file, trust roots inside their window, force complete   (check 1)
//   StagedBundle    signature, TUF metadata and every member hold; blobs lie nameless in the store    (checks 2 to 5)
//   VerifiedBundle  it may follow what was accepted, and its specs hold              (checks 6 to 9)
//   StoredBundle    every blob is durable under its name; nothing refers to them yet
//   Activation      the catalog says so
//
// A bundle whose manifest is active already stops being read before its first member: confirm() takes the short way
// from StagedBundle to Activation.
#pragma once

#include <memory>
#include <optional>

#include "archive/archive.h"
#include "bundle/check_log.h"
#include "bundle/delta.h"
#include "bundle/generation.h"
#include "bundle/import.h"
#include "bundle/intake.h"
#include "bundle/specs.h"
#include "ledger/ledger.h"
#include "verify/time/anchor.h"
#include "verify/time/trusted_time.h"
#include "trust/bundle_check.h"

namespace airlock::bundle {

class OpenedBundle {
 public:
  const UniqueFd& file() const { return file_; }

 private:
  friend class Pipeline;
  explicit OpenedBundle(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

class StagedBundle {
 public:
  const manifests::BundleManifest& manifest() const { return verified_.get(); }
  // This very manifest is active: its members were proven when it became so, and were not read again.
  bool already_active() const { return already_active_; }

 private:
  friend class Pipeline;
  StagedBundle(verify::VerifiedBundleManifest verified, std::unique_ptr<StoreBatch> batch)
      : verified_(std::move(verified)), batch_(std::move(batch)) {}
  verify::VerifiedBundleManifest verified_;
  std::unique_ptr<StoreBatch> batch_;  // null in a dry run
  bool already_active_ = false;
  std::vector<std::pair<std::string, std::string>> documents_;  // of the members that SpecSet wants
  SideFiles side_files_;                                        // trust/ and time/, which the manifest need not list
  std::optional<trust::CheckedMetadata> metadata_;              // where a TUF repository speaks for the bundle
  std::optional<verify::VerifiedAnchor> anchor_;                // when a configured authority says it existed
};

class VerifiedBundle {
 public:
  Step step() const { return step_; }

 private:
  friend class Pipeline;
  VerifiedBundle(StagedBundle staged, SpecSet specs, Step step)
      : staged_(std::move(staged)), specs_(std::move(specs)), step_(step) {}
  StagedBundle staged_;
  SpecSet specs_;
  Step step_;
};

class StoredBundle {
 private:
  friend class Pipeline;
  explicit StoredBundle(VerifiedBundle verified) : verified_(std::move(verified)) {}
  VerifiedBundle verified_;
  std::uint64_t new_blobs_ = 0, repaired_blobs_ = 0;
};

struct Activation {
  bool already_active = false;
  std::uint64_t new_blobs = 0, repaired_blobs = 0;
};

class Pipeline {
 public:
  Pipeline(const ImportRequest& request, ImportPorts& ports, const verify::TrustedTime& time, CheckLog& log)
      : request_(request), ports_(ports), time_(time), now_(time.now), log_(log) {}

  Result<OpenedBundle> open();
  Result<StagedBundle> stage(const OpenedBundle& opened);
  Result<VerifiedBundle> verify(StagedBundle staged);
  Result<StoredBundle> store(VerifiedBundle verified);
  // What an already active bundle can still bring: newer TUF metadata, a newer time anchor. In a dry run nothing is kept.
  Result<Activation> confirm(StagedBundle staged);
  // The verdict becomes part of the history event, in the same transaction as the catalog.
  Result<Activation> activate(StoredBundle stored);

 private:
  Result<void> check_plan();
  Result<void> check_rotation(const StagedBundle& staged);
  Result<void> check_tenant(const manifests::BundleManifest& manifest);
  Result<std::optional<DeltaBase>> find_base(const StagedBundle& staged);
  Result<bool> is_active(const verify::VerifiedBundleManifest& manifest) const;
  Result<GenerationDecision> check_generation(const StagedBundle& staged);
  Result<void> check_time(StagedBundle& staged);
  Result<std::string> check_budgets(const StagedBundle& staged);
  Result<SpecSet> check_specs(StagedBundle& staged);

  const ImportRequest& request_;
  ImportPorts& ports_;
  const verify::TrustedTime& time_;
  Instant now_;  // trusted: every expiry goes by it
  CheckLog& log_;
};

// The person behind an import, with the reason for what it overrides.
ledger::Who who_of(const ImportRequest& request);

// What import and verify_bundle share: checks 1, 2, 3 and 5, which need no site.
using Documents = std::vector<std::pair<std::string, std::string>>;
Result<UniqueFd> open_bundle_file(const std::string& path);  // kBundlePathRequired, kNotFound...
// kTrustRootsRequired, kInvalidTrustWindow
Result<void> check_trust_window(const std::optional<manifests::TrustRoots>& roots, Instant now);
Result<verify::VerifiedBundleManifest> prove_manifest(archive::ArchiveReader& reader, const manifests::TrustRoots& roots,
                                                      Instant now, const Limits& limits, CheckLog& log);
// Gives the documents that SpecSet wants; none when the gate said to leave the members. `batch` null: nothing is written.
// `gate` as in intake.h; `base` null: of a full bundle, or nothing is imported. The rules are judged when every member is
// proven.
Result<std::optional<Documents>> prove_members(archive::ArchiveReader& reader, const manifests::BundleManifest& manifest,
                                               const Limits& limits, const Progress& progress, const SideGate& gate,
                                               const MemberRules& rules, const DeltaBase* base, StoreBatch* batch, CheckLog& log);
// Check 4. Nothing when no repository speaks for the bundle, or the one that does asks for no metadata and there is none.
Result<std::optional<trust::CheckedMetadata>> prove_metadata(std::vector<trust::Repository>* repositories,
                                                             const verify::VerifiedBundleManifest& manifest,
                                                             const SideFiles& files, Instant now, CheckLog& log);
Result<SpecSet> parse_specs(Documents documents, const Limits& limits);

}  // namespace airlock::bundle
