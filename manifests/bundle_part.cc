#include "manifests/bundle_part.h"

#include <algorithm>

#include "base/json.h"

namespace airlock::manifests {
namespace {

constexpr std::uint64_t kVersion = 1;

std::unexpected<Error> wrong(const std::string& why) { return fail(Code::kPart, "its header: " + why); }

Result<PartHeader> read_fields(std::string_view line) {
  const Json document = TRY(parse_json(line, "line 1", 4));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (const auto version = TRY(reader.uint("airlockPart")); version != kVersion)
    return fail(Code::kField, "airlockPart: expected 1, found " + std::to_string(version));
  const Digest bundle = TRY(reader.digest("bundleSha256"));
  const Digest slice = TRY(reader.digest("sha256"));
  PartHeader header{.bundle = bundle, .slice = slice};
  header.bundle_bytes = TRY(reader.uint("bundleBytes"));
  header.part = TRY(reader.uint("part"));
  header.parts = TRY(reader.uint("parts"));
  header.offset = TRY(reader.uint("offset"));
  header.bytes = TRY(reader.uint("bytes"));
  TRY(reader.finish());
  return header;
}

// That the numbers are those of one cutting of one file. Nothing overflows: what is multiplied has been found to lie
// inside the bundle.
Result<void> check_numbers(const PartHeader& h) {
  if (h.parts < 1 || h.parts > kMaxParts) return wrong("parts: expected 1 to " + std::to_string(kMaxParts));
  if (h.part < 1 || h.part > h.parts) return wrong("part: expected 1 to " + std::to_string(h.parts));
  if (h.bytes < 1 || h.bytes > h.bundle_bytes) return wrong("bytes: expected 1 to bundleBytes");
  const std::uint64_t slice = h.slice_bytes();
  if (slice < 1 || number_of_parts(h.bundle_bytes, slice) != h.parts) return wrong("the sizes do not make " + std::to_string(h.parts) + " parts");
  if (h != make_part_header(h.bundle, h.slice, h.bundle_bytes, slice, h.part)) return wrong("offset and bytes are not those of part " + std::to_string(h.part));
  return {};
}

}  // namespace

std::uint64_t PartHeader::slice_bytes() const { return part < parts || parts == 1 ? bytes : offset / (parts - 1); }

std::uint64_t number_of_parts(std::uint64_t bundle_bytes, std::uint64_t slice_bytes) { return (bundle_bytes - 1) / slice_bytes + 1; }

PartHeader make_part_header(const Digest& bundle, const Digest& slice, std::uint64_t bundle_bytes, std::uint64_t slice_bytes,
                            std::uint64_t number) {
  const std::uint64_t offset = (number - 1) * slice_bytes;
  return {.bundle = bundle,
          .slice = slice,
          .bundle_bytes = bundle_bytes,
          .part = number,
          .parts = number_of_parts(bundle_bytes, slice_bytes),
          .offset = offset,
          .bytes = std::min(slice_bytes, bundle_bytes - offset)};
}

Result<PartHeader> parse_part_header(std::string_view block, std::uint64_t max_bundle_bytes) {
  if (block.size() != kPartHeaderBytes) return wrong("expected " + std::to_string(kPartHeaderBytes) + " bytes, found " + std::to_string(block.size()));
  if (!block.starts_with(kPartMagic)) return wrong("this is no part of a bundle");
  const auto header = read_fields(block.substr(0, block.find('\n')));
  if (!header) return wrong(header.error().context);
  if (header->bundle_bytes > max_bundle_bytes)
    return fail(Code::kArchiveLimit, "a part of a bundle of " + std::to_string(header->bundle_bytes) + " bytes, limit bundleBytes " +
                                         std::to_string(max_bundle_bytes));
  TRY(check_numbers(*header));
  if (write_part_header(*header) != block) return wrong("not in canonical form");
  return *header;
}

std::string write_part_header(const PartHeader& header) {
  std::string block = canonical_json({{"airlockPart", kVersion},
                                      {"bundleBytes", header.bundle_bytes},
                                      {"bundleSha256", header.bundle.hex()},
                                      {"bytes", header.bytes},
                                      {"offset", header.offset},
                                      {"part", header.part},
                                      {"parts", header.parts},
                                      {"sha256", header.slice.hex()}}) +
                      "\n";
  block.resize(kPartHeaderBytes - 1, ' ');
  return block + "\n";
}

}  // namespace airlock::manifests
