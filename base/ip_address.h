// base/ip_address: an address of the internet protocols, version 4 or 6, in one form.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace airlock {

// 16 bytes in network order; an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that both spellings are one value.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  static IpAddress v4(const std::uint8_t (&octets)[4]);
  bool is_v4() const;
  std::string text() const;  // "10.2.0.5", "fd00::5" (RFC 5952)
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// "tcp:10.2.0.5:443", "tcp:[fd00::5]:443"
std::string endpoint_text(const IpAddress& address, std::uint16_t port);

}  // namespace airlock
