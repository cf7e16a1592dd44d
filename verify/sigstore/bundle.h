// verify/sigstore/bundle: a Sigstore bundle as values (https://github.com/sigstore/protobuf-specs, sigstore_bundle.proto),
// versions 0.1, 0.2 and 0.3. Unverified: whoever holds one knows nothing yet.
//
// {"mediaType", "verificationMaterial": {"certificate" | "x509CertificateChain" | "publicKey", "tlogEntries",
//  "timestampVerificationData"}, "messageSignature" | "dsseEnvelope"}
// The rules of form: 0.1 needs a signed entry timestamp with each log entry, 0.2 and 0.3 an inclusion proof with its
// checkpoint; 0.3 carries one certificate, never a chain; a chain of 0.2 never holds a root.
// Errors: kSigstoreMalformed, kJson, kTooLarge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "verify/certificate.h"
#include "verify/sigstore/signing_key.h"

namespace airlock::verify::sigstore {

inline constexpr std::size_t kMaxBundleBytes = 16U << 20;
inline constexpr std::size_t kMaxEntries = 32, kMaxTimestamps = 32;

enum class Version { k01, k02, k03 };

struct InclusionProof {
  std::uint64_t log_index = 0, tree_size = 0;
  std::string root;                 // 32 bytes
  std::vector<std::string> hashes;  // of 32 bytes
  std::string checkpoint;           // a signed note; empty when there is none (0.1 alone)
};

struct LogEntry {
  std::uint64_t log_index = 0;
  std::string log_id;                            // as in the trusted root
  std::string kind, version;                     // "hashedrekord", "0.0.1"
  std::optional<Instant> integrated_time;        // a claim until the entry timestamp verifies
  std::optional<std::string> entry_timestamp;    // the SET: a signature
  std::optional<InclusionProof> proof;
  std::string body;                              // canonicalized, as it was hashed
};

struct MessageSignature {
  std::optional<std::pair<Hash, std::string>> digest;  // of the artifact, as the signer says
  std::string signature;
};

struct DsseContent {
  std::string payload, payload_type, signature;
};

struct KeyHint {
  std::string hint;
};

struct Bundle {
  Version version = Version::k03;
  std::variant<Certificate, KeyHint> signer;  // the leaf, or a key that the verifier must know
  std::vector<Certificate> intermediates;     // that a chain brought along; never anchors
  std::vector<LogEntry> entries;              // distinct
  std::vector<std::string> timestamps;        // RFC 3161 responses, distinct
  std::variant<MessageSignature, DsseContent> content;

  // The signature that log entries and timestamps are about.
  const std::string& signature() const;
};

Result<Bundle> parse_bundle(std::string_view text);

}  // namespace airlock::verify::sigstore
