#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "authority.h"
#include "tests/verify/support.h"
#include "verify/time/rfc3161.h"

namespace airlock::verify::test {
namespace {

struct Case {
  std::string token, roots, certs;
  std::optional<std::string> query, data, imprint;  // one of them
  std::optional<Instant> at;
};

// The pieces of one published case.
Case load(const VectorSet& set, const Json& item) {
  const Json& files = item.at("files");
  Case c;
  c.token = set.file(item, files.contains("response") ? "response" : "token");
  c.roots = set.file(item, "roots");
  if (files.contains("certs")) c.certs = set.file(item, "certs");
  if (files.contains("query")) c.query = set.file(item, "query");
  else if (files.contains("data")) c.data = set.file(item, "data");
  else c.imprint = from_hex(item.at("imprint").get<std::string>()).value();
  if (item.contains("attime")) c.at = Instant::parse(item.at("attime").get<std::string>()).value();
  return c;
}

Stamped stamped(const Case& c) {
  if (c.query) return StampedQuery{*c.query};
  if (c.data) return StampedData{*c.data};
  return StampedImprint{*c.imprint};
}

Result<VerifiedTimestamp> verify(const Case& c, std::optional<Instant> at) {
  return verify_timestamp(c.token, TRY(TsaRoots::from_pem(c.roots, c.certs)), stamped(c), at);
}

}  // namespace

TEST_CASE("Every published time-stamp token is judged as its makers say") {
  const VectorSet set("rfc3161");
  std::size_t accepted = 0, refused = 0, open = 0;
  for (const Json& item : set.cases()) {
    INFO(item.at("id"));
    const Case c = load(set, item);
    const auto got = verify(c, c.at);
    UNSCOPED_INFO((got ? "accepted" : describe(got.error())));
    const std::string expect = item.at("expect");
    if (expect == "either") {
      ++open;
      continue;
    }
    CHECK(got.has_value() == (expect == "accept"));
    ++(got ? accepted : refused);
    if (!got) continue;
    CHECK(got->time() == Instant::parse(item.at("gentime").get<std::string>()).value());
    CHECK(verify(c, std::nullopt).has_value());
  }
  CHECK(accepted + refused + open == 56);
  CHECK(open == 3);
}

TEST_CASE("Peer: what openssl ts answers to our request verifies here, and what we accept verifies there") {
  const Authority authority;
  const std::string query = timestamp_request(Digest::of("the data"), "12345678").value();
  const std::string reply = authority.reply(query);
  const auto by_query = verify_timestamp(reply, authority.roots(), StampedQuery{query});
  REQUIRE(by_query);
  CHECK(by_query->signer() == "CN=test authority");
  CHECK(by_query->accuracy() == Millis(1000));
  CHECK(verify_timestamp(reply, authority.roots(), StampedData{"the data"}));
  CHECK(verify_timestamp(reply, authority.roots(), StampedImprint{Digest::of("the data").raw()}));
  CHECK(run_program({"openssl", "ts", "-verify", "-in", authority.at("reply.tsr"), "-queryfile", authority.at("query.tsq"), "-CAfile",
                     authority.at("ca.pem")}) == 0);

  SECTION("of other data, or to another request, it proves nothing") {
    CHECK(code_of(verify_timestamp(reply, authority.roots(), StampedData{"other data"})) == Code::kTimeImprint);
    CHECK(code_of(verify_timestamp(reply, authority.roots(), StampedQuery{timestamp_request(Digest::of("the data"), "87654321").value()})) ==
          Code::kTimeImprint);
  }
  SECTION("under another root it proves nothing, though it brings its certificate") {
    const Authority other;
    CHECK(code_of(verify_timestamp(reply, other.roots(), StampedQuery{query})) == Code::kTimeSignature);
    CHECK(code_of(verify_timestamp(reply, TsaRoots{}, StampedQuery{query})) == Code::kTimeSignature);
  }
  SECTION("judged after the certificate has ended it proves nothing") {
    CHECK(code_of(verify_timestamp(reply, authority.roots(), StampedQuery{query}, by_query->time() + Millis(20LL * 86'400'000))) ==
          Code::kTimeSignature);
  }
  SECTION("cut at any length, or with bytes behind it, it is refused") {
    for (std::size_t size = 0; size < reply.size(); size += 7)
      REQUIRE_FALSE(verify_timestamp(reply.substr(0, size), authority.roots(), StampedQuery{query}));
    CHECK(code_of(verify_timestamp(reply + "x", authority.roots(), StampedQuery{query})) == Code::kTimeMalformed);
  }
  SECTION("with any byte of the signed part changed it is refused or says the same") {
    for (std::size_t at = 0; at < reply.size(); ++at) {
      std::string edited = reply;
      edited[at] = static_cast<char>(edited[at] ^ 1);
      const auto got = verify_timestamp(edited, authority.roots(), StampedData{"the data"});
      INFO("byte " << at);
      REQUIRE((!got || got->time() == by_query->time()));
    }
  }
}

TEST_CASE("A token signed over SHA-1, or with an imprint in it, is refused although its chain holds") {
  const Authority weak("critical,timeStamping", "sha1");
  const std::string query = timestamp_request(Digest::of("the data"), "").value();
  CHECK(code_of(verify_timestamp(weak.reply(query), weak.roots(), StampedQuery{query})) == Code::kTimeSignature);
  const Authority authority;
  authority.dir().write("data", "the data");
  REQUIRE(run_program({"openssl", "ts", "-query", "-data", authority.at("data"), "-sha1", "-cert", "-out", authority.at("sha1.tsq")}) == 0);
  CHECK(code_of(verify_timestamp(authority.reply(authority.read("sha1.tsq")), authority.roots(), StampedData{"the data"})) ==
        Code::kTimeImprint);
}

}  // namespace airlock::verify::test
