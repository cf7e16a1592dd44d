// Bytes as a Sigstore bundle and as a trusted root: with nobody trusted nothing verifies.
#include "fuzz.h"
#include "verify/sigstore/sigstore.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace sigstore = verify::sigstore;
  const std::string_view input = fuzz::text(data, size);
  const sigstore::TrustedRoot nobody;
  fuzz::require(!sigstore::verify_bundle(input, sigstore::Signed{"data", std::nullopt}, nobody, sigstore::AnyIdentity{}, {false, false}));
  if (const auto bundle = sigstore::parse_bundle(input))
    if (const auto* leaf = std::get_if<verify::Certificate>(&bundle->signer)) (void)sigstore::identity_of(*leaf);
  (void)sigstore::parse_trusted_root(input);
  return 0;
}
