#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/json.h"
#include "tests/verify/support.h"
#include "verify/sigstore/sigstore.h"

namespace airlock::verify::sigstore {
namespace {

using test::code_of;
using test::kAccepted;
using test::VectorSet;

// One published bundle that holds, and everything that is needed to judge it.
struct Sample {
  explicit Sample(const std::string& id) : set("sigstore-bundle") {
    for (const Json& item : set.cases()) {
      if (item.at("id") != id) continue;
      bundle = parse_json(set.file(item, "bundle"), "bundle").value();
      root = parse_json(set.file(item, "trusted_root"), "root").value();
      artifact = set.file(item, "artifact");
      if (item.contains("identity")) expected = ExpectedIdentity{item.at("identity"), item.at("issuer")};
    }
    if (bundle.is_null()) throw std::runtime_error("no case " + id);
  }
  Result<VerifiedSigstore> verify() const {
    return verify_bundle(bundle.dump(), Signed{artifact, std::nullopt}, TRY(parse_trusted_root(root.dump())), expected);
  }
  Json& entry() { return bundle["verificationMaterial"]["tlogEntries"][0]; }

  VectorSet set;
  Json bundle, root;
  std::string artifact;
  ExpectedSigner expected = AnyIdentity{};
};

// base64 of the same bytes with the last one changed.
Json spoilt(const Json& base64) {
  std::string bytes = from_base64(base64.get<std::string>()).value();
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return to_base64(bytes);
}

}  // namespace

TEST_CASE("A bundle of Rekor v1 is refused for each thing in it that does not hold") {
  Sample s("conformance-happy-path-v0.3-new-mediaType");
  const auto verified = s.verify();
  REQUIRE(verified);
  CHECK(verified->log_entries() == 1);
  CHECK(verified->times().size() == 1);
  CHECK(verified->identity()->claims.at("sourceRepositoryUri") ==
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon");
  Json& material = s.bundle["verificationMaterial"];

  SECTION("another artifact") {
    s.artifact += "x";
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("another identity") {
    std::get<ExpectedIdentity>(s.expected).identity += "x";
    CHECK(code_of(s.verify()) == Code::kSigstoreIdentity);
  }
  SECTION("another issuer") {
    std::get<ExpectedIdentity>(s.expected).issuer = "https://example.org";
    CHECK(code_of(s.verify()) == Code::kSigstoreIdentity);
  }
  SECTION("a key where a certificate signed") {
    s.expected = ExpectedKey{SigningKey::from_spki(test::test_key(1).public_key().der()).value(), {}};
    CHECK(code_of(s.verify()) == Code::kSigstoreIdentity);
  }
  SECTION("another signature") {
    s.bundle["messageSignature"]["signature"] = spoilt(s.bundle["messageSignature"]["signature"]);
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("a digest of another artifact") {
    s.bundle["messageSignature"]["messageDigest"]["digest"] = spoilt(s.bundle["messageSignature"]["messageDigest"]["digest"]);
    CHECK(code_of(s.verify()) == Code::kSigstoreSignature);
  }
  SECTION("a signed entry timestamp that is not the log's") {
    s.entry()["inclusionPromise"]["signedEntryTimestamp"] = spoilt(s.entry()["inclusionPromise"]["signedEntryTimestamp"]);
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("another time than the log has signed") {
    s.entry()["integratedTime"] = "1710869187";
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("another root than the checkpoint's") {
    s.entry()["inclusionProof"]["rootHash"] = spoilt(s.entry()["inclusionProof"]["rootHash"]);
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("a hash of the path changed") {
    s.entry()["inclusionProof"]["hashes"][0] = spoilt(s.entry()["inclusionProof"]["hashes"][0]);
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("no proof at all") {
    s.entry().erase("inclusionProof");
    CHECK(code_of(s.verify()) == Code::kSigstoreMalformed);
  }
  SECTION("no log entry") {
    material["tlogEntries"] = Json::array();
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("one entry said twice") {
    material["tlogEntries"].push_back(Json(s.entry()));
    CHECK(code_of(s.verify()) == Code::kSigstoreMalformed);
  }
  SECTION("no promise, so no time") {
    s.entry().erase("inclusionPromise");
    CHECK(code_of(s.verify()) == Code::kSigstoreTime);
  }
  SECTION("a kind that the entry is not of") {
    s.entry()["kindVersion"]["kind"] = "dsse";
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("no trusted log") {
    s.root["tlogs"] = Json::array();
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("a log that was not to be believed then") {
    for (Json& log : s.root["tlogs"]) log["publicKey"]["validFor"]["end"] = "2024-03-19T17:00:00Z";
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("no trusted certificate authority") {
    s.root["certificateAuthorities"] = Json::array();
    CHECK(code_of(s.verify()) == Code::kSigstoreCertificate);
  }
  SECTION("an authority that was not to be believed then") {
    for (Json& authority : s.root["certificateAuthorities"]) authority["validFor"]["start"] = "2030-01-01T00:00:00Z";
    CHECK(code_of(s.verify()) == Code::kSigstoreCertificate);
  }
  SECTION("no trusted certificate log") {
    s.root["ctlogs"] = Json::array();
    CHECK(code_of(s.verify()) == Code::kSigstoreSct);
  }
  SECTION("a media type of the future") {
    s.bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.9+json";
    CHECK(code_of(s.verify()) == Code::kSigstoreMalformed);
  }
  SECTION("a chain where one certificate belongs") {
    material["x509CertificateChain"] = {{"certificates", Json::array({material["certificate"]})}};
    material.erase("certificate");
    CHECK(code_of(s.verify()) == Code::kSigstoreMalformed);
  }
}

TEST_CASE("A digest is as good as its artifact, where the key signs digests") {
  Sample s("conformance-happy-path-v0.3-new-mediaType");
  const TrustedRoot root = parse_trusted_root(s.root.dump()).value();
  Signed by_digest{std::nullopt, std::pair(Hash::kSha256, digest_of(Hash::kSha256, s.artifact))};
  CHECK(verify_bundle(s.bundle.dump(), by_digest, root, s.expected));
  by_digest.digest = {Hash::kSha512, digest_of(Hash::kSha512, s.artifact)};
  CHECK_FALSE(verify_bundle(s.bundle.dump(), by_digest, root, s.expected));
  CHECK(code_of(verify_bundle(s.bundle.dump(), std::nullopt, root, s.expected)) != kAccepted);
}

TEST_CASE("A bundle of Rekor v2 lives by its timestamp and its checkpoint") {
  Sample s("conformance-rekor2-happy-path");
  REQUIRE(s.verify());
  Json& material = s.bundle["verificationMaterial"];
  SECTION("without a timestamp there is no time") {
    material.erase("timestampVerificationData");
    CHECK(code_of(s.verify()) == Code::kSigstoreTime);
  }
  SECTION("of an authority that is not trusted it proves none") {
    s.root["timestampAuthorities"] = Json::array();
    CHECK(code_of(s.verify()) == Code::kSigstoreTime);
  }
  SECTION("a checkpoint that nobody trusted has signed") {
    std::string note = s.entry()["inclusionProof"]["checkpoint"]["envelope"];
    note[note.size() - 10] = note[note.size() - 10] == 'A' ? 'B' : 'A';
    s.entry()["inclusionProof"]["checkpoint"]["envelope"] = note;
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
  SECTION("a checkpoint of another log's name") {
    for (Json& log : s.root["tlogs"]) log["logId"]["keyId"] = spoilt(log["logId"]["keyId"]);
    CHECK(code_of(s.verify()) == Code::kSigstoreLog);
  }
}

// Its signing certificates lived for minutes: what makes one count is a proof that the signature was made in that time.
TEST_CASE("C091 A certificate that has expired counts only with a proof of the time when it was used") {
  Sample by_log("conformance-happy-path-v0.3-new-mediaType"), by_stamp("conformance-rekor2-happy-path"), other("java-bundle-with-rekor-v2-entry.sigstore");
  REQUIRE((by_log.verify() && by_stamp.verify() && other.verify()));
  by_log.entry().erase("inclusionPromise");
  CHECK(code_of(by_log.verify()) == Code::kSigstoreTime);
  by_log.bundle["verificationMaterial"]["tlogEntries"] = Json::array();
  CHECK(code_of(by_log.verify()) == Code::kSigstoreLog);
  for (Sample* sample : {&by_stamp, &other}) {
    Json& proofs = sample->bundle["verificationMaterial"]["timestampVerificationData"];
    const Json good = proofs;
    proofs["rfc3161Timestamps"] = Json::array();
    CHECK(code_of(sample->verify()) == Code::kSigstoreTime);
    proofs = good;
    proofs["rfc3161Timestamps"][0]["signedTimestamp"] = spoilt(proofs["rfc3161Timestamps"][0]["signedTimestamp"]);
    CHECK_FALSE(sample->verify());
    proofs = sample == &other ? by_stamp.bundle["verificationMaterial"]["timestampVerificationData"] : other.bundle["verificationMaterial"]["timestampVerificationData"];
    CHECK_FALSE(sample->verify());  // a good stamp, of something else
    proofs = good;
  }
  // Proven, but of an authority whose certificates were not to be believed at that time.
  for (Json& authority : by_stamp.root["certificateAuthorities"]) authority["validFor"]["end"] = "2022-01-01T00:00:00Z";
  CHECK(code_of(by_stamp.verify()) == Code::kSigstoreCertificate);
  const VectorSet set("sigstore-bundle");
  for (const Json& item : set.cases()) {
    const std::string id = item.at("id");
    if (id != "python-bundle_v3_no_signed_time.txt.sigstore.json" && id != "python-tsa-bundle.txt.late_timestamp.sigstore") continue;
    INFO(id);
    CHECK_FALSE(Sample(id).verify());
  }
}

TEST_CASE("A bundle cut at any length is refused") {
  const Sample s("conformance-rekor2-happy-path");
  const std::string text = s.bundle.dump();
  for (std::size_t size = 0; size < text.size(); size += 97) REQUIRE_FALSE(parse_bundle(text.substr(0, size)));
}

}  // namespace airlock::verify::sigstore
