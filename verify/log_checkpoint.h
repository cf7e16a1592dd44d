// verify/log_checkpoint: checkpoints of Rekor logs and proofs carried with them. Pure.
//
// A Rekor checkpoint is a signed note of which one line must be the log's own; lines of witnesses and others are passed
// over. Rekor v1: the name is the origin up to " - ", the hash the first 4 bytes of SHA-256(SPKI), ECDSA P-256 over the
// text. Rekor v2: the name is the origin, the hash that of a note key, Ed25519.
// A tlog-proof (https://c2sp.org/tlog-proof@v1) is a leaf index and an inclusion proof in front of a checkpoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verify/merkle_proof.h"
#include "verify/note.h"

namespace airlock::verify {

class VerifiedLogCheckpoint {
 public:
  const Checkpoint& get() const { return checkpoint_; }

 private:
  friend Result<VerifiedLogCheckpoint> verify_log_checkpoint(std::string_view, const PublicKey&);
  explicit VerifiedLogCheckpoint(Checkpoint checkpoint) : checkpoint_(std::move(checkpoint)) {}
  Checkpoint checkpoint_;
};

// kNoteMalformed; kNoteSignature: no line of the log's name and key, or it does not verify.
Result<VerifiedLogCheckpoint> verify_log_checkpoint(std::string_view signed_note, const PublicKey& log_key);

// Unverified: check the checkpoint, then the proof against its root with check_inclusion().
struct TlogProof {
  std::optional<std::string> extra;  // raw bytes
  std::uint64_t index = 0;
  Proof hashes;
  std::string checkpoint;            // the signed note behind it, as it came
};
Result<TlogProof> parse_tlog_proof(std::string_view text);  // kNoteMalformed, kTooLarge

}  // namespace airlock::verify
