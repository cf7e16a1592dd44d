// manifests/bundle_part: what stands before the bytes in one part of a split bundle (formats page, "Parts").
//
// A part file is a header of 4096 bytes and a slice of the bundle file. The header is one line of canonical JSON
//   {"airlockPart": 1, "bundleBytes", "bundleSha256", "bytes", "offset", "part", "parts", "sha256"}
// and a line feed, then blanks up to byte 4095, then a line feed. Sizes in bytes; `part` counts from 1; all slices are
// as large as the first but the last, which may be smaller.
//
// The header is not signed by anybody. It finds damage and never malice: what the joined file is, its own signature says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace airlock::manifests {

inline constexpr std::size_t kPartHeaderBytes = 4096;
inline constexpr std::uint64_t kMaxParts = 9999;
inline constexpr std::string_view kPartMagic = "{\"airlockPart\":";  // how every part begins, and no bundle does

struct PartHeader {
  Digest bundle;  // SHA-256 of the whole bundle file
  Digest slice;   // of the bytes behind this header
  std::uint64_t bundle_bytes = 0;
  std::uint64_t part = 0, parts = 0;     // 1 <= part <= parts <= kMaxParts
  std::uint64_t offset = 0, bytes = 0;   // of the slice in the bundle file

  std::uint64_t slice_bytes() const;     // of every slice but the last
  friend bool operator==(const PartHeader&, const PartHeader&) = default;
};

// The header of part `number` when a file of `bundle_bytes` is cut into slices of `slice_bytes`; both at least 1,
// 1 <= number <= number_of_parts().
PartHeader make_part_header(const Digest& bundle, const Digest& slice, std::uint64_t bundle_bytes, std::uint64_t slice_bytes,
                            std::uint64_t number);
std::uint64_t number_of_parts(std::uint64_t bundle_bytes, std::uint64_t slice_bytes);

// Exactly kPartHeaderBytes. Takes one spelling alone: what parses is written back as it was. kPart with what is wrong;
// kArchiveLimit when the bundle would be over `max_bundle_bytes`.
Result<PartHeader> parse_part_header(std::string_view block, std::uint64_t max_bundle_bytes);
std::string write_part_header(const PartHeader& header);

}  // namespace airlock::manifests
