#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support.h"

namespace airlock::verify::test {
namespace {

const Instant kNow = Instant::parse("2026-11-21T12:00:00Z").value();

manifests::BundleManifest sample() {
  return {.bundle_id = BundleId::parse("acme-kit").value(),
          .kind = manifests::BundleKind::kOfflineKit,
          .version = SemVer::parse("1.2.3").value(),
          .generation = 7,
          .created_at = Instant::parse("2026-11-20T00:00:00Z").value(),
          .producer = "acme",
          .tenants = {"*"},
          .entries = {{.path = "data/a.json",
                       .sha256 = Digest::of("a"),
                       .size = 1,
                       .executable = false,
                       .media_type = "application/json"}},
          .base = std::nullopt,
          .budgets = {}};
}

manifests::TrustRoots roots(std::vector<unsigned> numbers, std::uint64_t threshold) {
  manifests::TrustRoots out{.threshold = threshold,
                            .keys = {},
                            .valid_from = Instant::parse("2026-01-01T00:00:00Z").value(),
                            .valid_until = Instant::parse("2027-01-01T00:00:00Z").value()};
  for (const unsigned n : numbers)
    out.keys.push_back({test_key(n).key_id(), test_key(n).public_key().pem(), std::nullopt});
  return out;
}

std::string envelope(const std::string& payload, std::vector<unsigned> numbers = {1},
                     std::string_view type = manifests::kStatementPayloadType) {
  std::vector<PrivateKey> keys;
  for (const unsigned n : numbers) keys.push_back(test_key(n));
  std::vector<const Signer*> signers;
  for (const PrivateKey& key : keys) signers.push_back(&key);
  return sign_envelope(type, payload, signers).value();
}

}  // namespace

TEST_CASE("A bundle manifest signed by enough trusted keys, in the window, is the one that was signed") {
  const std::string payload = manifests::write_bundle_statement(sample()).value();
  const auto checked = check_bundle_manifest(envelope(payload, {1, 2}), roots({1, 2, 3}, 2), kNow);
  REQUIRE(checked);
  CHECK(checked->get() == sample());
  CHECK(checked->payload() == payload);
  CHECK(checked->manifest_sha256() == Digest::of(payload));
  CHECK(checked->key_ids().size() == 2);
}

TEST_CASE("A bundle manifest is refused by the first check that fails") {
  const std::string payload = manifests::write_bundle_statement(sample()).value(), good = envelope(payload);
  const Instant early = Instant::parse("2025-12-31T23:59:59.999Z").value(),
                late = Instant::parse("2027-01-01T00:00:00Z").value();
  const std::string doubled = "{\"predicateType\":\"urn:airlock:predicate:bundle:v1\"," + payload.substr(1);
  std::string other_root = payload;
  const auto root_at = other_root.find("\"merkleRoot\":\"") + 14;
  other_root[root_at] = other_root[root_at] == '0' ? '1' : '0';
  struct Case {
    const char* name;
    std::string text;
    manifests::TrustRoots roots;
    Instant now;
    Code want;
  };
  const std::vector<Case> cases = {
      {"good", good, roots({1}, 1), kNow, kAccepted},
      {"the first instant of the window", good, roots({1}, 1), Instant::parse("2026-01-01T00:00:00Z").value(),
       kAccepted},
      {"before the window", good, roots({1}, 1), early, Code::kInvalidTrustWindow},
      {"the instant the window ends", good, roots({1}, 1), late, Code::kInvalidTrustWindow},
      {"outside the window and rubbish: the window is told", "rubbish", roots({1}, 1), late,
       Code::kInvalidTrustWindow},
      {"rubbish", "rubbish", roots({1}, 1), kNow, Code::kDsseMalformed},
      {"wrong key", good, roots({2}, 1), kNow, Code::kDsseThreshold},
      {"one signature of two", good, roots({1, 2}, 2), kNow, Code::kDsseThreshold},
      {"another payload type", envelope(payload, {1}, "text/plain"), roots({1}, 1), kNow,
       Code::kDssePayloadType},
      {"signed, but not JSON", envelope("not json"), roots({1}, 1), kNow, Code::kManifestInvalid},
      {"signed, with a key twice", envelope(doubled), roots({1}, 1), kNow, Code::kManifestInvalid},
      {"signed, another statement",
       envelope("{\"_type\":\"https://in-toto.io/Statement/"
                "v1\",\"subject\":[],\"predicateType\":\"x\",\"predicate\":{}}"),
       roots({1}, 1), kNow, Code::kStatement},
      {"signed, contradicting itself", envelope(other_root), roots({1}, 1), kNow, Code::kMerkleRoot},
      {"not signed and not parsing: the signature is told", envelope("not json", {2}), roots({1}, 1), kNow,
       Code::kDsseThreshold},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(code_of(check_bundle_manifest(c.text, c.roots, c.now)) == c.want);
  }
}

TEST_CASE("A trust root that is no acceptable key is refused with its place") {
  manifests::TrustRoots bad = roots({1, 2}, 1);
  bad.keys[1].pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const auto checked =
      check_bundle_manifest(envelope(manifests::write_bundle_statement(sample()).value()), bad, kNow);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == Code::kKeyUnreadable);
  CHECK(checked.error().context.find("keys[1].pem") != std::string::npos);
}

TEST_CASE("The manifest limit holds before anything is decoded") {
  const std::string text = envelope(manifests::write_bundle_statement(sample()).value());
  Limits small;
  small.manifest_bytes = text.size() - 1;
  CHECK(code_of(check_bundle_manifest(text, roots({1}, 1), kNow, small)) == Code::kTooLarge);
}

}  // namespace airlock::verify::test
