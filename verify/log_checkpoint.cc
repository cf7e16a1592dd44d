#include "verify/log_checkpoint.h"


#include "base/encoding.h"
#include "base/note_text.h"
#include "verify/note_lines.h"

namespace airlock::verify {
namespace {

constexpr std::string_view kProofHeader = "c2sp.org/tlog-proof@v1", kExtra = "extra ", kIndex = "index ";
constexpr std::size_t kHashBytes = 4, kMaxProofBytes = 1 << 20;
constexpr std::size_t kMaxHashes = 63;  // a longer path belongs to no tree of 64-bit size

std::unexpected<Error> malformed(std::string why) { return fail(Code::kNoteMalformed, "tlog proof: " + std::move(why)); }

std::string name_of(const std::string& origin) { return origin.substr(0, origin.find(" - ")); }

std::string hash_of_key(const std::string& name, const PublicKey& key) {
  if (key.algorithm() == KeyAlgorithm::kEd25519) return note_key_hint(name, key.raw());
  return std::string(Digest::of(key.der()).raw().substr(0, kHashBytes));
}

}  // namespace

Result<VerifiedLogCheckpoint> verify_log_checkpoint(std::string_view signed_note, const PublicKey& log_key) {
  const Note note = TRY(parse_note(signed_note));
  Checkpoint checkpoint = TRY(parse_checkpoint(note.text));
  const std::string name = name_of(checkpoint.origin), hash = hash_of_key(name, log_key);
  for (const NoteSignature& line : note.signatures) {
    if (line.name != name || line.key_hash != hash) continue;
    if (log_key.verify(note.text, line.signature)) return VerifiedLogCheckpoint(std::move(checkpoint));
    return fail(Code::kNoteSignature, "the signature of \"" + name + "\" does not verify");
  }
  return fail(Code::kNoteSignature, "no signature of \"" + name + "\" by the log's key");
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kMaxProofBytes) return fail(Code::kTooLarge, "a tlog proof of more than " + std::to_string(kMaxProofBytes) + " bytes");
  std::string_view rest = text, line;
  if (!take_line(rest, line) || line != kProofHeader) return malformed("it does not begin with " + std::string(kProofHeader));
  TlogProof proof;
  if (!take_line(rest, line)) return malformed("no index");
  if (line.starts_with(kExtra)) {
    const auto extra = from_base64(line.substr(kExtra.size()));
    if (!extra) return malformed("extra is not base64");
    proof.extra = *extra;
    if (!take_line(rest, line)) return malformed("no index");
  }
  if (!line.starts_with(kIndex)) return malformed("no index");
  const auto index = whole_number(line.substr(kIndex.size()));
  if (!index) return malformed("the index is not a whole number");
  proof.index = *index;
  for (;;) {
    if (!take_line(rest, line)) return malformed("no empty line before the checkpoint");
    if (line.empty()) break;
    if (proof.hashes.size() == kMaxHashes) return malformed("more than " + std::to_string(kMaxHashes) + " hashes");
    const auto hash = from_base64(line);
    if (!hash || hash->size() != Digest::kSize) return malformed("a hash that is not base64 of 32 bytes");
    proof.hashes.push_back(TRY(Digest::from_raw(*hash)));
  }
  if (rest.empty()) return malformed("no checkpoint");
  proof.checkpoint = std::string(rest);
  return proof;
}

}  // namespace airlock::verify
