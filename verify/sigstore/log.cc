#include "verify/sigstore/log.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "verify/merkle_proof.h"
#include "verify/note.h"

namespace airlock::verify::sigstore {
namespace {

constexpr std::size_t kHintBytes = 4;

std::unexpected<Error> bad(std::string what) { return fail(Code::kSigstoreLog, std::move(what)); }

// Rekor signs the canonical JSON of these four, with the index of the whole log (not that of the proof's shard).
Result<void> check_entry_timestamp(const LogEntry& entry, const Log& log) {
  if (!entry.integrated_time) return bad("a signed entry timestamp without a time");
  const std::string text = canonical_json(Json{{"body", to_base64(entry.body)},
                                               {"integratedTime", entry.integrated_time->millis() / 1000},
                                               {"logID", to_hex(entry.log_id)},
                                               {"logIndex", entry.log_index}});
  if (!log.key.verify(text, *entry.entry_timestamp)) return bad("the signed entry timestamp is not the log's");
  return {};
}

// A log signs under the name in front of its origin's " - "; the hint is the start of its id, in Rekor v1 and v2 alike.
Result<Checkpoint> checkpoint_of(const InclusionProof& proof, const Log& log) {
  auto note = parse_note(proof.checkpoint);
  if (!note) return bad("checkpoint: " + note.error().context);
  auto checkpoint = parse_checkpoint(note->text);
  if (!checkpoint) return bad("checkpoint: " + checkpoint.error().context);
  const std::string name = checkpoint->origin.substr(0, checkpoint->origin.find(" - "));
  const std::string_view hint = std::string_view(log.id).substr(0, kHintBytes);
  bool signed_by_log = false;
  for (const NoteSignature& signature : note->signatures) {
    if (signature.name != name || signature.key_hash != hint) continue;  // of a witness, or of another key of the log
    if (!log.key.verify(note->text, signature.signature)) return bad("the checkpoint's signature does not hold");
    signed_by_log = true;
  }
  if (!signed_by_log) return bad("the checkpoint is not signed by the log");
  return checkpoint;
}

Result<void> check_proof(const LogEntry& entry, const Log& log) {
  const InclusionProof& proof = *entry.proof;
  const Digest root = TRY(Digest::from_raw(proof.root));
  Proof hashes;
  for (const std::string& hash : proof.hashes) hashes.push_back(TRY(Digest::from_raw(hash)));
  if (!check_inclusion(proof.log_index, proof.tree_size, merkle_leaf(entry.body), hashes, root))
    return bad("the inclusion proof does not lead to its root");
  if (proof.checkpoint.empty()) return {};  // then the signed entry timestamp alone vouches for the entry
  const Checkpoint checkpoint = TRY(checkpoint_of(proof, log));
  if (checkpoint.size != proof.tree_size || checkpoint.root != root) return bad("the checkpoint is of another tree than the proof");
  return {};
}

}  // namespace

Result<ProvenEntry> prove_entry(const LogEntry& entry, const std::vector<Log>& logs) {
  const Log* log = TrustedRoot::find(logs, entry.log_id);
  if (log == nullptr) return bad("no trusted log has the id " + to_hex(entry.log_id).substr(0, 16));
  if (!entry.entry_timestamp && !entry.proof) return bad("neither a signed entry timestamp nor an inclusion proof");
  if (entry.entry_timestamp) TRY(check_entry_timestamp(entry, *log));
  if (entry.proof) TRY(check_proof(entry, *log));
  // Without the log's signature the time is only what somebody wrote beside the entry.
  return ProvenEntry{log, entry.entry_timestamp ? entry.integrated_time : std::nullopt};
}

}  // namespace airlock::verify::sigstore
