#include "bundle/split.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/digest.h"
#include "base/io.h"
#include "base/limits.h"
#include "bundle/output_file.h"
#include "bundle/part_file.h"

namespace airlock::bundle {
namespace {

using manifests::kPartHeaderBytes;
using manifests::make_part_header;
using manifests::number_of_parts;
using manifests::PartHeader;

struct Source {
  const SplitRequest& request;
  UniqueFd file;
  std::uint64_t bytes = 0, slice_bytes = 0;
  std::uint64_t done = 0;  // of 2 * bytes
  std::string buffer = std::string(kMiB, '\0');

  std::uint64_t parts() const { return number_of_parts(bytes, slice_bytes); }
  std::string name() const { return request.path.substr(request.path.rfind('/') + 1); }
  std::string part_path(std::uint64_t number) const { return request.folder + "/" + part_name(name(), number, parts()); }
};

std::unexpected<Error> changed(const Source& source) { return fail(Code::kIo, source.request.path + " changed while it was split"); }

// Reads slice `number` piece by piece.
template <class Take>
Result<void> read_slice(Source& source, std::uint64_t number, Take&& take) {
  const std::uint64_t begin = (number - 1) * source.slice_bytes, end = std::min(begin + source.slice_bytes, source.bytes);
  for (std::uint64_t at = begin; at < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(source.buffer.size(), end - at));
    const ssize_t n = ::pread(source.file.get(), source.buffer.data(), size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", source.request.path);
    if (n == 0) return changed(source);
    at += static_cast<std::uint64_t>(n);
    source.done += static_cast<std::uint64_t>(n);
    TRY(take(std::string_view(source.buffer).substr(0, static_cast<std::size_t>(n))));
    if (source.request.progress) source.request.progress(source.done, 2 * source.bytes);
  }
  return {};
}

// A pattern such as NAME.part* would join what does not belong together.
Result<void> refuse_other_parts(const Source& source) {
  const std::string own = part_name(source.name(), 1, source.parts());
  const std::string suffix = own.substr(own.rfind("-of-"));
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(source.request.folder, ec)) {
    const std::string found = entry.path().filename().string();
    if (found.starts_with(source.name() + ".part") && !found.ends_with(suffix) && is_part(entry.path().string()))
      return fail(Code::kAlreadyExists, entry.path().string() + " is a part of another size");
  }
  if (ec) return fail(os_error("list", source.request.folder, ec.value()));
  return {};
}

Result<Source> open_source(const SplitRequest& request) {
  if (request.part_bytes < kMinPartBytes) return fail(Code::kUsage, "a part needs at least " + std::to_string(kMinPartBytes) + " bytes");
  if (is_part(request.path)) return fail(Code::kUsage, request.path + " is a part of a bundle itself");
  Source source{.request = request, .file = {}};
  source.file = TRY(open_read(request.path));
  struct stat st{};
  if (::fstat(source.file.get(), &st) != 0) return os_fail("fstat", request.path);
  source.bytes = static_cast<std::uint64_t>(st.st_size);
  source.slice_bytes = request.part_bytes - kPartHeaderBytes;
  if (source.bytes == 0) return fail(Code::kUsage, request.path + " is empty");
  if (source.parts() > manifests::kMaxParts)
    return fail(Code::kUsage, request.path + " makes " + std::to_string(source.parts()) + " parts of " + std::to_string(request.part_bytes) +
                                  " bytes, at most " + std::to_string(manifests::kMaxParts) + " are possible");
  return source;
}

// The headers of all parts: the whole file and each slice are hashed in one pass.
Result<std::vector<PartHeader>> plan_parts(Source& source) {
  Sha256 whole;
  std::vector<Digest> slices;
  for (std::uint64_t number = 1; number <= source.parts(); ++number) {
    Sha256 slice;
    TRY(read_slice(source, number, [&](std::string_view bytes) -> Result<void> {
      whole.update(bytes);
      slice.update(bytes);
      return {};
    }));
    slices.push_back(slice.finish());
  }
  const Digest bundle = whole.finish();
  std::vector<PartHeader> headers;
  for (const Digest& slice : slices) headers.push_back(make_part_header(bundle, slice, source.bytes, source.slice_bytes, headers.size() + 1));
  return headers;
}

Result<SplitPart> write_part(Source& source, const PartHeader& header) {
  const std::string path = source.part_path(header.part);
  OutputFile out = TRY(OutputFile::open(path));
  TRY(out.write(write_part_header(header)));
  Sha256 slice;
  TRY(read_slice(source, header.part, [&](std::string_view bytes) -> Result<void> {
    slice.update(bytes);
    return out.write(bytes);
  }));
  if (slice.finish() != header.slice) return changed(source);
  const Digest file_sha256 = TRY(out.publish());
  return SplitPart{path, header, file_sha256};
}

}  // namespace

Result<std::vector<SplitPart>> split_bundle(const SplitRequest& request) {
  Source source = TRY(open_source(request));
  TRY(make_dirs(request.folder));
  TRY(refuse_other_parts(source));
  std::vector<SplitPart> parts;
  for (const PartHeader& header : TRY(plan_parts(source))) parts.push_back(TRY(write_part(source, header)));
  return parts;
}

}  // namespace airlock::bundle
