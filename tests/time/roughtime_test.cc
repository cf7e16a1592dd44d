#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "roughtime_server.h"
#include "tests/verify/support.h"
#include "verify/time/roughtime_report.h"

namespace airlock::verify::test {
namespace {

PublicKey key_of(const Json& item) {
  return PublicKey::from_raw_ed25519(from_base64(item.at("public_key").get<std::string>()).value()).value();
}

const Json& case_of(const VectorSet& set, std::string_view id) {
  for (const Json& item : set.cases())
    if (item.at("id") == id) return item;
  throw std::runtime_error("no case " + std::string(id));
}

}  // namespace

TEST_CASE("Every published Roughtime answer is judged as its makers say") {
  const VectorSet set("roughtime");
  std::size_t accepted = 0, refused = 0;
  for (const Json& item : set.cases()) {
    if (item.contains("kind")) continue;
    INFO(item.at("id"));
    const auto got = verify_roughtime(set.file(item, "request"), set.file(item, "response"), key_of(item));
    REQUIRE(got.has_value() == (item.at("expect") == "accept"));
    if (!got) {
      ++refused;
      continue;
    }
    ++accepted;
    const bool original = item.at("version") == "google";
    const std::int64_t unit = original ? 1 : 1'000'000;  // microseconds, or seconds
    CHECK(got->midpoint().count() == item.at("midpoint").get<std::int64_t>() * unit);
    CHECK(got->radius().count() == item.at("radius").get<std::int64_t>() * unit);
    CHECK(got->version().has_value() == !original);
    if (!original) CHECK(*got->version() == std::stoul(item.at("version").get<std::string>(), nullptr, 16));
    CHECK(got->nonce() == roughtime_nonce(set.file(item, "request")).value());
  }
  CHECK(accepted == 45);
  CHECK(refused == 15);
}

TEST_CASE("A fuzzer's garbage is refused as an answer to any request, framed or not") {
  const VectorSet set("roughtime");
  const std::vector<std::string> requests = {set.file(case_of(set, "draft-appendix-b-0"), "request"),
                                             set.file(case_of(set, "cf-google-001-00"), "request")};
  std::size_t seen = 0;
  for (const Json& item : set.cases()) {
    if (item.value("kind", "") != "garbage-response") continue;
    INFO(item.at("id"));
    for (const std::string& request : requests)
      CHECK_FALSE(verify_roughtime(request, set.file(item, "response"), test_key(1).public_key()));
    ++seen;
  }
  CHECK(seen == 27);
}

TEST_CASE("C089 The published malfeasance report holds, and names the two answers that contradict each other") {
  const VectorSet set("roughtime");
  const Json& item = case_of(set, "draft-appendix-b-report");
  const std::string text = set.file(item, "report");
  RoughtimeReport report = parse_roughtime_report(text).value();
  std::vector<PublicKey> keys;
  for (const RoughtimeExchange& exchange : report.exchanges) keys.push_back(exchange.key);

  const auto chain = verify_roughtime_chain(report, keys).value();
  REQUIRE(chain.answers().size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(chain.answers()[i].midpoint() == std::chrono::seconds(item.at("midpoints")[i].get<std::int64_t>()));
    CHECK(chain.answers()[i].radius() == std::chrono::seconds(item.at("radii")[i].get<std::int64_t>()));
  }
  CHECK(chain.contradiction() == std::pair<std::size_t, std::size_t>(0, 1));
  CHECK(write_roughtime_report(parse_roughtime_report(write_roughtime_report(report)).value()) == write_roughtime_report(report));

  SECTION("a key that is not configured vouches for nothing") {
    keys.pop_back();
    CHECK(code_of(verify_roughtime_chain(report, keys)) == Code::kTimeSignature);
  }
  SECTION("answers in another order are not bound to each other") {
    std::swap(report.exchanges[1].response, report.exchanges[2].response);
    CHECK_FALSE(verify_roughtime_chain(report, keys));
  }
  SECTION("another rand does not give the nonce") {
    report.exchanges[1].rand = std::string(32, 'r');
    CHECK(code_of(verify_roughtime_chain(report, keys)) == Code::kTimeImprint);
  }
  SECTION("answers that agree contradict nothing") {
    report.exchanges.erase(report.exchanges.begin() + 1, report.exchanges.end());
    CHECK_FALSE(verify_roughtime_chain(report, keys).value().contradiction());
  }
}

TEST_CASE("Published server lists are read") {
  const VectorSet set("roughtime");
  CHECK(parse_roughtime_servers(set.file(case_of(set, "draft-appendix-a-serverlist"), "list")).value().size() == 2);
  const auto servers = parse_roughtime_servers(set.file(case_of(set, "cloudflare-ecosystem"), "list")).value();
  REQUIRE(servers.size() == 4);
  CHECK(servers[2].name == "roughtime.se");
  CHECK(code_of(parse_roughtime_servers(R"({"servers":[]})")) == Code::kTimeMalformed);
  CHECK(code_of(parse_roughtime_servers(R"({"servers":[{"name":"x","publicKeyType":"rsa","publicKey":""}]})")) ==
        Code::kKeyUnsupported);
}

TEST_CASE("C088 A signed answer is refused for each thing that can be wrong in it") {
  Server server;
  REQUIRE(server.verify());
  CHECK(server.verify()->time().text() == "1970-01-01T00:03:20.000Z");

  SECTION("at the edges of the delegation it holds") {
    server.midpoint = server.min;
    CHECK(server.verify());
    server.midpoint = server.max;
    CHECK(server.verify());
  }
  SECTION("before the delegation") {
    server.midpoint = server.min - 1;
    CHECK(code_of(server.verify()) == Code::kTimeSignature);
  }
  SECTION("after the delegation") {
    server.midpoint = server.max + 1;
    CHECK(code_of(server.verify()) == Code::kTimeSignature);
  }
  SECTION("an index beyond the path") {
    server.index = 1;
    CHECK(code_of(server.verify()) == Code::kTimeImprint);
  }
  SECTION("a path longer than an index") {
    server.path = std::string(33 * 32, 'p');
    CHECK(code_of(server.verify()) == Code::kTimeMalformed);
  }
  SECTION("a request in the place of a response") {
    server.type = 0;
    CHECK(code_of(server.verify()) == Code::kTimeMalformed);
  }
  SECTION("another nonce") {
    server.nonce = std::string(32, 'm');
    CHECK(code_of(server.verify()) == Code::kTimeImprint);
  }
  SECTION("a version that was not asked for") {
    server.version = 0x8000000C;
    CHECK(code_of(server.verify()) == Code::kTimeImprint);
  }
  SECTION("a version that the server does not list") {
    server.versions = Server::number(2, 4);
    CHECK(code_of(server.verify()) == Code::kTimeMalformed);
  }
  SECTION("a time that no calendar of ours holds") {
    server.midpoint = server.max = ~0ULL;
    CHECK(code_of(server.verify()) == Code::kTimeMalformed);
  }
  SECTION("a delegated key of small order") {
    CHECK_FALSE(PublicKey::from_raw_ed25519(std::string(32, '\0')));
  }
}

TEST_CASE("C087 An answer cut at any length, or with any byte changed, is refused") {
  const Server server;
  const std::string request = server.request(), whole = server.response(request);
  const PublicKey key = server.public_key();
  REQUIRE(verify_roughtime(request, whole, key));
  for (std::size_t size = 0; size < whole.size(); ++size) REQUIRE_FALSE(verify_roughtime(request, whole.substr(0, size), key));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string edited = whole;
    edited[at] = static_cast<char>(edited[at] ^ 1);
    INFO("byte " << at);
    REQUIRE_FALSE(verify_roughtime(request, edited, key));
  }
}

}  // namespace airlock::verify::test
