// verify/time/roughtime_wire: Roughtime messages as bytes (draft-ietf-ntp-roughtime section 4; Google's original has
// the same messages without the frame).
//
//   message  u32 N, N-1 u32 offsets, N tags of four bytes, values; little endian. Value i begins at offset i (0 for the
//            first) after the tags. Offsets are multiples of 4 and do not fall; tags rise strictly as little-endian numbers.
//   frame    "ROUGHTIM", u32 length of the message, message; nothing behind it.
// Everything here is a view of bytes that others own. Errors: kTimeMalformed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace airlock::verify {

// A tag is its four characters as they lie on the wire; short names are padded with NUL ("SIG\0").
class RoughtimeTag {
 public:
  constexpr explicit RoughtimeTag(std::string_view name) {
    for (std::size_t i = 0; i < 4; ++i)
      number_ |= static_cast<std::uint32_t>(i < name.size() ? static_cast<unsigned char>(name[i]) : 0U) << (8 * i);
  }
  friend constexpr auto operator<=>(RoughtimeTag, RoughtimeTag) = default;

 private:
  std::uint32_t number_ = 0;
};

class RoughtimeMessage {
 public:
  // `bytes` must outlive the message. At most 64 tags: no message of any version has more than ten.
  static Result<RoughtimeMessage> parse(std::string_view bytes);

  std::optional<std::string_view> find(RoughtimeTag tag) const;
  // The value of `name`, which must be there with exactly `size` bytes.
  Result<std::string_view> value(std::string_view name, std::size_t size) const;
  Result<std::uint32_t> u32(std::string_view name) const;
  Result<std::uint64_t> u64(std::string_view name) const;
  Result<RoughtimeMessage> nested(std::string_view name) const;

 private:
  std::vector<std::pair<RoughtimeTag, std::string_view>> values_;  // sorted by tag
};

// Whether the datagram has a frame, as the IETF versions demand, and the message in it.
struct RoughtimePacket {
  bool framed = false;
  RoughtimeMessage message;
};
Result<RoughtimePacket> parse_roughtime_packet(std::string_view datagram);

std::uint32_t little_u32(std::string_view four_bytes);
std::uint64_t little_u64(std::string_view eight_bytes);

}  // namespace airlock::verify
