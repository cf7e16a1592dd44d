#include "manifests/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/path.h"

namespace airlock::manifests {
namespace {

constexpr unsigned kMappedBits = 96;  // of ::ffff:0:0/96

bool alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

// Decimal, without sign or leading zero.
std::optional<unsigned> number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  return value;
}

std::optional<IpAddress> parse_v4(const std::string& text) {
  std::uint8_t octets[4]{};
  if (::inet_pton(AF_INET, text.c_str(), octets) != 1) return std::nullopt;
  return IpAddress::v4(octets);
}

// An IPv4 address in IPv6 clothes is refused: one address has one spelling.
std::optional<IpAddress> parse_v6(const std::string& text) {
  IpAddress out;
  if (::inet_pton(AF_INET6, text.c_str(), out.bytes.data()) != 1 || out.is_v4()) return std::nullopt;
  return out;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  if (text.contains('\0')) return std::nullopt;  // the functions of the C library would stop there
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') return parse_v6(std::string(text.substr(1, text.size() - 2)));
  return parse_v4(std::string(text));
}

// RFC 1123, 2.1. The last label has a letter, so that no misspelt address is a name.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  bool letter = false;
  for (std::string_view rest = text;;) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::ranges::all_of(label, [](char c) { return alnum(c) || c == '-'; })) return false;
    letter = !std::ranges::all_of(label, digit);
    if (label.size() == rest.size()) return letter;
    rest.remove_prefix(label.size() + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct Parts {
  std::string_view host, port;
};

// "tcp:HOST:PORT"
std::optional<Parts> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (!text.starts_with("tcp:") || colon == std::string_view::npos || colon <= 4) return std::nullopt;
  return Parts{text.substr(4, colon - 4), text.substr(colon + 1)};
}

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

bool nothing_behind(const IpAddress& address, unsigned bits) {
  IpAddress cut = address;
  for (unsigned bit = bits; bit < 128; ++bit) cut.bytes[bit / 8] = static_cast<std::uint8_t>(cut.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  return cut == address;
}

bool is_unspecified(const IpAddress& address) {
  const auto begin = address.bytes.begin() + (address.is_v4() ? kMappedBits / 8 : 0);
  return std::all_of(begin, address.bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::string Endpoint::text() const {
  return address_ ? endpoint_text(*address_, port_) : "tcp:" + name_ + ":" + std::to_string(port_);
}

Result<Endpoint> Endpoint::parse(std::string_view text, const std::string& path) {
  Endpoint out;
  const auto parts = split(text);
  const auto port = parts ? number(parts->port, 65'535) : std::nullopt;
  if (parts) out.address_ = parse_address(parts->host);
  if (!port || *port == 0 || (!out.address_ && !is_name(parts->host)))
    return fail(Code::kSpecInvalid, path + ": \"" + printable(text.substr(0, 80)) + "\", expected tcp:HOST:PORT");
  if (!out.address_) out.name_ = lower(parts->host);
  out.port_ = static_cast<std::uint16_t>(*port);
  return out;
}

Result<AllowRule> AllowRule::parse(std::string_view text, const std::string& path) {
  const auto refuse = [&](const std::string& why) { return fail(Code::kField, path + ": \"" + printable(text.substr(0, 80)) + "\": " + why); };
  AllowRule out;
  const std::size_t pin = text.find('=');
  std::string endpoint(text.substr(0, pin));
  const std::size_t slash = endpoint.find('/'), colon = endpoint.rfind(':');
  std::optional<std::string> bits;
  if (slash != std::string::npos && colon != std::string::npos && slash < colon) {
    // The prefix stands behind an address, inside the brackets of one of version 6: tcp:[fd00::/8]:443.
    const std::size_t end = endpoint[colon - 1] == ']' ? colon - 1 : colon;
    bits = endpoint.substr(slash + 1, end - slash - 1);
    endpoint.erase(slash, end - slash);
  }
  auto parsed = Endpoint::parse(endpoint, path);
  if (!parsed) return refuse("expected tcp:HOST:PORT, tcp:ADDRESS/BITS:PORT or tcp:NAME:PORT=ADDRESS");
  out.endpoint_ = std::move(*parsed);
  if (bits) {
    if (!out.endpoint_.address()) return refuse("a name has no range");
    const unsigned base = out.endpoint_.address()->is_v4() ? kMappedBits : 0;
    const auto count = number(*bits, 128 - base);
    if (!count) return refuse("a range has 0 to " + std::to_string(128 - base) + " bits");
    out.bits_ = base + *count;
    if (!nothing_behind(*out.endpoint_.address(), out.bits_)) return refuse("the address has bits behind its range");
  }
  if (!out.endpoint_.address()) {
    if (pin == std::string_view::npos) return refuse("a name needs the address that it means here: tcp:NAME:PORT=ADDRESS");
    out.meaning_ = parse_address(text.substr(pin + 1));
    if (!out.meaning_ || is_unspecified(*out.meaning_)) return refuse("what follows the = is no address");
  } else if (pin != std::string_view::npos) {
    return refuse("an address needs no other");
  }
  return out;
}

std::optional<IpAddress> AllowRule::allows(const Endpoint& endpoint) const {
  if (endpoint.port() != endpoint_.port()) return std::nullopt;
  if (meaning_) return endpoint.name() == endpoint_.name() ? meaning_ : std::nullopt;
  if (!endpoint.address() || !same_prefix(*endpoint.address(), *endpoint_.address(), bits_)) return std::nullopt;
  // To the kernel "no address" (0.0.0.0, ::) is this very machine, which no range is meant to say.
  if (is_unspecified(*endpoint.address())) return std::nullopt;
  return endpoint.address();
}

}  // namespace airlock::manifests
