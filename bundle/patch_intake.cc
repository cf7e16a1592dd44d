#include "bundle/patch_intake.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "archive/patch.h"
#include "base/io.h"
#include "bundle/layout.h"

namespace airlock::bundle {
namespace {

constexpr std::size_t kPieceBytes = 512 * kKiB;  // of what goes on to the store, as from the archive itself

const std::vector<manifests::BundlePatch>& patches_of(const manifests::BundleManifest& manifest) {
  static const std::vector<manifests::BundlePatch> kNone;
  return manifest.base ? manifest.base->patches : kNone;
}

std::string in_quotes(std::string_view path) { return "\"" + std::string(path) + "\""; }

}  // namespace

// One member in the making: bytes of a patch in, pieces of the result out.
class PatchIntake::Maker {
 public:
  static Result<std::unique_ptr<Maker>> open(const manifests::BundlePatch& patch, std::uint64_t size, const DeltaBase& base, BlobOut& out,
                                             archive::BufferPool& pool, std::string* document) {
    UniqueFd file = TRY(base.open_unproven(patch.from));
    std::string name = base.path_of(patch.from);
    struct stat st{};
    if (::fstat(file.get(), &st) != 0) return os_fail("fstat", name);
    std::unique_ptr<Maker> maker(new Maker(patch, std::move(file), std::move(name), out, pool, document));
    maker->reader_.emplace(archive::bytes_of_file(maker->file_, static_cast<std::uint64_t>(st.st_size), maker->name_), size,
                           [raw = maker.get()](std::string_view bytes) { return raw->pass_on(bytes); });
    BlobPipe::Piece begin;
    begin.begin = patch.sha256;
    begin.size = size;
    TRY(out.put(std::move(begin)));
    return maker;
  }

  Result<void> write(std::string_view bytes) { return reader_->write(bytes); }

  // Nothing of it ends in the store unless all of it is what was signed.
  Result<void> finish() {
    TRY(reader_->finish());
    const Digest actual = hasher_.finish();
    if (actual != patch_.sha256) return fail(Code::kPatch, "gives sha256 " + actual.hex() + ", signed " + patch_.sha256.hex());
    BlobPipe::Piece end;
    end.end = actual;
    return out_.put(std::move(end));
  }

 private:
  Maker(const manifests::BundlePatch& patch, UniqueFd file, std::string name, BlobOut& out, archive::BufferPool& pool, std::string* document)
      : patch_(patch), file_(std::move(file)), name_(std::move(name)), out_(out), pool_(pool), document_(document) {}

  Result<void> pass_on(std::string_view bytes) {
    hasher_.update(bytes);
    if (document_ != nullptr) *document_ += bytes;
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kPieceBytes);
      auto buffer = pool_.take();
      std::memcpy(buffer->data(), bytes.data(), size);
      BlobPipe::Piece piece;
      piece.chunk = {std::string_view(*buffer).substr(0, size), buffer};
      TRY(out_.put(std::move(piece)));
      bytes.remove_prefix(size);
    }
    return {};
  }

  const manifests::BundlePatch& patch_;
  UniqueFd file_;
  std::string name_;
  BlobOut& out_;
  archive::BufferPool& pool_;
  std::string* document_;
  Sha256 hasher_;
  std::optional<archive::PatchReader> reader_;
};

PatchIntake::PatchIntake(const manifests::BundleManifest& manifest, const DeltaBase* base, const Limits& limits,
                         std::function<bool(std::string_view path)> wants)
    : patches_(patches_of(manifest)), base_(base), limits_(limits), targets_(patches_.size()), pool_(kPieceBytes) {
  if (patches_.empty()) return;
  for (const manifests::BundleEntry& entry : manifest.entries) {
    const manifests::BundlePatch* patch = manifest.base->find(entry.sha256);
    if (patch == nullptr) continue;
    Target& target = targets_[static_cast<std::size_t>(patch - patches_.data())];
    target.size = entry.size;
    target.wanted = target.wanted || wants(entry.path);
  }
}

std::size_t PatchIntake::index_of(const archive::Member& member) const {
  const auto at = std::ranges::lower_bound(patches_, member.path, {}, &manifests::BundlePatch::path);
  return at == patches_.end() || at->path() != member.path ? patches_.size() : static_cast<std::size_t>(at - patches_.begin());
}

Result<void> PatchIntake::match(const archive::Member& member) const {
  const std::size_t index = index_of(member);
  if (index == patches_.size()) return fail(Code::kMemberUnlisted, in_quotes(member.path) + ", offset " + std::to_string(member.tar_offset));
  const manifests::BundlePatch& patch = patches_[index];
  if (patch.patch_bytes != member.size)
    return fail(Code::kMemberSize, in_quotes(member.path) + ": " + std::to_string(member.size) + " bytes, signed " + std::to_string(patch.patch_bytes));
  if (member.executable) return fail(Code::kMemberMode, in_quotes(member.path) + " is executable, a patch is not");
  if (targets_[index].wanted && targets_[index].size > limits_.metadata_bytes)
    return fail(Code::kArchiveLimit, in_quotes(member.path) + ": makes a document of " + std::to_string(targets_[index].size) +
                                         " bytes, limit metadataBytes " + std::to_string(limits_.metadata_bytes));
  return {};
}

// A patch does not give what it should: whose fault is it?
Error PatchIntake::blame(const manifests::BundlePatch& patch, const Error& error) const {
  if (error.code != Code::kPatch && error.code != Code::kIo) return error;
  if (const auto good = base_->prove(patch.from); !good) return good.error();
  return {error.code, in_quotes(patch.path()) + ": " + error.context};
}

Result<void> PatchIntake::take(archive::ArchiveReader& reader, const archive::Member& member, BlobOut& out, const std::function<void()>& progress) {
  const std::size_t index = index_of(member);
  const manifests::BundlePatch& patch = patches_[index];
  Target& target = targets_[index];
  if (target.wanted) document_bytes_ += target.size;
  if (document_bytes_ > limits_.manifest_bytes)
    return fail(Code::kArchiveLimit, in_quotes(member.path) + ": the documents that patches make are over limit manifestBytes " + std::to_string(limits_.manifest_bytes));
  std::unique_ptr<Maker> maker;
  if (base_ != nullptr)
    maker = TRY(Maker::open(patch, target.size, *base_, out, pool_, target.wanted ? &documents_[patch.sha256] : nullptr));
  Sha256 hasher;
  // An error of the patch waits until all of it has been hashed: if these are not the signed bytes, that is the reason.
  Result<void> made;
  for (std::uint64_t left = member.size; left > 0;) {
    const archive::Chunk chunk = TRY(reader.read());
    left -= chunk.bytes.size();
    hasher.update(chunk.bytes);
    if (maker && made) made = maker->write(chunk.bytes);
    if (!made && made.error().code != Code::kPatch) return fail(blame(patch, made.error()));
    progress();
  }
  if (const Digest actual = hasher.finish(); actual != patch.patch_sha256)
    return fail(Code::kMemberDigest, in_quotes(member.path) + ", offset " + std::to_string(member.tar_offset) + ": sha256 " + actual.hex() +
                                         ", signed " + patch.patch_sha256.hex());
  if (maker && made) made = maker->finish();
  if (!made) return fail(blame(patch, made.error()));
  target.taken = true;
  return {};
}

Result<void> PatchIntake::missing() const {
  const auto none = std::ranges::find(targets_, false, &Target::taken);
  if (none == targets_.end()) return {};
  const auto count = std::ranges::count(targets_, false, &Target::taken);
  return fail(Code::kMemberMissing, in_quotes(patches_[static_cast<std::size_t>(none - targets_.begin())].path()) +
                                        (count > 1 ? " and " + std::to_string(count - 1) + " more patches" : ""));
}

bool PatchIntake::makes(const manifests::BundleEntry& entry) const {
  const auto at = std::ranges::lower_bound(patches_, entry.sha256, {}, &manifests::BundlePatch::sha256);
  return at != patches_.end() && at->sha256 == entry.sha256 && targets_[static_cast<std::size_t>(at - patches_.begin())].size == entry.size;
}

const std::string* PatchIntake::document(const Digest& sha256) const {
  const auto at = documents_.find(sha256);
  return at == documents_.end() ? nullptr : &at->second;
}

}  // namespace airlock::bundle
