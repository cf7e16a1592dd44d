#include "bundle/build_delta.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "archive/archive.h"
#include "base/io.h"
#include "bundle/intake.h"
#include "verify/bundle_manifest.h"

namespace airlock::bundle {
namespace {

// The older bundle, once its signature, its archive and all its members hold.
struct OlderBundle {
  UniqueFd file;
  verify::VerifiedBundleManifest manifest;
};

Result<OlderBundle> read_older(const BuildBase& base, Instant now, const Limits& limits) {
  UniqueFd file = TRY(open_read(base.file));
  auto reader = TRY(archive::ArchiveReader::open(file.get(), {limits, true}));
  const std::string envelope = TRY(read_envelope_untrusted(reader, limits));
  const manifests::TrustRoots roots{1, base.keys, now, now + Millis(1)};  // these keys, whatever the time
  auto manifest = TRY(verify::check_bundle_manifest(envelope, roots, now, limits));
  TRY(check_layout(manifest.get()));
  const Progress no_progress;
  const SideGate no_gate;
  const MemberRules no_rules;
  MemberIntake intake(reader, manifest.get(), limits, no_progress, no_gate, no_rules, nullptr);
  TRY(intake.run(nullptr));
  return OlderBundle{std::move(file), std::move(manifest)};
}

Result<void> check_succession(const manifests::BundleManifest& older, const manifests::BundleManifest& newer) {
  const std::string name = older.bundle_id.str() + " generation " + std::to_string(older.generation);
  if (older.bundle_id != newer.bundle_id) return fail(Code::kField, "it is " + name + ", this is to be " + newer.bundle_id.str());
  if (older.generation >= newer.generation)
    return fail(Code::kField, "it is " + name + ", and generation " + std::to_string(newer.generation) + " is not newer: give --generation");
  return {};
}

// A member's new content, from where the plan has it, hashed as it is read.
class NewContent {
 public:
  static Result<NewContent> open(const PlannedFile& file) {
    NewContent out(file);
    if (!file.source.empty()) out.file_ = TRY(open_read(file.source));
    return out;
  }
  archive::RandomBytes bytes(std::uint64_t size) {
    auto from = file_ ? archive::bytes_of_file(file_, size, planned_.source) : archive::RandomBytes{size, [this](std::uint64_t offset, std::span<char> into) -> Result<void> {
      std::memcpy(into.data(), planned_.content.data() + offset, into.size());
      return {};
    }};
    return {size, [this, from = std::move(from)](std::uint64_t offset, std::span<char> into) -> Result<void> {
              TRY(from.read(offset, into));
              hasher_.update({into.data(), into.size()});  // write_patch reads from front to end
              return {};
            }};
  }
  Digest digest() { return hasher_.finish(); }

 private:
  explicit NewContent(const PlannedFile& planned) : planned_(planned) {}
  const PlannedFile& planned_;
  UniqueFd file_;
  Sha256 hasher_;
};

class DeltaPlanner {
 public:
  DeltaPlanner(const BuildRequest& request, BuildPlan& plan, const manifests::BundleManifest& older, const Digest& older_sha256, ScratchFile patches,
               ScratchFile old_content)
      : request_(request), plan_(plan), older_(older), base_{older.bundle_id, older.generation, older_sha256, {}}, patches_(std::move(patches)),
        old_content_(std::move(old_content)) {
    for (const manifests::BundleEntry& entry : older.entries) held_.insert(entry.sha256);
    for (const PlannedFile& file : plan.files) files_.emplace(file.path, &file);
  }

  // Every member of the older file that may serve one of ours, in the order of the archive.
  Result<void> make_patches(int fd) {
    if (std::ranges::none_of(plan_.manifest.entries, [this](const manifests::BundleEntry& entry) { return candidate(entry.path) != nullptr; })) return {};
    auto reader = TRY(archive::ArchiveReader::open(fd, {request_.limits, true}));
    while (const auto member = TRY(reader.next())) {
      const manifests::BundleEntry* entry = candidate(member->path);
      if (entry != nullptr) TRY(make_patch(reader, *member, *entry));
    }
    return {};
  }

  Result<DeltaPlan> finish() {
    std::ranges::sort(base_.patches, {}, &manifests::BundlePatch::sha256);
    std::ranges::sort(planned_, {}, &PlannedPatch::path);
    BuiltDelta summary{.base = base_};
    for (const manifests::BundleEntry& entry : plan_.manifest.entries) {
      const bool unchanged = held_.contains(entry.sha256), patched = !unchanged && base_.find(entry.sha256) != nullptr;
      ++(unchanged ? summary.unchanged : patched ? summary.patched : summary.carried);
      if (unchanged || patched) summary.saved_bytes += entry.size;
    }
    summary.patch_bytes = patches_.size();
    summary.saved_bytes -= patches_.size();
    std::erase_if(plan_.files, [this](const PlannedFile& file) {
      const Digest& digest = plan_.manifest.find(file.path)->sha256;
      return held_.contains(digest) || base_.find(digest) != nullptr;
    });
    plan_.manifest.base = std::move(base_);
    return DeltaPlan{std::move(patches_), std::move(planned_), std::move(summary)};
  }

 private:
  // Our entry at the path of a member of the older file, if a patch may be worth its while.
  const manifests::BundleEntry* candidate(const std::string& path) const {
    const manifests::BundleEntry *ours = plan_.manifest.find(path), *theirs = older_.find(path);
    if (ours == nullptr || theirs == nullptr || ours->size < kLeastPatched || theirs->size < kLeastPatched) return nullptr;
    return held_.contains(ours->sha256) || made_.contains(ours->sha256) ? nullptr : ours;
  }

  Result<void> make_patch(archive::ArchiveReader& reader, const archive::Member& member, const manifests::BundleEntry& entry) {
    const manifests::BundleEntry& theirs = *older_.find(member.path);
    TRY(old_content_.cut(0));
    Sha256 old_hasher, patch_hasher;
    for (std::uint64_t left = member.size; left > 0;) {
      const archive::Chunk chunk = TRY(reader.read());
      old_hasher.update(chunk.bytes);
      TRY(old_content_.append(chunk.bytes));
      left -= chunk.bytes.size();
    }
    if (old_hasher.finish() != theirs.sha256) return fail(Code::kMemberDigest, "\"" + member.path + "\" changed while it was read");
    const PlannedFile& file = *files_.at(entry.path);
    NewContent ours = TRY(NewContent::open(file));
    const std::uint64_t offset = patches_.size();
    const std::uint64_t bytes = TRY(archive::write_patch(old_content_.bytes(), ours.bytes(entry.size), request_.zstd_level, [&](std::string_view part) {
      patch_hasher.update(part);
      return patches_.append(part);
    }));
    if (ours.digest() != entry.sha256) return fail(Code::kMemberDigest, file.source + " changed while the bundle was built");
    if (bytes >= entry.size) return patches_.cut(offset);
    base_.patches.push_back({entry.sha256, theirs.sha256, patch_hasher.finish(), bytes});
    planned_.push_back({base_.patches.back().path(), offset, bytes});
    made_.insert(entry.sha256);
    return {};
  }

  const BuildRequest& request_;
  BuildPlan& plan_;
  const manifests::BundleManifest& older_;
  manifests::BundleBase base_;
  ScratchFile patches_, old_content_;
  std::set<Digest> held_, made_;                      // content of the older bundle; of patches
  std::map<std::string_view, const PlannedFile*> files_;
  std::vector<PlannedPatch> planned_;
};

}  // namespace

Result<DeltaPlan> plan_delta(const BuildRequest& request, BuildPlan& plan) {
  const std::string& path = request.base->file;
  const auto older = read_older(*request.base, plan.manifest.created_at, request.limits);
  if (!older) {
    const Error& error = older.error();
    const bool keys = error.code == Code::kDsseThreshold;
    return fail(error.code, "the base " + path + ": " + error.context + (keys ? "; give the keys of its publisher with --base-key" : ""));
  }
  const auto follows = check_succession(older->manifest.get(), plan.manifest);
  if (!follows) return fail(follows.error().code, "the base " + path + ": " + follows.error().context);
  ScratchFile patches = TRY(ScratchFile::beside(request.output)), old_content = TRY(ScratchFile::beside(request.output));
  DeltaPlanner planner(request, plan, older->manifest.get(), older->manifest.manifest_sha256(), std::move(patches), std::move(old_content));
  TRY(planner.make_patches(older->file.get()));
  return planner.finish();
}

}  // namespace airlock::bundle
