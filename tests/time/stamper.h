// Time-stamp tokens made field by field, and signed by whatever certificate: what `openssl ts` would refuse to make. The
// TSTInfo is written here (RFC 3161 section 2.4.2, DER), `openssl cms` signs it with an ESSCertIDv2 of the signer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authority.h"
#include "base/digest.h"
#include "base/time.h"

namespace airlock::verify::test {

// One DER element. Constructed elements are the concatenation of theirs.
inline std::string der(unsigned char tag, const std::string& content) {
  std::string length;
  if (content.size() < 0x80) {
    length = static_cast<char>(content.size());
  } else {
    for (std::size_t rest = content.size(); rest > 0; rest >>= 8) length.insert(0, 1, static_cast<char>(rest));
    length.insert(0, 1, static_cast<char>(0x80U | length.size()));
  }
  return static_cast<char>(tag) + length + content;
}
inline constexpr unsigned char kInteger = 0x02, kOctets = 0x04, kOid = 0x06, kGeneralizedTime = 0x18, kSequence = 0x30;
inline std::string der_number(std::uint64_t value) {
  std::string bytes;
  do bytes.insert(0, 1, static_cast<char>(value));
  while ((value >>= 8) != 0);
  if (static_cast<unsigned char>(bytes[0]) >= 0x80) bytes.insert(0, 1, '\0');
  return bytes;
}

struct TstInfo {
  using s = std::string;
  std::uint64_t version = 1;
  s policy{"\x2a\x03\x04\x01"};                                                      // 1.2.3.4.1
  s hash_oid{"\x60\x86\x48\x01\x65\x03\x04\x02\x01"};                                // SHA-256
  s imprint{Digest::of("the data").raw()};
  s time{};                                                                          // YYYYMMDDhhmmssZ; empty: now
  s accuracy{};                                                                      // content of the Accuracy sequence
  s nonce{};                                                                         // content of the integer
  s extensions{};                                                                    // a whole [1] element

  std::string write() const {
    std::string out = der(kInteger, der_number(version)) + der(kOid, policy);
    out += der(kSequence, der(kSequence, der(kOid, hash_oid) + s("\x05\0", 2)) + der(kOctets, imprint));
    out += der(kInteger, "\x01") + der(kGeneralizedTime, time.empty() ? now_plus(Millis(0)) : time);
    if (!accuracy.empty()) out += der(kSequence, accuracy);
    if (!nonce.empty()) out += der(kInteger, nonce);
    return der(kSequence, out + extensions);
  }
  static std::string now_plus(Millis more) {
    std::string text = (SystemClock().now() + more).compact();
    return text.erase(text.find('T'), 1);
  }
};

// TimeStampResp of this status; no token when it is empty.
inline std::string response_of(std::uint64_t status, const std::string& token) {
  return der(kSequence, der(kSequence, der(kInteger, der_number(status))) + token);
}

// An authority that also certifies and stamps what it should not.
class Stamper : public Authority {
 public:
  // NAME.pem and NAME.key, with these extensions, signed by ISSUER.pem; `more` goes to openssl x509.
  void certify(const std::string& name, const std::string& extensions, const std::string& issuer = "ca", std::vector<std::string> more = {},
               const std::string& subject = "/CN=test authority") const {
    dir().write(name + ".cnf", "[req]\ndistinguished_name=dn\n[dn]\n[x]\n" + extensions);
    need({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at(name + ".key"), "-out", at(name + ".csr"),
          "-subj", subject, "-config", at(name + ".cnf")});
    std::vector<std::string> arguments = {"x509", "-req", "-in", at(name + ".csr"), "-CA", at(issuer + ".pem"), "-CAkey", at(issuer + ".key"),
                                          "-out", at(name + ".pem"), "-extfile", at(name + ".cnf"), "-extensions", "x"};
    if (std::ranges::find(more, "-set_serial") == more.end()) arguments.push_back("-CAcreateserial");
    if (std::ranges::find(more, "-days") == more.end()) more.insert(more.end(), {"-days", "10"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    need(arguments);
  }
  // A bare token; `more` goes to openssl cms.
  std::string stamp(const TstInfo& info, const std::string& signer = "tsa", const std::vector<std::string>& more = {}) const {
    dir().write("info.der", info.write());
    std::vector<std::string> arguments = {"cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-econtent_type",
                                          "1.2.840.113549.1.9.16.1.4", "-md", "sha256", "-signer", at(signer + ".pem"), "-inkey",
                                          at(signer + ".key"), "-outform", "DER", "-in", at("info.der"), "-out", at("token.der")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    need(arguments);
    return read("token.der");
  }
  Result<VerifiedTimestamp> judge(const std::string& token, std::optional<Instant> at = std::nullopt) const {
    return verify_timestamp(token, roots(), StampedData{"the data"}, at);
  }
};

}  // namespace airlock::verify::test
