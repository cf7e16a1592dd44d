#include "bundle/intake.h"

#include <algorithm>

#include "bundle/layout.h"

namespace airlock::bundle {

Result<std::string> read_envelope_untrusted(archive::ArchiveReader& reader, const Limits& limits) {
  const auto first = TRY(reader.next());
  if (!first) return fail(Code::kManifestFirst, "the archive is empty");
  if (first->path != manifests::kManifestPath) return fail(Code::kManifestFirst, "the first member is \"" + first->path + "\"");
  if (first->executable) return fail(Code::kMemberMode, first->path + " is executable");
  return reader.read_all(limits.manifest_bytes);
}

Result<void> MemberIntake::in_place(const archive::Member& member) {
  if (!last_.empty() && !in_order(last_, member.path)) return fail(Code::kArchiveOrder, "\"" + member.path + "\" after \"" + last_ + "\"");
  last_ = member.path;
  return {};
}

Result<const manifests::BundleEntry*> MemberIntake::match(const archive::Member& member) {
  const std::string quoted = "\"" + member.path + "\"";
  if (member.path == manifests::kManifestPath) return fail(Code::kManifestFirst, "a second manifest");
  const manifests::BundleEntry* entry = manifest_.find(member.path);
  if (entry == nullptr) return fail(Code::kMemberUnlisted, quoted + ", offset " + std::to_string(member.tar_offset));
  TRY(in_place(member));
  if (entry->size != member.size)
    return fail(Code::kMemberSize, quoted + ": " + std::to_string(member.size) + " bytes, signed " + std::to_string(entry->size));
  if (entry->executable != member.executable)
    return fail(Code::kMemberMode, quoted + (member.executable ? " is executable, signed as not" : " is not executable, signed as"));
  seen_[static_cast<std::size_t>(entry - manifest_.entries.data())] = true;
  return entry;
}

Result<void> MemberIntake::pass_gate() {
  if (gate_passed_) return {};
  gate_passed_ = true;
  return gate_ ? gate_(side_.files()) : Result<void>{};
}

void MemberIntake::report() const {
  if (progress_) progress_(reader_.packed_bytes(), reader_.file_bytes());
}

// Before one is read whole: each is bounded, and all of them together.
Result<void> MemberIntake::count_document(const manifests::BundleEntry& entry) {
  if (entry.size > limits_.metadata_bytes)
    return fail(Code::kArchiveLimit, "\"" + entry.path + "\": a document of " + std::to_string(entry.size) + " bytes, limit metadataBytes " +
                                         std::to_string(limits_.metadata_bytes));
  document_bytes_ += entry.size;
  if (document_bytes_ > limits_.manifest_bytes)
    return fail(Code::kArchiveLimit, "DAG specs, plugin descriptors and Sigstore bundles together are over limit manifestBytes " + std::to_string(limits_.manifest_bytes));
  return {};
}

Result<void> MemberIntake::stream(const archive::Member& member, const manifests::BundleEntry& entry, BlobOut& out) {
  Sha256 hasher;
  const bool wanted = wants(member.path), side = may_be_unlisted(member.path);
  if (side) TRY(side_.count(member));
  if (wanted) TRY(count_document(entry));
  std::string document;
  std::uint64_t left = member.size;
  // Also for an empty member one piece goes out: it is a blob, too.
  for (bool first = true; first || left > 0; first = false) {
    BlobPipe::Piece piece;
    if (left > 0) piece.chunk = TRY(reader_.read());
    left -= piece.chunk.bytes.size();
    hasher.update(piece.chunk.bytes);
    if (wanted || side) document += piece.chunk.bytes;
    if (first) {
      piece.begin = entry.sha256;
      piece.size = member.size;
    }
    if (left == 0) {
      // Before the last piece goes on: a blob whose bytes are not the signed ones never ends in the store.
      const Digest actual = hasher.finish();
      if (actual != entry.sha256)
        return fail(Code::kMemberDigest, "\"" + member.path + "\", offset " + std::to_string(member.tar_offset) + ": sha256 " +
                                             actual.hex() + ", signed " + entry.sha256.hex());
      piece.end = actual;
    }
    TRY(out.put(std::move(piece)));
    report();
  }
  if (side) side_.add(member.path, std::move(document));
  else if (wanted) documents_.emplace_back(member.path, std::move(document));
  return {};
}

// Unless it can come from elsewhere: made by a patch, or held with the base. Without a base at hand (nothing is imported)
// whatever a delta kit does not carry may be there.
bool MemberIntake::may_be_absent(std::size_t entry) const {
  const manifests::BundleEntry& of = manifest_.entries[entry];
  if (!manifest_.base || may_be_unlisted(of.path)) return false;
  return patches_.makes(of) || base_ == nullptr || base_->holds(entry);
}

Result<void> MemberIntake::missing() const {
  std::size_t count = 0;
  std::string first;
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (!seen_[i] && !may_be_absent(i) && count++ == 0) first = manifest_.entries[i].path;
  if (count == 0) return patches_.missing();
  return fail(Code::kMemberMissing, "\"" + first + "\"" + (count > 1 ? " and " + std::to_string(count - 1) + " more" : "") +
                                        (base_ != nullptr ? ", neither carried nor in " + base_->name() : ""));
}

// What was not carried. A blob is read once, however many paths it has: they stand together in the order of digests.
Result<void> MemberIntake::take_from_base(MembersSeen& sum) {
  std::vector<const manifests::BundleEntry*> absent;
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (!seen_[i]) absent.push_back(&manifest_.entries[i]);
  std::ranges::stable_sort(absent, {}, &manifests::BundleEntry::sha256);
  std::optional<Digest> proven;
  for (const manifests::BundleEntry* entry : absent) {
    const bool made = patches_.makes(*entry), wanted = base_ != nullptr && wants(entry->path);
    ++(made ? sum.patched : sum.in_base);
    if (wanted) TRY(count_document(*entry));
    if (made) {
      if (wanted) documents_.emplace_back(entry->path, *patches_.document(entry->sha256));
    } else if (wanted) {
      documents_.emplace_back(entry->path, TRY(base_->read(entry->sha256, limits_.metadata_bytes)));
    } else if (base_ != nullptr && proven != entry->sha256) {
      TRY(base_->prove(entry->sha256));
      proven = entry->sha256;
    }
  }
  return {};
}

Result<MembersSeen> MemberIntake::run(StoreBatch* batch) {
  seen_.assign(manifest_.entries.size(), false);
  BlobOut out(batch);
  MembersSeen sum;
  while (const auto member = TRY(reader_.next())) {
    if (may_be_unlisted(member->path) && manifest_.find(member->path) == nullptr) {
      TRY(in_place(*member));
      TRY(side_.take(*member));
      continue;
    }
    if (is_patch(member->path)) {
      TRY(patches_.match(*member));
      TRY(in_place(*member));
      TRY(pass_gate());
      TRY(patches_.take(reader_, *member, out, [this] { report(); }));
      continue;
    }
    const manifests::BundleEntry& entry = *TRY(match(*member));
    if (!may_be_unlisted(member->path)) TRY(pass_gate());
    TRY(stream(*member, entry, out));
    ++sum.members;
    sum.bytes += member->size;
  }
  TRY(pass_gate());
  TRY(out.finish());
  TRY(missing());
  TRY(take_from_base(sum));
  if (progress_) progress_(reader_.file_bytes(), reader_.file_bytes());
  return sum;
}

}  // namespace airlock::bundle
