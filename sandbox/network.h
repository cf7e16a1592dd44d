// sandbox/network: where a step may connect to, and what is recorded of its attempts. Values and decisions only; the calls
// themselves are answered by sandbox/broker.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/json.h"

namespace airlock::sandbox {

// One endpoint that a step may reach over TCP. All that could say no (DAG, plugin, site, sealed mode) has spoken before.
struct NetworkGrant {
  IpAddress address;
  std::uint16_t port = 0;
  std::string name{};  // what the step calls the address: stands in its /etc/hosts; empty: it knows the address
  friend auto operator<=>(const NetworkGrant&, const NetworkGrant&) = default;
};

// What a sockaddr of a step says. Hostile bytes.
struct Target {
  enum class Kind { kInternet, kUnspecified, kLocal, kOther };
  Kind kind = Kind::kOther;
  unsigned family = 0;
  IpAddress address{};  // kInternet
  std::uint16_t port = 0;
};
// Nothing when the bytes are too few for their family (EINVAL to the kernel). IPv4 in IPv6 clothes is IPv4.
std::optional<Target> read_target(std::span<const std::uint8_t> sockaddr);

bool is_granted(const std::vector<NetworkGrant>& grants, const Target& target);

// One thing a step tried, and how often.
struct NetworkDecision {
  std::string call;      // "connect", "sendto", "sendmsg", "sendmmsg"
  std::string protocol;  // "tcp", "udp", "other"
  std::string address;   // "10.2.0.5"; "family 16" of an address that is none of the internet's
  std::uint16_t port = 0;
  bool granted = false;
  friend auto operator<=>(const NetworkDecision&, const NetworkDecision&) = default;
};

// Every attempt is counted; the first kMostDecisions that differ are kept by name, so that a step that tries every
// address there is fills nobody's disk.
class DecisionLog {
 public:
  static constexpr std::size_t kMostDecisions = 256;
  void add(NetworkDecision decision);
  const std::vector<std::pair<NetworkDecision, std::uint64_t>>& decisions() const { return decisions_; }  // in order of the first attempt
  std::uint64_t others() const { return others_; }                                                        // attempts beyond those

 private:
  std::vector<std::pair<NetworkDecision, std::uint64_t>> decisions_;
  std::map<NetworkDecision, std::size_t> index_;
  std::uint64_t others_ = 0;
};

// {"call", "protocol", "address", "port", "verdict": "granted" | "refused", "count"}
Json decision_json(const NetworkDecision& decision, std::uint64_t count);

// /etc/hosts of a step: its names, and nothing else.
std::string hosts_file(const std::vector<NetworkGrant>& grants);

}  // namespace airlock::sandbox
