// zstd: frames through the general decoder (`expect`) and through the door of bundles (`strict`), which refuses frames that
// no bundle has and then whatever is not the one form of tar.
#include <sys/mman.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/decode.h"
#include "archive/zstd_stream.h"
#include "base/digest.h"
#include "base/io.h"
#include "scratch.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

using namespace archive;

Result<void> read_as_bundle(std::string_view packed) {
  const UniqueFd fd = TRY(memory_file(packed));
  ArchiveReader reader = TRY(ArchiveReader::open(fd.get()));
  while (TRY(reader.next())) {
  }
  return {};
}

// The frame rules of bundles alone, without the tar inside.
Result<void> read_as_bundle_frames(std::string_view packed) {
  const UniqueFd fd = TRY(memory_file(packed));
  const auto decoder = TRY(ZstdDecoder::open(fd.get(), packed.size(), Limits{}));
  while (!TRY(decoder->next()).bytes.empty()) {
  }
  return {};
}

}  // namespace

void run_zstd(const Case& c, Report& report) {
  const std::string packed = USE(c.file("frame"), report);
  DecodeLimits limits{.max_output = c.number("max_output").value_or(256 * kMiB)};
  Sha256 hash;
  std::uint64_t size = 0;
  const auto decode = [&]() -> Result<void> {
    const auto source = TRY(zstd_source(memory_source(packed), limits));
    for (;;) {
      const Chunk chunk = TRY(source->next());
      if (chunk.bytes.empty()) return {};
      hash.update(chunk.bytes);
      size += chunk.bytes.size();
    }
  };
  const auto got = decode();
  report.judge(c.expect(), got);
  if (got && c.expect() != Expect::kReject) {
    if (const auto want = c.number("size")) report.equal("size", *want, size);
    if (const auto want = c.text("sha256")) report.equal("sha256", *want, hash.finish().hex());
  }
  const auto bundle = read_as_bundle(packed);
  if (c.strict() == Expect::kReject) report.judge(Expect::kReject, bundle, "strict");
  if (c.strict() == Expect::kAccept) report.judge(Expect::kAccept, read_as_bundle_frames(packed), "strict");
  if (!got && bundle) report.differ("a refusal", "accept", "the door of bundles takes what the general decoder refuses");
}

}  // namespace airlock::conformance
