// verify/dsse: Dead Simple Signing Envelopes, version 1.0.2 (https://github.com/secure-systems-lab/dsse).
//
// Written form: {"payload": base64, "payloadType", "signatures": [{"keyid", "sig"}]}, canonical JSON, standard base64.
// Read form: either base64 alphabet (padded, never mixed), unknown fields ignored, duplicate keys refused.
// A threshold counts distinct keys by their bytes. `keyid` is a hint that never rejects: every key is tried, with every
// scheme of its algorithm (scheme.h), because an envelope names none.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/signer.h"
#include "verify/keys.h"

namespace airlock::verify {

// What is signed: "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload; LEN in bytes, decimal.
std::string pae(std::string_view payload_type, std::string_view payload);

struct EnvelopeSignature {
  std::string keyid;  // may be empty
  std::string sig;    // raw bytes
};

// Unverified: whoever holds one knows nothing about its payload.
struct Envelope {
  std::string payload_type;
  std::string payload;  // decoded bytes
  std::vector<EnvelopeSignature> signatures;
};

// kDsseMalformed with the place: not strict JSON, a field amiss, no signature, more than limits.signatures. kTooLarge:
// the text is longer than limits.manifest_bytes. `what` names the document in errors.
Result<Envelope> parse_envelope(std::string_view text, std::string_view what = "envelope", const Limits& limits = {});

std::string write_envelope(const Envelope& envelope);  // canonical JSON, no final line feed

// Signs with each signer in turn; kUsage when there is none. Same input, same bytes.
Result<std::string> sign_envelope(std::string_view payload_type, std::string_view payload,
                                  std::span<const Signer* const> signers);

// Adds one more signature over the same payload; a second one by a key of the same id replaces the first.
Result<void> add_signature(Envelope& envelope, const Signer& signer);

// The same on the text of an envelope: fields that this program does not know stay where they are. Canonical JSON.
Result<std::string> add_signatures(std::string_view envelope, std::span<const Signer* const> signers,
                                   std::string_view what = "envelope", const Limits& limits = {});

class VerifiedPayload {
 public:
  const std::string& payload() const { return payload_; }
  std::string take_payload() && { return std::move(payload_); }
  const std::vector<std::string>& key_ids() const { return key_ids_; }  // distinct keys that verified, sorted

 private:
  friend Result<VerifiedPayload> verify_envelope(Envelope, std::span<const PublicKey>, std::size_t, std::string_view);
  VerifiedPayload(std::string payload, std::vector<std::string> key_ids)
      : payload_(std::move(payload)), key_ids_(std::move(key_ids)) {}
  std::string payload_;
  std::vector<std::string> key_ids_;
};

// kDsseThreshold: fewer than `threshold` (at least 1) distinct keys of `keys` signed it; the context says how many did.
// kDssePayloadType, looked at only after the signatures: the type is not `payload_type`.
Result<VerifiedPayload> verify_envelope(Envelope envelope, std::span<const PublicKey> keys, std::size_t threshold,
                                        std::string_view payload_type);

}  // namespace airlock::verify
