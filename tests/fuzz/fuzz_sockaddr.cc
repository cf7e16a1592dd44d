// The addresses that a step with endpoints names: whatever its bytes say, only what was granted is granted.
#include <cstring>

#include "fuzz.h"
#include "sandbox/network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airlock;
  using namespace airlock::sandbox;
  const NetworkGrant grant{IpAddress::v4({10, 2, 0, 5}), 443, "mirror.site"};
  const auto target = read_target({data, size});
  if (!target) return 0;
  const bool granted = is_granted({grant}, *target);
  fuzz::require(granted == (target->kind == Target::Kind::kInternet && target->address.text() == "10.2.0.5" && target->port == 443));
  // The four octets stand in the address, in either family: no other bytes can mean it.
  static constexpr std::uint8_t kOctets[] = {10, 2, 0, 5};
  fuzz::require(!granted || ::memmem(data, size, kOctets, sizeof kOctets) != nullptr);
  return 0;
}
