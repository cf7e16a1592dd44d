#include "bundle/sign.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/archive.h"
#include "base/io.h"
#include "bundle/output_file.h"
#include "manifests/bundle.h"
#include "verify/dsse.h"

namespace airlock::bundle {
namespace {

struct Opened {
  std::string envelope;
  std::uint64_t rest = 0;  // where in the file the frames behind the manifest begin
  bool empty = false;      // they hold no member: so it can be with a delta kit, of which members only went away or moved
};

Result<Opened> read_first_frames(int fd, const Limits& limits) {
  archive::ArchiveReader reader = TRY(archive::ArchiveReader::open(fd, {.limits = limits}));
  const auto first = TRY(reader.next());
  if (!first || first->path != manifests::kManifestPath) return fail(Code::kManifestFirst, first ? first->path : "no member");
  Opened out;
  out.envelope = TRY(reader.read_all(limits.manifest_bytes));
  const auto second = TRY(reader.next());
  out.empty = !second;
  if (!second) {
    if (!reader.end_frame_offset()) return fail(Code::kManifestInvalid, "its frame holds the end of the archive, too");
    out.rest = *reader.end_frame_offset();
    return out;
  }
  if (!second->starts_frame) return fail(Code::kManifestInvalid, "its frame holds \"" + second->path + "\", too");
  out.rest = second->frame_offset;
  return out;
}

Result<std::uint64_t> copy_rest(int fd, std::uint64_t from, const std::string& path, OutputFile& output) {
  std::string buffer(kMiB, '\0');
  std::uint64_t copied = 0;
  for (;;) {
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(from + copied));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) return copied;
    TRY(output.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(n))));
    copied += static_cast<std::uint64_t>(n);
  }
}

}  // namespace

Result<Signed> sign_bundle(const SignRequest& request) {
  const UniqueFd in = TRY(open_read(request.path));
  struct stat st{};
  if (::fstat(in.get(), &st) != 0) return os_fail("fstat", request.path);
  const Opened opened = TRY(read_first_frames(in.get(), request.limits));

  const auto before = TRY(verify::parse_envelope(opened.envelope, manifests::kManifestPath, request.limits));
  if (before.payload_type != manifests::kStatementPayloadType)
    return fail(Code::kDssePayloadType, "\"" + before.payload_type.substr(0, 200) + "\"");
  const auto manifest = TRY(manifests::parse_bundle_statement(before.payload, request.limits));
  if (opened.empty && !manifest.base) return fail(Code::kManifestInvalid, "a bundle without members");
  const std::string envelope = TRY(verify::add_signatures(opened.envelope, request.signers, manifests::kManifestPath, request.limits));
  // Read again before it replaces anything: over a limit, it would be a bundle that everybody refuses.
  const auto after = TRY(verify::parse_envelope(envelope, manifests::kManifestPath, request.limits));

  OutputFile output = TRY(OutputFile::open(request.path, st.st_mode & 0777));
  archive::ArchiveWriter writer([&output](std::string_view bytes) { return output.write(bytes); });
  TRY(writer.add(manifests::kManifestPath, envelope));
  TRY(writer.begin_frame());
  const std::uint64_t copied = TRY(copy_rest(in.get(), opened.rest, request.path, output));
  const Digest file = TRY(output.publish());
  return Signed{manifest.bundle_id.str(), manifest.version.str(), manifest.generation, Digest::of(before.payload),
                after.signatures.size(), copied, file};
}

}  // namespace airlock::bundle
