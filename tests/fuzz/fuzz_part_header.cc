// A part header that parses has exactly one spelling, and says where its slice lies in the bundle without overflow.
#include "fuzz.h"
#include "manifests/bundle_part.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A fuzzer cannot guess 4096 bytes of blanks: what is shorter is padded here, so that it looks for lines.
  std::string block(fuzz::text(data, size));
  if (block.size() < manifests::kPartHeaderBytes) {
    block += '\n';
    block.resize(manifests::kPartHeaderBytes - 1, ' ');
    block.resize(manifests::kPartHeaderBytes, '\n');
  }
  const auto header = manifests::parse_part_header(block, ~std::uint64_t{0});
  if (!header) return 0;
  fuzz::require(manifests::write_part_header(*header) == block);
  fuzz::require(header->bytes >= 1 && header->bytes <= header->bundle_bytes && header->offset <= header->bundle_bytes - header->bytes);
  fuzz::require(manifests::make_part_header(header->bundle, header->slice, header->bundle_bytes, header->slice_bytes(), header->part) == *header);
  return 0;
}
