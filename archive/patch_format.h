// archive/patch_format: the header of a pair, for the writer and the reader of patches (patch.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/patch_index.h"

namespace airlock::archive {

inline constexpr std::size_t kPairHeaderBytes = 24;
inline constexpr int kPatchWindowLog = 25;  // 32 MiB: a region and a piece

struct PairHeader {
  Region region;
  std::uint64_t frame_bytes = 0;
};

std::string encode_pair_header(const PairHeader& header);
// Exactly kPairHeaderBytes; nothing when it is no such header. Numbers are not judged.
std::optional<PairHeader> decode_pair_header(std::string_view bytes);

}  // namespace airlock::archive
