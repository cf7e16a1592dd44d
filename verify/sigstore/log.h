// verify/sigstore/log: whether a transparency log entry is in its log, and whether it is about this signature.
//
// Rekor v1 promises inclusion (SET, a signature over the entry and its time) and proves it; v2 only proves it. A proof is
// worth what its checkpoint is: a signed note of the log over the size and root the proof leads to.
// Errors: kSigstoreLog.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "verify/sigstore/bundle.h"
#include "verify/sigstore/trusted_root.h"

namespace airlock::verify::sigstore {

// What an entry proves by itself. `time`: set when the log has signed for it.
struct ProvenEntry {
  const Log* log = nullptr;
  std::optional<Instant> time;
};
// Signed entry timestamp and inclusion proof, those that the entry has; at least one of them. The window of the log is
// judged by the caller, who knows the time.
Result<ProvenEntry> prove_entry(const LogEntry& entry, const std::vector<Log>& logs);

// What the entry must be about: the signature, who made it, and what it is of.
struct Logged {
  const Bundle& bundle;
  const Signed& artifact;                          // for message signatures
  std::variant<const Certificate*, const SigningKey*> signer;
};
Result<void> check_body(const LogEntry& entry, const Logged& logged);

}  // namespace airlock::verify::sigstore
