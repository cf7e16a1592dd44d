#include "verify/scheme.h"

#include <openssl/evp.h>

#include <array>
#include <string>
#include <utility>

namespace airlock::verify {
namespace {

using enum HashAlgorithm;
constexpr SignatureForm kRaw = SignatureForm::kEcdsaRaw, kPss = SignatureForm::kRsaPss, kPkcs1 = SignatureForm::kRsaPkcs1;

constexpr std::array kEd25519Schemes{kEd25519};
constexpr std::array<SignatureScheme, 2> kP256Schemes{{kEcdsaSha256, {kRaw, kSha256}}};
// Signers of the Sigstore family long hashed with SHA-256 whatever the curve.
constexpr std::array<SignatureScheme, 4> kP384Schemes{
    {kEcdsaSha384, {kRaw, kSha384}, kEcdsaSha256, {kRaw, kSha256}}};
constexpr std::array<SignatureScheme, 6> kRsaSchemes{{kRsaPssSha256,
                                                      kRsaPkcs1Sha256,
                                                      {kPss, kSha384},
                                                      {kPkcs1, kSha384},
                                                      {kPss, kSha512},
                                                      {kPkcs1, kSha512}}};

const EVP_MD* md_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case kSha256: return EVP_sha256();
    case kSha384: return EVP_sha384();
    case kSha512: return EVP_sha512();
  }
  std::unreachable();
}

}  // namespace

std::string_view to_string(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEd25519: return "ed25519";
    case KeyAlgorithm::kEcdsaP256: return "ecdsa-p256";
    case KeyAlgorithm::kEcdsaP384: return "ecdsa-p384";
    case KeyAlgorithm::kRsa: return "rsa";
  }
  std::unreachable();
}

Result<KeyAlgorithm> parse_key_algorithm(std::string_view text) {
  for (const KeyAlgorithm algorithm :
       {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kRsa})
    if (to_string(algorithm) == text) return algorithm;
  return fail(Code::kUsage, "no key algorithm \"" + std::string(text.substr(0, 40)) +
                                "\": one of ed25519, ecdsa-p256, ecdsa-p384, rsa");
}

std::string hash_of(HashAlgorithm algorithm, std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(message.data(), message.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                 md_of(algorithm), nullptr) != 1)
    return {};  // no memory: an empty digest verifies nothing
  out.resize(size);
  return out;
}

SignatureScheme default_scheme(KeyAlgorithm algorithm) { return schemes_of(algorithm).front(); }

std::span<const SignatureScheme> schemes_of(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEd25519: return kEd25519Schemes;
    case KeyAlgorithm::kEcdsaP256: return kP256Schemes;
    case KeyAlgorithm::kEcdsaP384: return kP384Schemes;
    case KeyAlgorithm::kRsa: return kRsaSchemes;
  }
  std::unreachable();
}

}  // namespace airlock::verify
