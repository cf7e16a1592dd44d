// bundle/intake: one pass over an archive, from its first byte to its last: signature first, then every member against
// the manifest, hashed while it streams on to the store.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "archive/archive.h"
#include "base/limits.h"
#include "bundle/blob_pipe.h"
#include "bundle/delta.h"
#include "bundle/side_files.h"
#include "bundle/member_rules.h"
#include "bundle/patch_intake.h"
#include "bundle/specs.h"
#include "bundle/store_batch.h"
#include "manifests/trust_roots.h"
#include "verify/bundle_manifest.h"

namespace airlock::bundle {

using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// The envelope: the first member, whole, unverified. kManifestFirst, kArchive*.
Result<std::string> read_envelope_untrusted(archive::ArchiveReader& reader, const Limits& limits);

// Unlisted side files (layout.h) are never stored. The gate sees all of them, also listed ones.
using SideGate = std::function<Result<void>(const SideFiles&)>;

struct MembersSeen {
  std::uint64_t members = 0, bytes = 0;   // carried whole
  std::uint64_t patched = 0;              // carried as what changed
  std::uint64_t in_base = 0;              // of a delta kit: not carried; proven in the store, or where there is none not looked at
};

// Every member behind the manifest, to the end of the file. Refuses at its header what the manifest does not list
// (kMemberUnlisted), or lists otherwise (kMemberSize, kMemberMode), or what is out of order (kArchiveOrder); at its
// end what hashes differently (kMemberDigest); at the end of the archive what never came (kMemberMissing).
// `gate` runs once, with all side files, before the first byte of any member behind them is accepted.
// What a delta kit does not carry must be in `base` (kMemberMissing) and is proven there (kStoreCorrupt); without a base it
// is only counted. Members below trust/ and time/ are always carried: the gate comes before anything else is read.
// `batch` null: nothing is written. Specs are collected in `specs`; whether they are good is not judged here.
class MemberIntake {
 public:
  MemberIntake(archive::ArchiveReader& reader, const manifests::BundleManifest& manifest, const Limits& limits,
               const Progress& progress, const SideGate& gate, const MemberRules& rules, const DeltaBase* base)
      : reader_(reader), manifest_(manifest), limits_(limits), progress_(progress), gate_(gate), rules_(rules), base_(base),
        patches_(manifest, base, limits, [this](std::string_view path) { return wants(path); }), side_(reader, limits) {}
  MemberIntake(const MemberIntake&) = delete;
  Result<MembersSeen> run(StoreBatch* batch);
  // Bytes of the members that SpecSet or the rules want, by path, in archive order; complete after run().
  std::vector<std::pair<std::string, std::string>> take_documents() { return std::move(documents_); }

 private:
  Result<void> in_place(const archive::Member& member);
  Result<const manifests::BundleEntry*> match(const archive::Member& member);
  Result<void> stream(const archive::Member& member, const manifests::BundleEntry& entry, BlobOut& out);
  Result<void> missing() const;
  bool may_be_absent(std::size_t entry) const;
  Result<void> take_from_base(MembersSeen& sum);
  Result<void> count_document(const manifests::BundleEntry& entry);
  void report() const;
  bool wants(std::string_view path) const { return SpecSet::wants(path) || rules_.wants(path); }
  Result<void> pass_gate();

  archive::ArchiveReader& reader_;
  const manifests::BundleManifest& manifest_;
  const Limits& limits_;
  const Progress& progress_;
  const SideGate& gate_;
  const MemberRules& rules_;
  const DeltaBase* base_;
  PatchIntake patches_;
  SideReader side_;
  bool gate_passed_ = false;
  std::uint64_t document_bytes_ = 0;
  std::vector<std::pair<std::string, std::string>> documents_;
  std::vector<bool> seen_;      // by position in manifest_.entries
  std::string last_;            // path of the member before
};

}  // namespace airlock::bundle
