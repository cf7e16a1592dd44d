// bundle/pipeline: the stages of an import as types. Each can only be made by the function that establishes what it
// says, and each function takes the type before it: what was not verified cannot be stored, what is not durable cannot
// be activated.
//
//   OpenedBundle    the plan holds: a readable file, trust roots inside their window, force complete   (check 1)
//   SignedBundle    enough trusted keys have signed its statement; nothing behind that was read      (checks 2, 3)
//   StagedBundle    manifest, TUF metadata and every member hold; blobs lie nameless in the store    (checks 2 to 5)
//   VerifiedBundle  it may follow what was accepted, and its specs hold              (checks 6 to 9)
//   StoredBundle    every blob is durable under its name; nothing refers to them yet
//   Activation      the catalog says so
//
// The very file that an active bundle was read from, unchanged since (known_file.h), whose statement is still the active
// one: confirm() takes the short way from SignedBundle to Activation and reads no member.
#pragma once

#include <memory>
#include <optional>

#include "archive/archive.h"
#include "bundle/delta.h"
#include "bundle/generation.h"
#include "bundle/import.h"
#include "bundle/prove.h"
#include "bundle/specs.h"
#include "ledger/catalog.h"
#include "ledger/ledger.h"
#include "verify/time/anchor.h"
#include "verify/time/trusted_time.h"

namespace airlock::bundle {

class OpenedBundle {
 public:
  const UniqueFd& file() const { return file_; }

 private:
  friend class Pipeline;
  OpenedBundle(UniqueFd file, FileIdentity identity) : file_(std::move(file)), identity_(identity) {}
  UniqueFd file_;
  FileIdentity identity_;  // before anything of it was read
};

class SignedBundle {
 private:
  friend class Pipeline;
  SignedBundle(archive::ArchiveReader reader, verify::SignedStatement statement)
      : reader_(std::move(reader)), statement_(std::move(statement)) {}
  archive::ArchiveReader reader_;
  verify::SignedStatement statement_;
};

// What came beside the members and speaks about the statement.
struct Beside {
  SideFiles files;                                 // trust/ and time/, which the manifest need not list
  std::optional<trust::CheckedMetadata> metadata;  // where a TUF repository speaks for the bundle
  std::optional<verify::VerifiedAnchor> anchor;    // when a configured authority says it existed
};

class StagedBundle {
 public:
  const manifests::BundleManifest& manifest() const { return verified_.get(); }

 private:
  friend class Pipeline;
  StagedBundle(verify::VerifiedBundleManifest verified, std::unique_ptr<StoreBatch> batch)
      : verified_(std::move(verified)), batch_(std::move(batch)) {}
  verify::VerifiedBundleManifest verified_;
  std::unique_ptr<StoreBatch> batch_;  // null in a dry run
  std::vector<std::pair<std::string, std::string>> documents_;  // of the members that SpecSet wants
  Beside beside_;
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
  Result<SignedBundle> read(const OpenedBundle& opened);  // which must outlive it
  // The tenant's active bundle that was read from this file, if there is one.
  Result<std::optional<ledger::CatalogRow>> recognise(const OpenedBundle& opened, const SignedBundle& bundle) const;
  // What an active bundle can still bring: newer TUF metadata, a newer time anchor. In a dry run nothing is kept.
  Result<Activation> confirm(SignedBundle bundle, const ledger::CatalogRow& active);
  Result<StagedBundle> stage(SignedBundle bundle);
  Result<VerifiedBundle> verify(StagedBundle staged);
  Result<StoredBundle> store(VerifiedBundle verified);
  // The verdict becomes part of the history event, in the same transaction as the catalog.
  Result<Activation> activate(StoredBundle stored, const OpenedBundle& opened);

 private:
  Result<void> check_plan();
  Result<void> check_rotation(const BundleId& bundle, const Beside& beside);
  Result<void> check_tenant(const manifests::BundleManifest& manifest);
  Result<std::optional<DeltaBase>> find_base(const StagedBundle& staged);
  Result<GenerationDecision> check_generation(const StagedBundle& staged);
  Result<void> check_time(Beside& beside, const verify::VerifiedBundleManifest* manifest);
  Result<Seen> check_budgets(const manifests::BundleManifest& manifest, Instant anchored);
  Result<void> keep_beside(ledger::Tx& tx, const BundleId& bundle, std::uint64_t generation, const Beside& beside);
  Result<SpecSet> check_specs(StagedBundle& staged);

  const ImportRequest& request_;
  ImportPorts& ports_;
  const verify::TrustedTime& time_;
  Instant now_;  // trusted: every expiry goes by it
  CheckLog& log_;
};

// The person behind an import, with the reason for what it overrides.
ledger::Who who_of(const ImportRequest& request);

}  // namespace airlock::bundle
