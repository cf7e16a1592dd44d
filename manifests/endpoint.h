// manifests/endpoint: where a step may connect to: what DAGs and plugins declare, and what a site allows.
//
// A declaration is tcp:HOST:PORT; HOST is an IPv4 address, an IPv6 address in brackets, or a DNS name. A site's rule is the
// same, or a range of addresses (tcp:10.2.0.0/16:443), or a name with the one address that it means here
// (tcp:mirror.site:443=10.2.0.5): inside the gap nobody is asked what a name means. What is malformed is refused, never
// read as something wider: an octet of 999, port 65536, a prefix of 33 bits, bits set behind the prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"

namespace airlock::manifests {

class Endpoint {
 public:
  // kSpecInvalid, with `path` as the field.
  static Result<Endpoint> parse(std::string_view text, const std::string& path);

  const std::optional<IpAddress>& address() const { return address_; }  // none: the host is a name
  const std::string& name() const { return name_; }                   // in lower case; empty: the host is an address
  std::uint16_t port() const { return port_; }
  std::string text() const;  // the one spelling: "tcp:[fd00::5]:443"
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

 private:
  friend class AllowRule;
  std::optional<IpAddress> address_;
  std::string name_;
  std::uint16_t port_ = 0;
};

class AllowRule {
 public:
  static Result<AllowRule> parse(std::string_view text, const std::string& path);  // kField

  // The address to connect to when this rule allows the endpoint; nothing when it does not.
  std::optional<IpAddress> allows(const Endpoint& endpoint) const;

 private:
  Endpoint endpoint_;
  unsigned bits_ = 128;             // of the address that count
  std::optional<IpAddress> meaning_;  // of a name
};

}  // namespace airlock::manifests
