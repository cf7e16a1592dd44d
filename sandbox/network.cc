#include "sandbox/network.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace airlock::sandbox {
namespace {

constexpr std::size_t kShortestV6 = 24;  // the kernel takes a sockaddr_in6 without its scope (SIN6_LEN_RFC2133)

std::uint16_t big_endian(std::span<const std::uint8_t> two) { return static_cast<std::uint16_t>(two[0] << 8 | two[1]); }

}  // namespace

std::optional<Target> read_target(std::span<const std::uint8_t> bytes) {
  Target out;
  std::uint16_t family = 0;
  if (bytes.size() < sizeof family) return std::nullopt;
  std::memcpy(&family, bytes.data(), sizeof family);
  out.family = family;
  switch (family) {
    case AF_UNSPEC: out.kind = Target::Kind::kUnspecified; return out;
    case AF_UNIX: out.kind = Target::Kind::kLocal; return out;
    case AF_INET: {
      if (bytes.size() < sizeof(sockaddr_in)) return std::nullopt;
      std::uint8_t octets[4];
      std::ranges::copy(bytes.subspan(offsetof(sockaddr_in, sin_addr), sizeof octets), octets);
      out.address = IpAddress::v4(octets);
      break;
    }
    case AF_INET6:
      if (bytes.size() < kShortestV6) return std::nullopt;
      std::ranges::copy(bytes.subspan(offsetof(sockaddr_in6, sin6_addr), out.address.bytes.size()), out.address.bytes.begin());
      break;
    default: return out;
  }
  out.kind = Target::Kind::kInternet;
  out.port = big_endian(bytes.subspan(offsetof(sockaddr_in, sin_port), 2));  // in both families at the same place
  return out;
}

bool is_granted(const std::vector<NetworkGrant>& grants, const Target& target) {
  return target.kind == Target::Kind::kInternet && std::ranges::any_of(grants, [&](const NetworkGrant& grant) {
           return grant.port == target.port && grant.address == target.address;
         });
}

void DecisionLog::add(NetworkDecision decision) {
  if (const auto known = index_.find(decision); known != index_.end()) {
    ++decisions_[known->second].second;
  } else if (decisions_.size() < kMostDecisions) {
    index_.emplace(decision, decisions_.size());
    decisions_.emplace_back(std::move(decision), 1);
  } else {
    ++others_;
  }
}

Json decision_json(const NetworkDecision& decision, std::uint64_t count) {
  return {{"call", decision.call}, {"protocol", decision.protocol}, {"address", decision.address}, {"port", decision.port},
          {"verdict", decision.granted ? "granted" : "refused"}, {"count", count}};
}

std::string hosts_file(const std::vector<NetworkGrant>& grants) {
  std::vector<std::string> lines;
  for (const NetworkGrant& grant : grants)
    if (!grant.name.empty()) lines.push_back(grant.address.text() + " " + grant.name + "\n");
  std::ranges::sort(lines);
  lines.erase(std::ranges::unique(lines).begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

}  // namespace airlock::sandbox
