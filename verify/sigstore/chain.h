// verify/sigstore/chain: whether a signing certificate was issued by a trusted authority, and logged when it was.
//
// Errors: kSigstoreCertificate (chain, validity, purpose), kSigstoreSct (no timestamp of a trusted log).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "verify/sigstore/bundle.h"
#include "verify/sigstore/trusted_root.h"

namespace airlock::verify::sigstore {

// The certificate is for code signing, is no authority, and leads to one whose window holds `at`; every certificate of
// the chain is valid then. Gives the certificate that issued it.
Result<Certificate> check_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                                const std::vector<Authority>& authorities, Instant at);

// At least one signed certificate timestamp in the certificate is of a trusted log, inside that log's window (RFC 6962
// section 3.2, the form for precertificates).
Result<void> check_scts(const Certificate& leaf, const Certificate& issuer, const std::vector<Log>& logs);

// Who a Fulcio certificate says has signed.
struct SignerIdentity {
  std::string identity;                      // subject alternative name: URI, mail address or other name
  std::string issuer;                        // of the OIDC token
  std::map<std::string, std::string> claims;  // of the CI system, by the name of the extension; never judged here
};
Result<SignerIdentity> identity_of(const Certificate& leaf);

}  // namespace airlock::verify::sigstore
