#include "bundle/intake.h"

#include <algorithm>

#include "bundle/blob_pipe.h"
#include "bundle/layout.h"

namespace airlock::bundle {

Result<std::string> read_envelope_untrusted(archive::ArchiveReader& reader, const Limits& limits) {
  const auto first = TRY(reader.next());
  if (!first) return fail(Code::kManifestFirst, "the archive is empty");
  if (first->path != manifests::kManifestPath) return fail(Code::kManifestFirst, "the first member is \"" + first->path + "\"");
  if (first->executable) return fail(Code::kMemberMode, first->path + " is executable");
  return reader.read_all(limits.manifest_bytes);
}

// Where proven bytes go: to the store on another thread, or nowhere.
class MemberIntake::Out {
 public:
  explicit Out(StoreBatch* batch) {
    if (batch != nullptr) pipe_.emplace(*batch);
  }
  Result<void> put(BlobPipe::Piece piece) { return pipe_ ? pipe_->put(std::move(piece)) : Result<void>{}; }
  Result<void> finish() { return pipe_ ? pipe_->finish() : Result<void>{}; }

 private:
  std::optional<BlobPipe> pipe_;
};

Result<const manifests::BundleEntry*> MemberIntake::match(const archive::Member& member) {
  const std::string quoted = "\"" + member.path + "\"";
  if (member.path == manifests::kManifestPath) return fail(Code::kManifestFirst, "a second manifest");
  const manifests::BundleEntry* entry = manifest_.find(member.path);
  if (entry == nullptr) return fail(Code::kMemberUnlisted, quoted + ", offset " + std::to_string(member.tar_offset));
  if (!last_.empty() && !in_order(last_, member.path)) return fail(Code::kArchiveOrder, quoted + " after \"" + last_ + "\"");
  if (entry->size != member.size)
    return fail(Code::kMemberSize, quoted + ": " + std::to_string(member.size) + " bytes, signed " + std::to_string(entry->size));
  if (entry->executable != member.executable)
    return fail(Code::kMemberMode, quoted + (member.executable ? " is executable, signed as not" : " is not executable, signed as"));
  last_ = member.path;
  seen_[static_cast<std::size_t>(entry - manifest_.entries.data())] = true;
  return entry;
}

Result<void> MemberIntake::count_side_file(const archive::Member& member) {
  const std::string quoted = "\"" + member.path + "\"";
  if (member.size > limits_.metadata_bytes)
    return fail(Code::kArchiveLimit, quoted + ": metadata of " + std::to_string(member.size) + " bytes, limit metadataBytes " + std::to_string(limits_.metadata_bytes));
  side_bytes_ += member.size;
  if (side_files_.size() >= kMaxSideFiles || side_bytes_ > limits_.manifest_bytes)
    return fail(Code::kArchiveLimit, quoted + ": metadata below trust/ and time/ is over " + std::to_string(kMaxSideFiles) + " files, or over limit manifestBytes " +
                                         std::to_string(limits_.manifest_bytes));
  return {};
}

// Read into memory and kept from the store: nobody has vouched for it yet.
Result<void> MemberIntake::take_unlisted(const archive::Member& member) {
  const std::string quoted = "\"" + member.path + "\"";
  if (!last_.empty() && !in_order(last_, member.path)) return fail(Code::kArchiveOrder, quoted + " after \"" + last_ + "\"");
  if (member.executable) return fail(Code::kMemberMode, quoted + " is executable");
  TRY(count_side_file(member));
  last_ = member.path;
  side_files_[member.path] = TRY(reader_.read_all(limits_.metadata_bytes));
  return {};
}

Result<Members> MemberIntake::pass_gate() {
  if (!gate_passed_) gate_passed_ = gate_ ? TRY(gate_(side_files_)) : Members::kRead;
  return *gate_passed_;
}

Result<void> MemberIntake::stream(const archive::Member& member, const manifests::BundleEntry& entry, Out& out) {
  Sha256 hasher;
  const bool wanted = wants(member.path), side = may_be_unlisted(member.path);
  if (side) TRY(count_side_file(member));
  if (wanted && member.size > limits_.metadata_bytes)
    return fail(Code::kArchiveLimit, "\"" + member.path + "\": a document of " + std::to_string(member.size) + " bytes, limit metadataBytes " +
                                         std::to_string(limits_.metadata_bytes));
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
    if (progress_) progress_(reader_.packed_bytes(), reader_.file_bytes());
  }
  if (side) side_files_[member.path] = std::move(document);
  else if (wanted) documents_.emplace_back(member.path, std::move(document));
  return {};
}

Result<void> MemberIntake::missing() const {
  const auto it = std::ranges::find(seen_, false);
  if (it == seen_.end()) return {};
  const auto count = std::ranges::count(seen_, false);
  const std::string& path = manifest_.entries[static_cast<std::size_t>(it - seen_.begin())].path;
  if (manifest_.base)
    return fail(Code::kBaseMissing, std::to_string(count) + " members are only in its base, " + manifest_.base->bundle_id.str() +
                                        " generation " + std::to_string(manifest_.base->generation) + ": \"" + path + "\"...");
  return fail(Code::kMemberMissing, "\"" + path + "\"" + (count > 1 ? " and " + std::to_string(count - 1) + " more" : ""));
}

Result<MembersSeen> MemberIntake::run(StoreBatch* batch) {
  seen_.assign(manifest_.entries.size(), false);
  Out out(batch);
  MembersSeen sum;
  std::uint64_t documents = 0;
  while (const auto member = TRY(reader_.next())) {
    if (may_be_unlisted(member->path) && manifest_.find(member->path) == nullptr) {
      TRY(take_unlisted(*member));
      continue;
    }
    const manifests::BundleEntry& entry = *TRY(match(*member));
    if (!may_be_unlisted(member->path) && TRY(pass_gate()) == Members::kLeave) return MembersSeen{.left = true};
    if (wants(member->path) && (documents += member->size) > limits_.manifest_bytes)
      return fail(Code::kArchiveLimit, "DAG specs, plugin descriptors and Sigstore bundles together are over limit manifestBytes " + std::to_string(limits_.manifest_bytes));
    TRY(stream(*member, entry, out));
    ++sum.members;
    sum.bytes += member->size;
  }
  if (TRY(pass_gate()) == Members::kLeave) return MembersSeen{.left = true};
  TRY(out.finish());
  TRY(missing());
  if (progress_) progress_(reader_.file_bytes(), reader_.file_bytes());
  return sum;
}

}  // namespace airlock::bundle
