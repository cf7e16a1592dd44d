#include <catch2/catch.hpp>

#include "authority.h"
#include "base/encoding.h"
#include "base/json.h"
#include "verify/time/anchor.h"

namespace airlock::verify::test {
namespace {

constexpr std::string_view kPayload = "the payload of a manifest";

// A bundle's time/ folder that an authority has vouched for, and the site that trusts it.
struct Anchored {
  Authority authority;
  manifests::TimeRoots roots{{{"test", authority.read("ca.pem"), ""}}, {}};
  TimeAuthorities authorities = TimeAuthorities::read(roots).value();
  std::string token = authority.reply(timestamp_request(Digest::of(kPayload), "").value());
  TimeProof proof = verify_time_proof(manifests::AnchorSource::kRfc3161, token, kPayload, authorities).value();
  manifests::TimeAnchor anchor{proof.time, proof.format, Digest::of(token), proof.signature_fingerprint};

  std::map<std::string, std::string> members() const {
    return {{"time/anchor.json", manifests::write_time_anchor(anchor)}, {"time/token.tsr", token}};
  }
};

}  // namespace

TEST_CASE("An anchor that its proof bears out is believed, and one that anything contradicts is not") {
  Anchored a;
  const auto verified = verify_anchor(a.members(), kPayload, a.authorities);
  REQUIRE(verified);
  CHECK(verified->time() == a.proof.time);
  CHECK(verified->vouched_by() == "CN=test authority");
  CHECK(verified->get().format == manifests::AnchorFormat::kResponse);

  auto members = a.members();
  SECTION("of another manifest") {
    CHECK(code_of(verify_anchor(members, "another payload", a.authorities)) == Code::kTimeImprint);
  }
  SECTION("under other roots") {
    const Authority other;
    const auto others = TimeAuthorities::read({{{"other", other.read("ca.pem"), ""}}, {}}).value();
    CHECK(code_of(verify_anchor(members, kPayload, others)) == Code::kTimeSignature);
    CHECK(code_of(verify_anchor(members, kPayload, TimeAuthorities{})) == Code::kTimeRootsRequired);
  }
  SECTION("another time than the proof's") {
    a.anchor.time = a.anchor.time + Millis(1);
    CHECK(code_of(verify_anchor(a.members(), kPayload, a.authorities)) == Code::kTimeAnchor);
  }
  SECTION("another signer than the proof's") {
    a.anchor.signature_fingerprint = Digest::of("x");
    CHECK(code_of(verify_anchor(a.members(), kPayload, a.authorities)) == Code::kTimeAnchor);
  }
  SECTION("another format than the proof's") {
    a.anchor.format = manifests::AnchorFormat::kToken;
    CHECK(code_of(verify_anchor(a.members(), kPayload, a.authorities)) == Code::kTimeAnchor);
  }
  SECTION("a proof that is not there") {
    members.erase("time/token.tsr");
    CHECK(code_of(verify_anchor(members, kPayload, a.authorities)) == Code::kTimeAnchor);
  }
  SECTION("a proof without an anchor") {
    members.erase("time/anchor.json");
    CHECK(code_of(verify_anchor(members, kPayload, a.authorities)) == Code::kTimeAnchor);
  }
  SECTION("a second proof that does not hold") {
    members["time/z.tsr"] = "x";
    CHECK(code_of(verify_anchor(members, kPayload, a.authorities)) == Code::kTimeMalformed);
  }
  SECTION("a file that is no proof") {
    members["time/notes.txt"] = "x";
    CHECK(code_of(verify_anchor(members, kPayload, a.authorities)) == Code::kTimeAnchor);
  }
}

TEST_CASE("A Roughtime report anchors a bundle when its first nonce is the hash of the manifest") {
  using namespace std::string_literals;
  // The published exchange, whose nonce is somebody else's: everything holds but the binding.
  const VectorSet set("roughtime");
  for (const Json& item : set.cases()) {
    if (item.at("id") != "draft-appendix-b-0") continue;
    const auto key = PublicKey::from_raw_ed25519(from_base64(item.at("public_key").get<std::string>()).value()).value();
    const std::string report = write_roughtime_report({{{key, set.file(item, "request"), set.file(item, "response"), std::nullopt}}});
    const auto authorities = TimeAuthorities::read({{}, {{"server", key.raw()}}}).value();
    CHECK(code_of(verify_time_proof(manifests::AnchorSource::kRoughtime, report, kPayload, authorities)) == Code::kTimeImprint);
    CHECK(code_of(verify_time_proof(manifests::AnchorSource::kRoughtime, report, kPayload, TimeAuthorities{})) == Code::kTimeRootsRequired);
  }
  const std::string request = roughtime_request(roughtime_hash(kPayload, 32));
  CHECK(request.size() == 1024 + 12);
  CHECK(roughtime_nonce(request).value() == roughtime_hash(kPayload, 32));
}

TEST_CASE("Time roots and anchors have one written form, and refuse what they do not know") {
  const Anchored a;
  const std::string roots = manifests::write_time_roots(a.roots).value();
  CHECK(manifests::parse_time_roots(roots).value() == a.roots);
  const std::string anchor = manifests::write_time_anchor(a.anchor);
  CHECK(manifests::parse_time_anchor(anchor).value() == a.anchor);
  struct Case {
    const char* name;
    const char* pointer;
    Json value;
    Code want;
  };
  for (const Case& c : {Case{"another schema", "/schema", "airlock.time-roots/v2", Code::kField}, Case{"no authority", "/tsa", Json::array(), Code::kField},
                        Case{"no certificate", "/tsa/0/roots", "text", Code::kField}, Case{"no name", "/tsa/0/name", "", Code::kField},
                        Case{"a misspelt field", "/tsaa", 1, Code::kSpecUnknownField},
                        Case{"a short key", "/roughtime", Json::array({{{"name", "x"}, {"publicKey", "AAAA"}}}), Code::kField}}) {
    INFO(c.name);
    Json document = parse_json(roots, "roots").value();
    document[Json::json_pointer(c.pointer)] = c.value;
    CHECK(code_of(manifests::parse_time_roots(canonical_json(document))) == c.want);
  }
  for (const Case& c : {Case{"a source that its format is not of", "/source", "roughtime", Code::kTimeAnchor},
                        Case{"a format of nobody's", "/format", "sundial", Code::kTimeAnchor}, Case{"a time that is none", "/anchorTime", "now", Code::kField},
                        Case{"a misspelt field", "/when", 1, Code::kSpecUnknownField}}) {
    INFO(c.name);
    Json document = parse_json(anchor, "anchor").value();
    document[Json::json_pointer(c.pointer)] = c.value;
    CHECK(code_of(manifests::parse_time_anchor(canonical_json(document))) == c.want);
  }
}

}  // namespace airlock::verify::test
