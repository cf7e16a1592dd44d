// Where steps may connect to: what is read, what is refused, and which rule allows what.
#include "manifests/endpoint.h"

#include <catch2/catch.hpp>

using namespace airlock;
using namespace airlock::manifests;

namespace {

std::string spelled(std::string_view text) {
  const auto endpoint = Endpoint::parse(text, "x");
  return endpoint ? endpoint->text() : std::string(code_info(endpoint.error().code).text);
}

std::string allowed(std::string_view rule, std::string_view endpoint) {
  const auto parsed = AllowRule::parse(rule, "x");
  REQUIRE(parsed.has_value());
  const auto address = parsed->allows(*Endpoint::parse(endpoint, "x"));
  return address ? address->text() : "no";
}

std::string refusal(std::string_view rule) {
  const auto parsed = AllowRule::parse(rule, "networkAllow");
  if (parsed) return "accepted";
  CHECK(parsed.error().code == Code::kField);
  return parsed.error().context;
}

}  // namespace

TEST_CASE("an endpoint has one spelling") {
  CHECK(spelled("tcp:10.2.0.5:443") == "tcp:10.2.0.5:443");
  CHECK(spelled("tcp:[FD00:0:0::5]:443") == "tcp:[fd00::5]:443");
  CHECK(spelled("tcp:Mirror.Site:8443") == "tcp:mirror.site:8443");
  CHECK(spelled("tcp:xn--bcher-kva.example:1") == "tcp:xn--bcher-kva.example:1");
  CHECK(spelled("tcp:3com.example:65535") == "tcp:3com.example:65535");
}

TEST_CASE("X8: what is no endpoint is refused, never read as something wider") {
  const std::string long_label(64, 'a');
  for (const std::string& text : {std::string("tcp:10.2.0.999:443"), std::string("tcp:10.2.0:443"), std::string("tcp:010.2.0.5:443"), std::string("tcp:10.2.0.5.6:443"),
                                  std::string("tcp:0x0a.2.0.5:443"), std::string("tcp:167903237:443"), std::string("tcp:10.2.0.5:65536"), std::string("tcp:10.2.0.5:0"),
                                  std::string("tcp:10.2.0.5:"), std::string("tcp:10.2.0.5:+443"), std::string("tcp:10.2.0.5:0443"), std::string("tcp:10.2.0.5: 443"),
                                  std::string("tcp:10.2.0.5"), std::string("tcp:10.2.0.0/16:443"), std::string("tcp:*:443"), std::string("tcp::443"), std::string(""),
                                  std::string("udp:10.2.0.5:53"), std::string("TCP:10.2.0.5:443"), std::string("tcp:fd00::5:443"), std::string("tcp:[fd00::5]"),
                                  std::string("tcp:[fd00::5%eth0]:443"), std::string("tcp:[::ffff:10.2.0.5]:443"), std::string("tcp:[10.2.0.5]:443"), std::string("tcp:[]:443"),
                                  std::string("tcp:-a.example:443"), std::string("tcp:a-.example:443"), std::string("tcp:a..example:443"), std::string("tcp:.example:443"),
                                  std::string("tcp:example.:443"), std::string("tcp:a_b:443"), "tcp:" + long_label + ".example:443", std::string("tcp:ex\0mple:443", 15),
                                  std::string("tcp:10.2.0.5\0.example:443", 25), std::string("tcp:[fd00::5\0]:443", 18)}) {
    INFO(text);
    CHECK(spelled(text) == "spec:invalid");
  }
}

TEST_CASE("X8: a rule that is not one is refused with the reason") {
  CHECK(refusal("tcp:10.2.0.0/33:443").contains("0 to 32 bits"));
  CHECK(refusal("tcp:10.2.0.0/:443").contains("0 to 32 bits"));
  CHECK(refusal("tcp:10.2.0.0/-1:443").contains("0 to 32 bits"));
  CHECK(refusal("tcp:[fd00::/129]:443").contains("0 to 128 bits"));
  CHECK(refusal("tcp:10.2.0.5/16:443").contains("bits behind its range"));
  CHECK(refusal("tcp:[fd00::1/8]:443").contains("bits behind its range"));
  CHECK(refusal("tcp:mirror.site:443").contains("a name needs the address"));
  CHECK(refusal("tcp:mirror.site:443=").contains("no address"));
  CHECK(refusal("tcp:mirror.site:443=10.2.0.999").contains("no address"));
  CHECK(refusal("tcp:mirror.site:443=other.site").contains("no address"));
  CHECK(refusal("tcp:mirror.site/8:443=10.2.0.5").contains("a name has no range"));
  CHECK(refusal("tcp:10.2.0.5:443=10.2.0.6").contains("needs no other"));
  for (const char* text : {"tcp:10.2.0.999:443", "tcp:10.2.0.5:65536", "tcp:*:443", "tcp:10.2.0.5", "", "/", "=", "tcp:/8:443", "tcp:10.2.0.0:443/8"}) {
    INFO(text);
    CHECK(refusal(text).contains("expected tcp:HOST:PORT"));
  }
}

TEST_CASE("X7: a rule allows its own host and port, and no other on the same port") {
  CHECK(allowed("tcp:10.2.0.5:443", "tcp:10.2.0.5:443") == "10.2.0.5");
  CHECK(allowed("tcp:10.2.0.5:443", "tcp:10.2.0.6:443") == "no");
  CHECK(allowed("tcp:10.2.0.5:443", "tcp:10.2.0.5:444") == "no");
  CHECK(allowed("tcp:[fd00::5]:443", "tcp:[fd00:0::5]:443") == "fd00::5");
  CHECK(allowed("tcp:[fd00::5]:443", "tcp:[fd00::6]:443") == "no");
}

TEST_CASE("a range allows what lies in it, of its own version of addresses") {
  CHECK(allowed("tcp:10.2.0.0/16:443", "tcp:10.2.255.255:443") == "10.2.255.255");
  CHECK(allowed("tcp:10.2.0.0/16:443", "tcp:10.3.0.0:443") == "no");
  CHECK(allowed("tcp:10.2.0.0/17:443", "tcp:10.2.127.255:443") == "10.2.127.255");
  CHECK(allowed("tcp:10.2.0.0/17:443", "tcp:10.2.128.0:443") == "no");
  CHECK(allowed("tcp:10.2.0.4/32:443", "tcp:10.2.0.5:443") == "no");
  CHECK(allowed("tcp:0.0.0.0/0:443", "tcp:192.0.2.1:443") == "192.0.2.1");
  CHECK(allowed("tcp:0.0.0.0/0:443", "tcp:[fd00::1]:443") == "no");
  CHECK(allowed("tcp:0.0.0.0/0:443", "tcp:0.0.0.0:443") == "no");  // to the kernel: this machine
  CHECK(allowed("tcp:[::/0]:443", "tcp:[::]:443") == "no");
  CHECK(allowed("tcp:[::/0]:443", "tcp:[::1]:443") == "::1");
  CHECK(allowed("tcp:[fd00::/8]:443", "tcp:[fdff::1]:443") == "fdff::1");
  CHECK(allowed("tcp:[fd00::/8]:443", "tcp:[fe00::1]:443") == "no");
  CHECK(allowed("tcp:0.0.0.0/0:443", "tcp:mirror.site:443") == "no");  // nobody knows what it means
}

TEST_CASE("a name is allowed by the rule that says what it means, in any case of letters") {
  CHECK(allowed("tcp:mirror.site:443=10.2.0.5", "tcp:MIRROR.site:443") == "10.2.0.5");
  CHECK(allowed("tcp:mirror.site:443=[fd00::5]", "tcp:mirror.site:443") == "fd00::5");
  CHECK(allowed("tcp:mirror.site:443=10.2.0.5", "tcp:other.site:443") == "no");
  CHECK(allowed("tcp:mirror.site:443=10.2.0.5", "tcp:10.2.0.5:443") == "no");  // the name is allowed, not the address
}
