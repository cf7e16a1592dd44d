// base/limits: every default cap of airlock on outside input, in one place (bundle format page, "Limits").
#pragma once

#include <cstddef>
#include <cstdint>

namespace airlock {

inline constexpr std::uint64_t kKiB = 1ULL << 10, kMiB = 1ULL << 20, kGiB = 1ULL << 30;

struct Limits {
  std::uint64_t bundle_bytes = 16 * kGiB;        // compressed file
  std::uint64_t member_bytes = 8 * kGiB;         // one member, unpacked
  std::uint64_t members = 1'000'000;
  std::size_t path_bytes = 1024;
  std::size_t path_component_bytes = 255;
  std::size_t path_depth = 32;
  std::uint64_t pax_header_bytes = 64 * kKiB;
  std::uint64_t zstd_window_bytes = 128 * kMiB;
  std::uint64_t expansion_ratio = 200;           // unpacked : packed, overall, once 1 MiB has been unpacked
  std::uint64_t manifest_bytes = 64 * kMiB;
  std::uint64_t metadata_bytes = 8 * kMiB;       // TUF metadata, DAG specs, plugin descriptors, keys
  std::size_t json_depth = 64;
  std::size_t signatures = 64;                   // in one envelope
};

}  // namespace airlock
