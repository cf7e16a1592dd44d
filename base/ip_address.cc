#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace airlock {
namespace {

constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::v4(const std::uint8_t (&octets)[4]) {
  IpAddress out;
  std::ranges::copy(kMapped, out.bytes.begin());
  std::ranges::copy(octets, out.bytes.begin() + sizeof kMapped);
  return out;
}

bool IpAddress::is_v4() const { return std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0; }

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN]{};
  if (is_v4()) ::inet_ntop(AF_INET, bytes.data() + sizeof kMapped, out, sizeof out);
  else ::inet_ntop(AF_INET6, bytes.data(), out, sizeof out);
  return out;
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  return "tcp:" + (address.is_v4() ? address.text() : "[" + address.text() + "]") + ":" + std::to_string(port);
}

}  // namespace airlock
