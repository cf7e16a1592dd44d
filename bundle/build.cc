#include "bundle/build.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/archive.h"
#include "base/io.h"
#include "base/path.h"
#include "bundle/build_delta.h"
#include "bundle/build_plan.h"
#include "bundle/output_file.h"
#include "verify/dsse.h"

namespace airlock::bundle {
namespace {

class Packer {
 public:
  Packer(archive::ArchiveWriter& writer, const BuildRequest& request, std::uint64_t total)
      : writer_(writer), request_(request), total_(total) {}

  // What was made for this bundle and is signed by the digest that it had then.
  Result<void> add_patch(const PlannedPatch& patch, const archive::RandomBytes& bytes) {
    TRY(writer_.begin_member(patch.path, patch.bytes, false));
    for (std::uint64_t at = 0; at < patch.bytes;) {
      const std::span<char> part(buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), patch.bytes - at)));
      TRY(bytes.read(patch.offset + at, part));
      TRY(writer_.write({part.data(), part.size()}));
      TRY(advance(part.size()));
      at += part.size();
    }
    return {};
  }

  // Hashes again while packing: what goes into the archive is what the manifest, already signed, says.
  Result<void> add(const PlannedFile& file, const manifests::BundleEntry& entry) {
    if (file.source.empty()) {
      TRY(writer_.add(file.path, file.content, entry.executable));
      return advance(entry.size);
    }
    const UniqueFd in = TRY(open_read(file.source));
    TRY(writer_.begin_member(file.path, entry.size, entry.executable));
    Sha256 hasher;
    for (std::uint64_t left = entry.size; left > 0;) {
      const ssize_t n = ::read(in.get(), buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size())));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_fail("read", file.source);
      if (n == 0) return changed(file);
      const std::string_view bytes = std::string_view(buffer_).substr(0, static_cast<std::size_t>(n));
      hasher.update(bytes);
      TRY(writer_.write(bytes));
      left -= bytes.size();
      TRY(advance(bytes.size()));
    }
    struct stat st{};
    if (::fstat(in.get(), &st) != 0) return os_fail("fstat", file.source);
    if (static_cast<std::uint64_t>(st.st_size) != entry.size || hasher.finish() != entry.sha256) return changed(file);
    return {};
  }

 private:
  static std::unexpected<Error> changed(const PlannedFile& file) {
    return fail(Code::kMemberDigest, file.source + " changed while the bundle was built");
  }
  Result<void> advance(std::uint64_t bytes) {
    done_ += bytes;
    if (request_.progress) request_.progress(done_, total_);
    return {};
  }
  archive::ArchiveWriter& writer_;
  const BuildRequest& request_;
  std::uint64_t total_, done_ = 0;
  std::string buffer_ = std::string(256 * kKiB, '\0');
};

// What would be refused on import is not packed.
Result<SideFiles> side_files_for(const BuildPlan& plan, const std::string& statement, const BuildRequest& request) {
  SideFiles files = plan.side_files;
  if (request.side_files) {
    for (auto& [path, bytes] : TRY(request.side_files(plan.manifest, statement)))
      if (!files.emplace(path, std::move(bytes)).second) return fail(Code::kArchiveDuplicate, path + " is in the folder already");
  }
  for (const auto& [path, bytes] : files) {
    TRY(safe_path(path, request.limits));
    if (!may_be_unlisted(path)) return fail(Code::kManifestInvalid, "\"" + path + "\" cannot stand beside the manifest");
    if (bytes.size() > request.limits.metadata_bytes)
      return fail(Code::kArchiveLimit, path + ": " + std::to_string(bytes.size()) + " bytes, the limit is " + std::to_string(request.limits.metadata_bytes));
  }
  return files;
}

Result<void> pack(const BuildPlan& plan, const std::optional<DeltaPlan>& delta, const SideFiles& side_files, const std::string& envelope,
                  const BuildRequest& request, archive::ArchiveWriter& writer) {
  std::uint64_t total = delta ? delta->summary.patch_bytes : 0;
  for (const PlannedFile& file : plan.files) total += plan.manifest.find(file.path)->size;
  TRY(writer.add(manifests::kManifestPath, envelope));
  TRY(writer.begin_frame());  // the manifest can be read without decoding anything of the payload
  Packer packer(writer, request, total);
  auto side = side_files.begin();
  const auto add_side_files_before = [&](std::string_view path) -> Result<void> {
    for (; side != side_files.end() && in_order(side->first, path); ++side) TRY(writer.add(side->first, side->second));
    return {};
  };
  if (delta) {
    TRY(add_side_files_before(manifests::kPatchFolder));
    for (const PlannedPatch& patch : delta->patches) TRY(packer.add_patch(patch, delta->patch_bytes.bytes()));
  }
  for (const PlannedFile& file : plan.files) {
    TRY(add_side_files_before(file.path));
    TRY(packer.add(file, *plan.manifest.find(file.path)));
  }
  for (; side != side_files.end(); ++side) TRY(writer.add(side->first, side->second));
  return writer.finish();
}

// A bundle that its receiver must refuse is not one.
Result<void> check_limits(const archive::ArchiveWriter& writer, const Limits& limits) {
  if (writer.packed_bytes() > limits.bundle_bytes)
    return fail(Code::kArchiveLimit, "the bundle has " + std::to_string(writer.packed_bytes()) + " bytes, limit bundleBytes " + std::to_string(limits.bundle_bytes));
  if (writer.unpacked_bytes() > std::max(kMiB, limits.expansion_ratio * writer.packed_bytes()))
    return fail(Code::kArchiveBomb, std::to_string(writer.unpacked_bytes()) + " bytes become " + std::to_string(writer.packed_bytes()) +
                                        ", limit expansionRatio " + std::to_string(limits.expansion_ratio));
  return {};
}

}  // namespace

Result<Built> build_bundle(const BuildRequest& request) {
  if (request.signers.empty()) return fail(Code::kUsage, "a bundle needs at least one key to sign it");
  BuildPlan plan = TRY(plan_build(request));
  std::optional<DeltaPlan> delta;
  if (request.base) delta = TRY(plan_delta(request, plan));
  const std::string statement = TRY(manifests::write_bundle_statement(plan.manifest, request.limits));
  const SideFiles side_files = TRY(side_files_for(plan, statement, request));
  const std::string envelope = TRY(verify::sign_envelope(manifests::kStatementPayloadType, statement, request.signers));
  if (envelope.size() > request.limits.manifest_bytes)
    return fail(Code::kArchiveLimit, "a manifest of " + std::to_string(envelope.size()) + " bytes, limit manifestBytes " + std::to_string(request.limits.manifest_bytes));
  OutputFile output = TRY(OutputFile::open(request.output));
  archive::ArchiveWriter writer([&output](std::string_view bytes) { return output.write(bytes); }, {.level = request.zstd_level});
  TRY(pack(plan, delta, side_files, envelope, request, writer));
  TRY(check_limits(writer, request.limits));
  const Digest file = TRY(output.publish());
  Built built{plan.manifest.bundle_id.str(), plan.manifest.version.str(), plan.manifest.generation, plan.manifest.entries.size(),
              writer.unpacked_bytes(), writer.packed_bytes(), Digest::of(statement), file};
  if (delta) built.delta = std::move(delta->summary);
  return built;
}

}  // namespace airlock::bundle
