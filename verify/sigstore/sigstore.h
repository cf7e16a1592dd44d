// verify/sigstore: whether an artifact was signed by whom it should, as Sigstore bundles say it, with no network.
//
// Start at verify_bundle(). What holds of a VerifiedSigstore: the signature is of this artifact by the certificate's or
// the given key; at every proved time the certificate was valid and led to a trusted authority, or the key was in its
// window; at least one time is proved when a certificate signed (by a log's signed entry timestamp or a trusted
// time-stamping authority over the signature); the certificate was logged; every log entry in the bundle is in a trusted
// log and about this signature; and the signer is the expected one. Everything is judged at the proved times, never now.
// Errors: kSigstoreMalformed, kSigstoreSignature, kSigstoreCertificate, kSigstoreIdentity, kSigstoreSct, kSigstoreLog,
// kSigstoreTime, and kJson, kTooLarge.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "verify/sigstore/bundle.h"
#include "verify/sigstore/chain.h"
#include "verify/sigstore/trusted_root.h"

namespace airlock::verify::sigstore {

struct ExpectedIdentity {  // both exactly
  std::string identity, issuer;
};
struct ExpectedKey {
  SigningKey key;
  Window window;  // in which it is believed
};
// Whoever the authorities vouch for: for those who judge the reported identity themselves.
struct AnyIdentity {};
using ExpectedSigner = std::variant<ExpectedIdentity, ExpectedKey, AnyIdentity>;

// What a public instance always gives, and a private one may not have. Both are demanded unless the caller says so.
struct Demands {
  bool log_entry = true;
  bool certificate_timestamp = true;
};

struct ProvedTime {
  Instant time;
  std::string by;  // "log <url>", "timestamp authority <uri>"
};

class VerifiedSigstore {
 public:
  const std::optional<SignerIdentity>& identity() const { return identity_; }  // absent: a key signed
  const std::string& key_id() const { return key_id_; }                        // SHA-256 of the SPKI, hex
  const std::vector<ProvedTime>& times() const { return times_; }
  std::size_t log_entries() const { return log_entries_; }
  // The signed statement, when the bundle carries one in an envelope.
  const std::optional<std::string>& statement() const { return statement_; }

 private:
  friend class BundleCheck;
  VerifiedSigstore() = default;
  std::optional<SignerIdentity> identity_;
  std::string key_id_;
  std::vector<ProvedTime> times_;
  std::size_t log_entries_ = 0;
  std::optional<std::string> statement_;
};

// `artifact`: its bytes or its digest. Absent, only a statement can be verified, and what it is about is the caller's to
// judge: its subjects are in statement().
Result<VerifiedSigstore> verify_bundle(std::string_view bundle, const std::optional<Signed>& artifact, const TrustedRoot& root,
                                       const ExpectedSigner& expected, const Demands& demands = {});

}  // namespace airlock::verify::sigstore
