// wycheproof: every signature test of every file. Files of MACs, key derivation and key agreement are skipped: airlock verifies
// signatures, and what it needs of the others happens inside the libraries.
#include <map>
#include <optional>

#include "base/encoding.h"
#include "sets.h"
#include "verify/keys.h"

namespace airlock::conformance {
namespace {

using namespace verify;

// What a group of tests verifies with; nullopt: it holds no signatures.
std::optional<SignatureScheme> scheme_of(const Json& group) {
  static const std::map<std::string, SignatureForm> kForms = {{"EddsaVerify", SignatureForm::kEd25519},
                                                              {"EcdsaVerify", SignatureForm::kEcdsaDer},
                                                              {"EcdsaP1363Verify", SignatureForm::kEcdsaRaw},
                                                              {"RsassaPkcs1Verify", SignatureForm::kRsaPkcs1},
                                                              {"RsassaPssVerify", SignatureForm::kRsaPss}};
  static const std::map<std::string, HashAlgorithm> kHashes = {
      {"SHA-256", HashAlgorithm::kSha256}, {"SHA-384", HashAlgorithm::kSha384}, {"SHA-512", HashAlgorithm::kSha512}};
  const auto form = kForms.find(group.value("type", ""));
  const auto hash = kHashes.find(group.value("sha", "SHA-512"));
  if (form == kForms.end() || hash == kHashes.end()) return std::nullopt;
  SignatureScheme scheme{form->second, hash->second};
  if (group.contains("sLen")) scheme.pss_salt_bytes = group["sLen"].get<int>();
  return scheme;
}

Expect expect_of(const Json& test) {
  const std::string result = test.value("result", "");
  if (result == "valid") return Expect::kAccept;
  return result == "invalid" ? Expect::kReject : Expect::kEither;
}

Result<void> verify(const Result<PublicKey>& key, const Json& test, SignatureScheme scheme) {
  if (!key) return fail(key.error());
  const std::string message = TRY(from_hex(test.value("msg", "")));
  const std::string signature = TRY(from_hex(test.value("sig", "")));
  if (!key->verify(message, signature, scheme)) return fail(Code::kDsseThreshold, "the signature does not verify");
  return {};
}

}  // namespace

void run_wycheproof(const Case& c, Report& report) {
  const std::string text = USE(c.file("vectors"), report);
  const Json vectors = USE(parse_json(text, c.id()), report);
  for (const Json& group : vectors.value("testGroups", Json::array())) {
    const auto scheme = scheme_of(group);
    const auto key = PublicKey::from_pem(group.value("publicKeyPem", ""));
    for (const Json& test : group.value("tests", Json::array())) {
      report.begin(c.id() + "/" + test.value("tcId", Json()).dump());
      if (!scheme) report.skip("use \"" + c.text("use").value_or("") + "\": airlock has no use for MACs, key derivation and key agreement");
      else report.judge(expect_of(test), verify(key, test, *scheme), test.value("comment", ""));
    }
  }
}

}  // namespace airlock::conformance
