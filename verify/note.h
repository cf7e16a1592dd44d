// verify/note: C2SP signed notes (https://c2sp.org/signed-note), and checkpoints (https://c2sp.org/tlog-checkpoint).
//
// A note is text that ends in a line feed, an empty line, and signature lines
//   U+2014 SP NAME SP base64(key hash (4 bytes) || signature) LF
// key hash: note_key_hint() of base/note_text.h, where the ledger's writing of checkpoints stands. Lines of unknown keys
// are ignored; a line of a known name and hash that does not verify refuses the note. At most 100 lines, 1 MiB.
// Keys: Ed25519 (type 1, over the text), and ECDSA P-256 (type 5, https://c2sp.org/static-ct-api: the signature is that of
// the RFC 6962 tree head which the checkpoint states). Ours are of type 1.
// A checkpoint's text is ORIGIN LF SIZE LF base64(root) LF and possibly extension lines, which must not be empty.
// Ours: origin "airlock/<instance>/<tenant>", signed under the name "airlock/<instance>".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/signer.h"
#include "verify/keys.h"

namespace airlock::verify {

struct NoteKey {
  std::string name;  // not empty, no white space, no '+'
  PublicKey key;

  static Result<NoteKey> make(std::string name, PublicKey key);
  // "NAME+HASH(8 hex digits)+base64(type || key)", as other tools write verifier keys: 0x01 and the 32 bytes of an Ed25519
  // key, or 0x05 and the DER of a P-256 key. kNoteMalformed, kKeyUnsupported.
  static Result<NoteKey> parse(std::string_view vkey);
  std::string text() const;  // the same form
  std::string hash() const;  // the 4 bytes that name the key in a note
};

struct NoteSignature {
  std::string name;
  std::string key_hash;   // 4 bytes
  std::string signature;  // of any algorithm
};

// Unverified.
struct Note {
  std::string text;  // with its final line feed
  std::vector<NoteSignature> signatures;
};

Result<Note> parse_note(std::string_view bytes);   // kNoteMalformed, kTooLarge
std::string write_note(const Note& note);
// Appends a line signed under `name`. kNoteMalformed: the text or name cannot stand in a note.
Result<void> sign_note(Note& note, std::string_view name, const Signer& signer);

class VerifiedNote {
 public:
  const std::string& text() const { return text_; }
  const std::vector<std::string>& names() const { return names_; }  // one for each key that verified, in note order
  std::size_t ignored() const { return ignored_; }                  // distinct lines of unknown keys

 private:
  friend Result<VerifiedNote> verify_note(const Note&, std::span<const NoteKey>);
  VerifiedNote(std::string text, std::vector<std::string> names, std::size_t ignored)
      : text_(std::move(text)), names_(std::move(names)), ignored_(ignored) {}
  std::string text_;
  std::vector<std::string> names_;
  std::size_t ignored_;
};

// kNoteSignature unless at least one of `keys` verifies.
Result<VerifiedNote> verify_note(const Note& note, std::span<const NoteKey> keys);

// What the lines of a checkpoint say, whatever is made of it: the root is of any length, extension lines may be empty.
struct CheckpointBody {
  std::string origin;
  std::uint64_t size = 0;
  std::string root;  // raw bytes
  std::vector<std::string> extensions;
};
Result<CheckpointBody> parse_checkpoint_body(std::string_view note_text);  // kNoteMalformed

// A checkpoint that can be used: a root of 32 bytes and no empty line.
struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Digest root;
  std::vector<std::string> extensions;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

Result<Checkpoint> parse_checkpoint(std::string_view note_text);  // kNoteMalformed
std::string checkpoint_text(const Checkpoint& checkpoint);
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, std::string_view name, const Signer& signer);

class VerifiedCheckpoint {
 public:
  const Checkpoint& get() const { return checkpoint_; }
  const std::string& signer() const { return signer_; }  // key id of the key that signed under `name`

 private:
  friend Result<VerifiedCheckpoint> verify_checkpoint(std::string_view, std::string_view, std::span<const PublicKey>);
  VerifiedCheckpoint(Checkpoint checkpoint, std::string signer)
      : checkpoint_(std::move(checkpoint)), signer_(std::move(signer)) {}
  Checkpoint checkpoint_;
  std::string signer_;
};

// `bytes` is the whole signed note. One of `keys` must have signed it under `name`. kNoteMalformed, kNoteSignature.
Result<VerifiedCheckpoint> verify_checkpoint(std::string_view bytes, std::string_view name,
                                             std::span<const PublicKey> keys);

}  // namespace airlock::verify
