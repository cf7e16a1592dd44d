#include "archive/patch_format.h"

namespace airlock::archive {
namespace {

constexpr std::uint32_t kMagic = 0x184D2A5A, kPayloadBytes = 16;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t get(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

std::string encode_pair_header(const PairHeader& header) {
  std::string out;
  put(out, kMagic, 4);
  put(out, kPayloadBytes, 4);
  put(out, header.region.offset, 8);
  put(out, header.region.length, 4);
  put(out, header.frame_bytes, 4);
  return out;
}

std::optional<PairHeader> decode_pair_header(std::string_view bytes) {
  if (bytes.size() != kPairHeaderBytes || get(bytes.substr(0, 4)) != kMagic || get(bytes.substr(4, 4)) != kPayloadBytes) return std::nullopt;
  return PairHeader{{get(bytes.substr(8, 8)), get(bytes.substr(16, 4))}, get(bytes.substr(20, 4))};
}

}  // namespace airlock::archive
