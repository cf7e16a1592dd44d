#include "verify/time/roughtime_wire.h"

#include <algorithm>
#include <string>

namespace airlock::verify {
namespace {

constexpr std::string_view kFrameMark = "ROUGHTIM";
constexpr std::size_t kMaxTags = 64;
constexpr std::size_t kWord = 4;

std::unexpected<Error> malformed(std::string what) {
  return fail(Code::kTimeMalformed, "Roughtime message: " + std::move(what));
}

}  // namespace

std::uint32_t little_u32(std::string_view four_bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kWord; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(four_bytes[i])) << (8 * i);
  return value;
}

std::uint64_t little_u64(std::string_view eight_bytes) {
  return little_u32(eight_bytes) | static_cast<std::uint64_t>(little_u32(eight_bytes.substr(kWord))) << 32;
}

Result<RoughtimeMessage> RoughtimeMessage::parse(std::string_view bytes) {
  if (bytes.size() < kWord || bytes.size() % kWord != 0) return malformed("its length is not a multiple of four");
  const std::size_t count = little_u32(bytes);
  if (count == 0 || count > kMaxTags) return malformed(std::to_string(count) + " tags");
  const std::size_t header = 2 * kWord * count;
  if (bytes.size() < header) return malformed("it ends within its header");

  const std::string_view offsets = bytes.substr(kWord, kWord * (count - 1));
  const std::string_view tags = bytes.substr(kWord * count, kWord * count);
  const std::string_view values = bytes.substr(header);
  RoughtimeMessage message;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 == count ? values.size() : little_u32(offsets.substr(kWord * i));
    if (end < begin || end > values.size() || end % kWord != 0) return malformed("an offset points astray");
    const RoughtimeTag tag(tags.substr(kWord * i, kWord));
    if (i > 0 && tag <= message.values_.back().first) return malformed("its tags do not rise");
    message.values_.emplace_back(tag, values.substr(begin, end - begin));
    begin = end;
  }
  return message;
}

std::optional<std::string_view> RoughtimeMessage::find(RoughtimeTag tag) const {
  const auto at = std::ranges::lower_bound(values_, tag, {}, &std::pair<RoughtimeTag, std::string_view>::first);
  if (at == values_.end() || at->first != tag) return std::nullopt;
  return at->second;
}

Result<std::string_view> RoughtimeMessage::value(std::string_view name, std::size_t size) const {
  const auto found = find(RoughtimeTag(name));
  if (!found) return malformed("no " + std::string(name));
  if (found->size() != size)
    return malformed(std::string(name) + " of " + std::to_string(found->size()) + " bytes, expected " + std::to_string(size));
  return *found;
}

Result<std::uint32_t> RoughtimeMessage::u32(std::string_view name) const {
  return little_u32(TRY(value(name, sizeof(std::uint32_t))));
}

Result<std::uint64_t> RoughtimeMessage::u64(std::string_view name) const {
  return little_u64(TRY(value(name, sizeof(std::uint64_t))));
}

Result<RoughtimeMessage> RoughtimeMessage::nested(std::string_view name) const {
  const auto found = find(RoughtimeTag(name));
  if (!found) return malformed("no " + std::string(name));
  return parse(*found);
}

Result<RoughtimePacket> parse_roughtime_packet(std::string_view datagram) {
  if (!datagram.starts_with(kFrameMark)) {
    auto message = TRY(RoughtimeMessage::parse(datagram));
    return RoughtimePacket{false, std::move(message)};
  }
  const std::string_view rest = datagram.substr(kFrameMark.size());
  if (rest.size() < kWord || rest.size() - kWord != little_u32(rest)) return malformed("its frame has another length");
  auto message = TRY(RoughtimeMessage::parse(rest.substr(kWord)));
  return RoughtimePacket{true, std::move(message)};
}

}  // namespace airlock::verify
