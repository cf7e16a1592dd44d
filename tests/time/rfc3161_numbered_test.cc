// Hostile time-stamp tokens by their number in docs/hostile-bundles.md, C080 to C086 and C091. Each is signed as it stands,
// by a key that the test made, so that nothing but the point in question can refuse it.
#include <catch2/catch.hpp>
#include <algorithm>
#include <functional>

#include "base/encoding.h"
#include "stamper.h"

namespace airlock::verify::test {
namespace {

constexpr Millis kDay{86'400'000};
constexpr unsigned char kFirstTag = 0x80, kSecondTag = 0x81;  // [0] and [1], implicit
const std::string kLeaf = "basicConstraints=CA:FALSE\n", kSigns = "keyUsage=digitalSignature\n", kStamps = "extendedKeyUsage=critical,timeStamping\n";
const std::string kBetween = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n";

std::string not_one_byte_more(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

// The published token `id`, judged with what belongs to it.
Result<VerifiedTimestamp> published(const VectorSet& set, std::string_view id) {
  for (const Json& item : set.cases()) {
    if (item.at("id") != id) continue;
    const Json& files = item.at("files");
    const auto roots = TRY(TsaRoots::from_pem(set.file(item, "roots"), files.contains("certs") ? set.file(item, "certs") : std::string()));
    const std::string token = set.file(item, files.contains("response") ? "response" : "token");
    if (files.contains("query")) return verify_timestamp(token, roots, StampedQuery{set.file(item, "query")});
    if (files.contains("data")) return verify_timestamp(token, roots, StampedData{set.file(item, "data")});
    return verify_timestamp(token, roots, StampedImprint{TRY(from_hex(item.at("imprint").get<std::string>()))});
  }
  throw std::runtime_error("no case " + std::string(id));
}

}  // namespace

TEST_CASE("C080 a response that was not granted, or holds no token, proves nothing") {
  const Stamper authority;
  const std::string token = authority.stamp({});
  REQUIRE(authority.judge(token));
  CHECK(authority.judge(response_of(0, token)));
  CHECK(authority.judge(response_of(1, token)));  // granted with modifications
  for (const std::uint64_t status : {2ULL, 3ULL, 4ULL, 5ULL, 6ULL, 255ULL, 4294967296ULL, 18446744073709551615ULL}) {
    INFO(status);
    CHECK(code_of(authority.judge(response_of(status, token))) == Code::kTimeMalformed);
    CHECK(code_of(authority.judge(response_of(status, ""))) == Code::kTimeMalformed);
  }
  CHECK(code_of(authority.judge(response_of(0, ""))) == Code::kTimeMalformed);
  CHECK(code_of(authority.judge(response_of(1, ""))) == Code::kTimeMalformed);
  CHECK(code_of(authority.judge(response_of(0, der(kSequence, "")))) == Code::kTimeMalformed);
  CHECK(code_of(authority.judge("")) == Code::kTimeMalformed);
}

TEST_CASE("C080 a token of another imprint, hash, nonce or policy than was asked for proves nothing") {
  const Stamper authority;
  const auto answered = [&](const TstInfo& info, const std::string& query) {
    return code_of(verify_timestamp(authority.stamp(info), authority.roots(), StampedQuery{query}));
  };
  const Digest digest = Digest::of("the data");
  const std::string plain = timestamp_request(digest, "").value(), with_nonce = timestamp_request(digest, "12345678").value();
  CHECK(answered({}, plain) == kAccepted);
  CHECK(answered({.nonce = "12345678"}, with_nonce) == kAccepted);

  const std::string other(Digest::of("other data").raw());
  CHECK(answered({.imprint = other}, plain) == Code::kTimeImprint);
  CHECK(code_of(authority.judge(authority.stamp({.imprint = other}))) == Code::kTimeImprint);
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    INFO("an imprint of " << size << " bytes");
    CHECK_FALSE(authority.judge(authority.stamp({.imprint = (std::string(digest.raw()) + std::string(64, '\0')).substr(0, size)})));
  }
  const std::string sha512{"\x60\x86\x48\x01\x65\x03\x04\x02\x03"}, sha1{"\x2b\x0e\x03\x02\x1a"}, nobody{"\x2a\x03\x04"};
  for (const std::string& oid : {sha512, sha1, nobody}) {  // the right bytes, said to be of another hash
    CHECK(answered({.hash_oid = oid}, plain) == Code::kTimeImprint);
    CHECK_FALSE(authority.judge(authority.stamp({.hash_oid = oid})));
  }
  CHECK(answered({.nonce = "12345679"}, with_nonce) == Code::kTimeImprint);
  CHECK(answered({.nonce = "2345678"}, with_nonce) == Code::kTimeImprint);
  CHECK(answered({}, with_nonce) == Code::kTimeImprint);  // none in the answer
  // A policy is asked for in the query, by hand: reqPolicy stands before certReq.
  const auto wanting = [&](const std::string& policy) {
    return der(kSequence, der(kInteger, "\x01") + der(kSequence, der(kSequence, der(kOid, TstInfo{}.hash_oid) + std::string("\x05\0", 2)) +
                                                                     der(kOctets, std::string(digest.raw()))) + der(kOid, policy));
  };
  CHECK(answered({}, wanting(TstInfo{}.policy)) == kAccepted);
  CHECK(answered({}, wanting("\x2a\x03\x04\x05")) == Code::kTimeImprint);
}

TEST_CASE("C081 a token whose signature does not hold is refused, however good its chain is") {
  const Stamper authority;
  const std::string token = authority.stamp({}), reply = authority.reply(timestamp_request(Digest::of("the data"), "").value());
  REQUIRE((authority.judge(token) && authority.judge(reply)));
  // The signature is the last thing in both: its last bytes are the number s of an ECDSA signature.
  for (std::size_t back = 1; back <= 24; ++back) {
    CHECK(code_of(authority.judge(not_one_byte_more(token, token.size() - back))) == Code::kTimeSignature);
    CHECK(code_of(authority.judge(not_one_byte_more(reply, reply.size() - back))) == Code::kTimeSignature);
  }
  // What was signed: the time, and with it the digest in the signed attributes.
  std::string later = token;
  const std::size_t time = later.find("\x18\x0f");
  REQUIRE(time != std::string::npos);
  later[time + 2 + 3] = static_cast<char>(later[time + 2 + 3] == '9' ? '0' : later[time + 2 + 3] + 1);  // the year's last digit
  CHECK(code_of(authority.judge(later)) == Code::kTimeSignature);
  // Another's signature under this certificate.
  authority.certify("other", kLeaf + kSigns + kStamps);
  std::string mixed = token;
  const std::string other = authority.stamp({}, "other");
  mixed.replace(mixed.size() - 60, 60, other.substr(other.size() - 60));
  CHECK_FALSE(authority.judge(mixed));

  const VectorSet set("rfc3161");
  for (const char* id : {"tsp-TimeStampTokenWithInvalidSignature", "java-sigstore_tsa_response_invalid"}) CHECK_FALSE(published(set, id));
}

TEST_CASE("C082 the signer is the certificate that the signed attributes name, whatever else lies in the bag") {
  const Stamper authority;
  // The signer, and a certificate of another key under its name, its issuer and its very serial number.
  for (const char* name : {"signer", "twin"}) authority.certify(name, kLeaf + kSigns + kStamps, "ca", {"-set_serial", "4660"});
  const Digest honest = authority.judge(authority.stamp({}, "signer"))->signer_fingerprint();
  authority.certify("other", kLeaf + kSigns + kStamps);
  const Stamper foreign;
  authority.dir().write("foreign.pem", foreign.read("tsa.pem"));

  for (const char* injected : {"twin", "other", "foreign"}) {
    INFO(injected);
    const std::string more = authority.at(std::string(injected) + ".pem");
    const auto got = authority.judge(authority.stamp({}, "signer", {"-certfile", more}));
    // A bag with a twin is refused or judged by the true one: never by the injected one.
    if (injected != std::string("twin")) REQUIRE(got);
    if (got) CHECK(got->signer_fingerprint() == honest);
    CHECK(code_of(authority.judge(authority.stamp({}, "signer", {"-nocerts"}))) == Code::kTimeSignature);
    // The signer's own certificate left out, the injected one in its place.
    CHECK(code_of(authority.judge(authority.stamp({}, "signer", {"-nocerts", "-certfile", more}))) == Code::kTimeSignature);
  }
  // A foreign authority's token does not become ours by our certificate in its bag.
  foreign.dir().write("ours.pem", authority.read("tsa.pem"));
  CHECK(code_of(authority.judge(foreign.stamp({}, "tsa", {"-certfile", foreign.at("ours.pem")}))) == Code::kTimeSignature);

  const VectorSet set("rfc3161");
  const auto injected = published(set, "tob-injected-certs"), clean = published(set, "tob-test_tsa");
  REQUIRE(clean);
  if (injected) CHECK(injected->signer_fingerprint() == clean->signer_fingerprint());
}

TEST_CASE("C083 only a certificate for time stamping alone, said critically, stamps, and only below authorities that may") {
  const Stamper authority;
  const std::pair<const char*, std::string> refused[] = {
      {"no extended key usage", kLeaf + kSigns},
      {"not critical", kLeaf + kSigns + "extendedKeyUsage=timeStamping\n"},
      {"two usages", kLeaf + kSigns + "extendedKeyUsage=critical,timeStamping,codeSigning\n"},
      {"the usage and any", kLeaf + kSigns + "extendedKeyUsage=critical,timeStamping,anyExtendedKeyUsage\n"},
      {"any usage", kLeaf + kSigns + "extendedKeyUsage=critical,anyExtendedKeyUsage\n"},
      {"another usage", kLeaf + kSigns + "extendedKeyUsage=critical,codeSigning\n"},
      {"a key that may not sign", kLeaf + "keyUsage=keyEncipherment\n" + kStamps},
      {"a certificate authority", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,digitalSignature\n" + kStamps},
      {"a certificate authority that signs data only", "basicConstraints=critical,CA:TRUE\n" + kSigns + kStamps},
  };
  for (const auto& [name, extensions] : refused) {
    INFO(name);
    authority.certify("spoilt", extensions);
    CHECK(code_of(authority.judge(authority.stamp({}, "spoilt"))) == Code::kTimeSignature);
  }
  CHECK(code_of(authority.judge(authority.stamp({}, "ca"))) == Code::kTimeSignature);  // the root itself
  authority.certify("good", kLeaf + kSigns + kStamps);
  CHECK(authority.judge(authority.stamp({}, "good")));

  const std::pair<const char*, std::string> between[] = {
      {"an authority for code signing alone", kBetween + "extendedKeyUsage=codeSigning\n"},
      {"a certificate that is no authority", kLeaf + kSigns},
      {"an authority whose key may not sign certificates", "basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature\n"},
  };
  for (const auto& [name, extensions] : between) {
    INFO("below " << name);
    authority.certify("between", extensions, "ca", {}, "/CN=between");
    authority.certify("below", kLeaf + kSigns + kStamps, "between");
    CHECK(code_of(authority.judge(authority.stamp({}, "below", {"-certfile", authority.at("between.pem")}))) == Code::kTimeSignature);
  }
  for (const std::string& usage : {std::string(), std::string("extendedKeyUsage=timeStamping\n"), std::string("extendedKeyUsage=anyExtendedKeyUsage\n")}) {
    INFO("below a good authority " << usage);
    authority.certify("between", kBetween + usage, "ca", {}, "/CN=between");
    authority.certify("below", kLeaf + kSigns + kStamps, "between");
    CHECK(authority.judge(authority.stamp({}, "below", {"-certfile", authority.at("between.pem")})));
    CHECK(code_of(authority.judge(authority.stamp({}, "below"))) == Code::kTimeSignature);  // nobody brings the one between
  }
}

TEST_CASE("C084 a token counts in the life of its certificate, and keeps counting when that has ended") {
  const Stamper authority;  // certificates from now on, for ten days; the root for thirty
  const auto at = [&](Millis more) { return authority.judge(authority.stamp({.time = TstInfo::now_plus(more)})); };
  CHECK(at(Millis(0)));
  CHECK(at(kDay));
  CHECK(code_of(at(-kDay)) == Code::kTimeSignature);
  CHECK(code_of(at(20 * kDay)) == Code::kTimeSignature);
  CHECK(code_of(at(5000 * kDay)) == Code::kTimeSignature);
  // Valid then, expired now: accepted, since it is judged by the time it states; who must judge it by another time says so.
  const VectorSet set("rfc3161");
  CHECK(published(set, "tob-mock-expired-now"));
  const std::string token = authority.stamp({});
  CHECK(authority.judge(token, SystemClock().now() + 9 * kDay));
  CHECK(code_of(authority.judge(token, SystemClock().now() + 11 * kDay)) == Code::kTimeSignature);
  CHECK(code_of(authority.judge(token, SystemClock().now() - kDay)) == Code::kTimeSignature);
  // Times that are none.
  for (const char* time : {"20261321000000Z", "20260230000000Z", "20261121240000Z", "20261121235960Z", "20261121000000", "20261121000000+0000",
                           "20261121Z", "2026112100000Z", "Z", "99999999999999Z", "20261121000000.Z"}) {
    INFO(time);
    CHECK(code_of(authority.judge(authority.stamp({.time = time}))) == Code::kTimeMalformed);
  }
}

TEST_CASE("C086 huge fields and odd encodings are bounded: refused, or worth no more than they say, at once") {
  const Stamper authority;
  const auto second = [](std::uint64_t seconds) { return der(kInteger, der_number(seconds)); };
  SECTION("an accuracy of years is no time") {
    CHECK(authority.judge(authority.stamp({.accuracy = second(1)}))->accuracy() == Millis(1000));
    CHECK(authority.judge(authority.stamp({.accuracy = second(3600)}))->accuracy() == Millis(3'600'000));
    for (const std::uint64_t seconds : {3601ULL, 31'536'000ULL, 2147483648ULL, 9223372036854775807ULL, 18446744073709551615ULL}) {
      INFO(seconds);
      CHECK(code_of(authority.judge(authority.stamp({.accuracy = second(seconds)}))) == Code::kTimeMalformed);
    }
    CHECK(code_of(authority.judge(authority.stamp({.accuracy = der(kInteger, "\xff")}))) == Code::kTimeMalformed);  // -1
    for (const unsigned char part : {kFirstTag, kSecondTag}) {  // milliseconds, microseconds: 1 to 999
      INFO(int{part});
      CHECK(authority.judge(authority.stamp({.accuracy = der(part, der_number(999))})));
      for (const std::string& number : {der_number(1000), der_number(9223372036854775807ULL), der_number(18446744073709551615ULL), std::string("\xff")})
        CHECK(code_of(authority.judge(authority.stamp({.accuracy = der(part, number)}))) == Code::kTimeMalformed);
    }
  }
  SECTION("ten thousand extensions are read, and change nothing") {
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += der(kSequence, der(kOid, "\x2a\x03\x04") + der(kOctets, "x"));
    const std::string token = authority.stamp({.extensions = der(0xA1, many)});
    const auto got = authority.judge(token);
    CHECK((got || got.error().code == Code::kTimeMalformed));
    for (int i = 0; i < 6; ++i) many += many;
    CHECK(code_of(authority.judge(authority.stamp({.extensions = der(0xA1, many)}))) == Code::kTooLarge);
  }
  SECTION("an object identifier of a megabyte is refused, one of a hundred thousand bytes compared like any other") {
    const std::string arcs(100'000, '\x01'), endless(100'000, '\xff');
    const std::string query = timestamp_request(Digest::of("the data"), "").value();
    for (const std::string& arc : {arcs, endless + '\x01'}) {
      const std::string token = authority.stamp({.policy = "\x2a" + arc});
      CHECK(authority.judge(token).has_value() == verify_timestamp(token, authority.roots(), StampedQuery{query}).has_value());
      CHECK_FALSE(authority.judge(authority.stamp({.hash_oid = "\x2a" + arc})));
    }
    CHECK_FALSE(authority.judge(authority.stamp({.policy = "\x2a" + endless})));  // its last arc never ends
    CHECK(code_of(authority.judge(authority.stamp({.policy = "\x2a" + std::string(2 * kMiB, '\x01')}))) == Code::kTooLarge);
  }
  SECTION("a serial number and a nonce of a hundred thousand digits are numbers") {
    CHECK(authority.judge(authority.stamp({.nonce = std::string(100'000, '\x55')})));
  }
  SECTION("indefinite lengths say the same, and may not be nested without end") {
    const std::string token = authority.stamp({});
    const std::string body = token.substr(4);  // behind 30 82 and two bytes of length
    REQUIRE((token[1] == '\x82' && body.size() > 256));
    const std::string open = std::string("\x30\x80") + body + std::string(2, '\0');
    const auto got = authority.judge(open);
    CHECK((!got || (got->token_digest() == Digest::of(token) && got->time() == authority.judge(token)->time())));
    CHECK_FALSE(authority.judge(open.substr(0, open.size() - 2)));
    CHECK_FALSE(authority.judge(std::string("\x30\x80") + body + std::string(4, '\0')));
    for (const std::size_t deep : {40U, 1000U, 400'000U}) {
      std::string nested;
      for (std::size_t i = 0; i < deep; ++i) nested += "\x30\x80";
      CHECK(code_of(authority.judge(nested)) == Code::kTimeMalformed);
      CHECK(code_of(authority.judge(nested + std::string(2 * deep, '\0'))) != kAccepted);
    }
    std::string strings = "\x30\x82\xff\xff\x24\x80";
    for (int i = 0; i < 10'000; ++i) strings += "\x24\x80";
    CHECK_FALSE(authority.judge(strings));
  }
}

TEST_CASE("C091 a token below an intermediate that had expired is refused, though its own certificate is good") {
  const Stamper authority;
  authority.certify("between", kBetween, "ca", {"-days", "1"}, "/CN=between");
  authority.certify("below", kLeaf + kSigns + kStamps, "between");
  const auto at = [&](Millis more) {
    return authority.judge(authority.stamp({.time = TstInfo::now_plus(more)}, "below", {"-certfile", authority.at("between.pem")}));
  };
  CHECK(at(kDay / 2));
  CHECK(code_of(at(2 * kDay)) == Code::kTimeSignature);
  // Configured as an anchor it ends the chain, and its life counts all the same.
  const TsaRoots roots = TsaRoots::from_pem(authority.read("between.pem")).value();
  const std::string late = authority.stamp({.time = TstInfo::now_plus(2 * kDay)}, "below");
  CHECK(code_of(verify_timestamp(late, roots, StampedData{"the data"})) == Code::kTimeSignature);
}

}  // namespace airlock::verify::test
