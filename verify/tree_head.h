// verify/tree_head: signed tree heads of Certificate Transparency logs (RFC 6962 section 3.5). Pure.
//
// What is signed is the TreeHeadSignature struct: version 0, type 1, timestamp, size, root. The signature comes as a
// DigitallySigned struct (hash SHA-256 and ECDSA, RFC 5246 section 4.7); in a note the timestamp stands before it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "verify/keys.h"

namespace airlock::verify {

// `signature` as in a note: 8 bytes of timestamp (milliseconds, big-endian), then DigitallySigned. P-256 only.
bool verify_tree_head_signature(std::uint64_t size, const Digest& root, std::string_view signature, const PublicKey& key);

struct SignedTreeHead {
  std::uint64_t size = 0;
  std::uint64_t timestamp = 0;  // milliseconds since 1970
  Digest root = Digest::of_empty();
};
// The answer of get-sth (RFC 6962 section 4.3) under the log's key. kNoteMalformed: not such a document;
// kNoteSignature: not signed by the key.
Result<SignedTreeHead> verify_sth(std::string_view json, const PublicKey& key);

}  // namespace airlock::verify
