#include <catch2/catch.hpp>

#include "base/trace_context.h"

using namespace airlock;

namespace {
const std::string kTrace = "12345678901234567890123456789012", kParent = "1234567890123456";
const std::string kGood = "00-" + kTrace + "-" + kParent + "-01";
}  // namespace

TEST_CASE("A traceparent is taken over or refused as W3C says") {
  const auto good = parse_traceparent(" \t" + kGood + " ");
  REQUIRE(good);
  CHECK(good->trace_id == kTrace);
  CHECK(good->parent_id == kParent);
  CHECK(good->sampled());
  CHECK(parse_traceparent("cc-" + kTrace + "-" + kParent + "-00-what-the-future-will-be-like"));
  for (const std::string& bad : {std::string(), kGood + "-x", kGood + ".", "ff" + kGood.substr(2), "0" + kGood, kGood.substr(0, 54), "cc" + kGood.substr(2) + ".",
                                 "00-" + std::string(32, '0') + "-" + kParent + "-01", "00-" + kTrace + "-" + std::string(16, '0') + "-01",
                                 "00-" + kTrace.substr(1) + "A-" + kParent + "-01", "00_" + kGood.substr(3)}) {
    INFO(bad);
    CHECK_FALSE(parse_traceparent(bad));
  }
}

TEST_CASE("A tracestate keeps its order, and one bad member drops it whole") {
  const auto state = parse_tracestate({"a=1, b=2,", "", "c@d=x y"});
  REQUIRE(state);
  CHECK(state->members == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}, {"c@d", "x y"}});
  CHECK(parse_tracestate({"a=1,a=2"})->members.size() == 1);
  std::string many = "k0=v";
  for (int i = 1; i < 32; ++i) many += ",k" + std::to_string(i) + "=v";
  CHECK(parse_tracestate({many})->members.size() == 32);
  for (const std::string& bad : {many + ",k32=v", std::string("a=1,B=2"), std::string("a"), std::string("a=b=c"), std::string("=1"), std::string("a="),
                                 std::string(257, 'a') + "=1", "a=" + std::string(257, 'v'), std::string("a=\x01")}) {
    INFO(bad);
    CHECK_FALSE(parse_tracestate({bad}));
  }
  CHECK(parse_tracestate({std::string(256, 'a') + "=" + std::string(256, 'v')}));
}

TEST_CASE("Headers that break the rules begin a new trace and lose its state") {
  CHECK(read_trace_context({{"TraceParent", kGood}, {"TRACESTATE", "a=1"}}).state.members.size() == 1);
  CHECK_FALSE(read_trace_context({{"traceparent", kGood}, {"traceparent", kGood}}).parent);
  const auto broken = read_trace_context({{"traceparent", "x"}, {"tracestate", "a=1"}});
  CHECK((!broken.parent && broken.state.members.empty()));
}

TEST_CASE("Baggage is read, written and bounded") {
  const auto entries = parse_baggage("a = %20x ; p ; q=1 , b=,,");
  REQUIRE(entries);
  CHECK(*entries == std::vector<BaggageEntry>{{"a", " x", {{"p", std::nullopt}, {"q", "1"}}}, {"b", "", {}}});
  CHECK(write_baggage(*entries) == "a=%20x;p;q=1,b=");
  for (const std::string& bad : {std::string("a"), std::string("=1"), std::string("a b=1"), std::string("a=%2"), std::string("a=%GG"), std::string("a=%FF"),
                                 std::string("a=\"x\""), std::string("a=1;"), "a=" + std::string(9000, 'x')}) {
    INFO(bad);
    CHECK_FALSE(parse_baggage(bad));
  }
}
