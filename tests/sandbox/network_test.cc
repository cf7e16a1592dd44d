// What a step's sockaddr says, what was granted, and what is kept of what was tried.
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "sandbox/network.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

template <class Sockaddr>
std::vector<std::uint8_t> bytes_of(const Sockaddr& address) {
  std::vector<std::uint8_t> out(sizeof address);
  std::memcpy(out.data(), &address, sizeof address);
  return out;
}

std::vector<std::uint8_t> v4(std::uint32_t address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address);
  return bytes_of(out);
}

std::vector<std::uint8_t> v6(std::initializer_list<std::pair<std::size_t, std::uint8_t>> octets, std::uint16_t port) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  out.sin6_flowinfo = 7;
  out.sin6_scope_id = 3;
  for (const auto& [at, octet] : octets) out.sin6_addr.s6_addr[at] = octet;
  return bytes_of(out);
}

std::string seen(std::span<const std::uint8_t> bytes) {
  const auto target = read_target(bytes);
  if (!target) return "invalid";
  switch (target->kind) {
    case Target::Kind::kInternet: return target->address.text() + " " + std::to_string(target->port);
    case Target::Kind::kUnspecified: return "unspecified";
    case Target::Kind::kLocal: return "local";
    case Target::Kind::kOther: return "family " + std::to_string(target->family);
  }
  return "";
}

}  // namespace

TEST_CASE("an address is read in every spelling, and IPv4 in IPv6 clothes is IPv4") {
  CHECK(seen(v4(0x0a020005, 443)) == "10.2.0.5 443");
  CHECK(seen(v6({{0, 0xfd}, {15, 5}}, 443)) == "fd00::5 443");
  CHECK(seen(v6({{10, 0xff}, {11, 0xff}, {12, 10}, {13, 2}, {15, 5}}, 8443)) == "10.2.0.5 8443");
  CHECK(seen(v6({{12, 10}, {13, 2}, {15, 5}}, 1)) == "::10.2.0.5 1");  // an old form: another address
  auto longer = v4(0x7f000001, 1);
  longer.resize(128, 0xff);
  CHECK(seen(longer) == "127.0.0.1 1");
}

TEST_CASE("every cut of an address is invalid, or what the kernel takes it for") {
  const auto four = v4(0x0a020005, 443), six = v6({{0, 0xfd}}, 443);
  for (std::size_t size = 0; size < four.size(); ++size) CHECK(seen(std::span(four).first(size)) == "invalid");
  for (std::size_t size = 0; size < 24; ++size) CHECK(seen(std::span(six).first(size)) == "invalid");
  CHECK(seen(std::span(six).first(24)) == "fd00:: 443");
}

TEST_CASE("what is no address of the internet is told apart") {
  const auto family = [](std::uint16_t value) {
    std::vector<std::uint8_t> out(16);
    std::memcpy(out.data(), &value, sizeof value);
    return out;
  };
  CHECK(seen(family(AF_UNSPEC)) == "unspecified");
  CHECK(seen(family(AF_UNIX)) == "local");
  CHECK(seen(family(AF_NETLINK)) == "family 16");
  CHECK(seen(family(0xffff)) == "family 65535");
}

TEST_CASE("granted is the same address and the same port") {
  const std::vector<NetworkGrant> grants = {{IpAddress::v4({10, 2, 0, 5}), 443, "mirror.site"}, {IpAddress::v4({10, 2, 0, 6}), 80}};
  const auto granted = [&](const std::vector<std::uint8_t>& address) { return is_granted(grants, *read_target(address)); };
  CHECK(granted(v4(0x0a020005, 443)));
  CHECK(granted(v6({{10, 0xff}, {11, 0xff}, {12, 10}, {13, 2}, {15, 5}}, 443)));
  CHECK_FALSE(granted(v4(0x0a020005, 80)));
  CHECK_FALSE(granted(v4(0x0a020006, 443)));
  CHECK_FALSE(granted(v4(0x0a020007, 443)));
  CHECK_FALSE(granted(v4(0, 443)));
  CHECK_FALSE(granted(v6({{12, 10}, {13, 2}, {15, 5}}, 443)));
  CHECK_FALSE(granted(bytes_of(sockaddr{})));
  CHECK_FALSE(is_granted({}, *read_target(v4(0x0a020005, 443))));
}

TEST_CASE("attempts are counted by what they were, and the record is bounded") {
  DecisionLog log;
  const NetworkDecision granted{"connect", "tcp", "10.2.0.5", 443, true};
  NetworkDecision refused{"connect", "tcp", "10.2.0.5", 443, false};
  for (int i = 0; i < 3; ++i) log.add(granted);
  log.add(refused);
  log.add(granted);
  REQUIRE(log.decisions().size() == 2);
  CHECK(decision_json(log.decisions()[0].first, log.decisions()[0].second) ==
        Json{{"call", "connect"}, {"protocol", "tcp"}, {"address", "10.2.0.5"}, {"port", 443}, {"verdict", "granted"}, {"count", 4}});
  CHECK(decision_json(log.decisions()[1].first, log.decisions()[1].second)["verdict"] == "refused");
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    refused.port = port;
    log.add(refused);
  }
  CHECK(log.decisions().size() == DecisionLog::kMostDecisions);
  std::uint64_t all = log.others();
  for (const auto& [decision, count] : log.decisions()) all += count;
  CHECK(all == 1005);
}

TEST_CASE("a step finds the names it was granted, and no others") {
  CHECK(hosts_file({{IpAddress::v4({10, 2, 0, 5}), 443, "mirror.site"}, {IpAddress::v4({10, 2, 0, 5}), 80, "mirror.site"}, {IpAddress::v4({10, 2, 0, 6}), 80}}) ==
        "10.2.0.5 mirror.site\n");
  CHECK(hosts_file({}).empty());
}
