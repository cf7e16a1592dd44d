#include <catch2/catch.hpp>

#include "tests/verify/support.h"
#include "verify/sigstore/sigstore.h"

namespace airlock::verify::sigstore {
namespace {

using test::VectorSet;

ExpectedSigner expected_of(const VectorSet& set, const Json& item) {
  if (item.at("files").contains("key")) {
    ExpectedKey key{SigningKey::from_pem(set.file(item, "key")).value(), {}};
    if (item.contains("key_valid_from")) key.window.start = Instant::parse(item.at("key_valid_from").get<std::string>()).value();
    if (item.contains("key_valid_until")) key.window.end = Instant::parse(item.at("key_valid_until").get<std::string>()).value();
    return key;
  }
  if (item.contains("identity")) return ExpectedIdentity{item.at("identity"), item.at("issuer")};
  return AnyIdentity{};
}

Demands demands_of(const Json& item) {
  const Json policy = item.value("policy", Json::object());
  return {policy.value("tlog", 1) != 0, policy.value("ctlog", 1) != 0};
}

}  // namespace

TEST_CASE("Every published Sigstore bundle is judged as its makers say") {
  const VectorSet set("sigstore-bundle");
  std::size_t accepted = 0, refused = 0, open = 0;
  for (const Json& item : set.cases()) {
    INFO(item.at("id"));
    std::optional<std::string> bytes;
    std::optional<Signed> artifact;
    if (item.at("files").contains("artifact")) {
      bytes = set.file(item, "artifact");
      artifact = Signed{*bytes, std::nullopt};
    }
    const TrustedRoot root = parse_trusted_root(set.file(item, "trusted_root")).value();
    const auto got = verify_bundle(set.file(item, "bundle"), artifact, root, expected_of(set, item), demands_of(item));
    UNSCOPED_INFO((got ? "accepted" : std::string(code_info(got.error().code).text) + " " + describe(got.error())));
    const std::string expect = item.at("expect");
    if (expect == "either") {
      ++open;
      continue;
    }
    CHECK(got.has_value() == (expect == "accept"));
    ++(got ? accepted : refused);
  }
  CHECK(accepted + refused + open == 50);
  CHECK(open == 3);
}

}  // namespace airlock::verify::sigstore
