#include "verify/note.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/note_text.h"
#include "base/path.h"
#include "verify/note_lines.h"
#include "verify/tree_head.h"

namespace airlock::verify {
namespace {

constexpr std::size_t kMaxNoteBytes = 1 << 20, kMaxSignatures = 100, kHashBytes = 4, kEd25519Bytes = 32;
constexpr char kEd25519Type = '\x01', kTreeHeadType = '\x05';
constexpr std::string_view kMark = "\xE2\x80\x94 ";  // U+2014 and a space

std::unexpected<Error> malformed(std::string why) { return fail(Code::kNoteMalformed, std::move(why)); }

std::unexpected<Error> bad_name(std::string_view name) {
  return malformed("\"" + std::string(name.substr(0, 200)) + "\" cannot name a key in a note");
}

// Notes are written in the standard alphabet only: one note has one spelling.
Result<std::string> note_base64(std::string_view text) {
  if (text.find_first_of("-_") != std::string_view::npos) return malformed("base64 in the URL-safe alphabet");
  return from_base64(text);
}

// Names stand between spaces in a signature line and before '+' in a verifier key.
bool name_ok(std::string_view name) {
  const auto bad = [](char c) { return c == '+' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
  // White space to other readers: U+0085, U+00A0, U+1680, U+2000..U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.
  for (std::string_view space : {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                 "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"})
    if (name.contains(space)) return false;
  for (std::size_t at = name.find("\xE2\x80"); at != std::string_view::npos;
       at = name.find("\xE2\x80", at + 1))
    if (at + 2 < name.size() && static_cast<unsigned char>(name[at + 2]) >= 0x80 &&
        static_cast<unsigned char>(name[at + 2]) <= 0x8A)
      return false;
  return !name.empty() && std::ranges::none_of(name, bad) && valid_utf8(name);
}

bool text_ok(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  return text.size() >= 2 && text.ends_with('\n') && valid_utf8(text) && std::ranges::none_of(text, control);
}

Result<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kMark))
    return malformed("a signature line that does not begin with an em dash and a space");
  line.remove_prefix(kMark.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return malformed("a signature line without two parts");
  const std::string_view name = line.substr(0, space);
  if (!name_ok(name)) return malformed("a signature line with a bad name");
  const auto bytes = note_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= kHashBytes)
    return malformed("a signature line whose last part is not a signature");
  return NoteSignature{std::string(name), bytes->substr(0, kHashBytes), bytes->substr(kHashBytes)};
}

std::string signature_line(const NoteSignature& s) {
  return std::string(kMark) + s.name + " " + to_base64(s.key_hash + s.signature) + "\n";
}

bool same_id(const NoteKey& key, const NoteSignature& line) {
  return key.name == line.name && key.hash() == line.key_hash;
}

bool line_verifies(const NoteKey& key, const std::string& text, const std::string& signature) {
  if (key.key.algorithm() == KeyAlgorithm::kEd25519) return key.key.verify(text, signature);
  // A tree head says nothing of the origin: what is signed is what the lines mean only where the origin is the key's name.
  const auto checkpoint = parse_checkpoint(text);
  return checkpoint && checkpoint->origin == key.name && checkpoint->extensions.empty() && verify_tree_head_signature(checkpoint->size, checkpoint->root, signature, key.key);
}

// Takes the text up to the next line feed off `rest`; false when there is none.
}  // namespace

Result<NoteKey> NoteKey::make(std::string name, PublicKey key) {
  if (!name_ok(name)) return bad_name(name);
  if (key.algorithm() != KeyAlgorithm::kEd25519)
    return fail(Code::kKeyUnsupported, "a note needs an Ed25519 key, not " + std::string(to_string(key.algorithm())));
  return NoteKey{std::move(name), std::move(key)};
}

Result<NoteKey> NoteKey::parse(std::string_view vkey) {
  const auto first = vkey.find('+');
  const auto second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos) return malformed("a verifier key needs the form NAME+HASH+KEY");
  const auto hash = from_hex(vkey.substr(first + 1, second - first - 1));
  const auto bytes = note_base64(vkey.substr(second + 1));
  if (!hash || hash->size() != kHashBytes || !bytes || bytes->empty())
    return malformed("a verifier key needs the form NAME+HASH+KEY");
  const char type = bytes->front();
  const std::string rest = bytes->substr(1);
  if (type != kEd25519Type && type != kTreeHeadType)
    return fail(Code::kKeyUnsupported, "a verifier key of type " + std::to_string(static_cast<unsigned char>(type)));
  PublicKey public_key = type == kEd25519Type ? TRY(PublicKey::from_raw_ed25519(rest)) : TRY(PublicKey::from_der(rest));
  const auto algorithm = type == kEd25519Type ? KeyAlgorithm::kEd25519 : KeyAlgorithm::kEcdsaP256;
  if (public_key.algorithm() != algorithm) return fail(Code::kKeyUnsupported, "a verifier key of type 5 that is not P-256");
  const std::string_view name = vkey.substr(0, first);
  if (!name_ok(name)) return bad_name(name);
  NoteKey key{std::string(name), std::move(public_key)};
  if (key.hash() != *hash) return malformed("the hash of the verifier key is not its own");
  return key;
}

std::string NoteKey::text() const {
  const bool ed25519 = key.algorithm() == KeyAlgorithm::kEd25519;
  const std::string typed = ed25519 ? kEd25519Type + key.raw() : kTreeHeadType + key.der();
  return name + "+" + to_hex(hash()) + "+" + to_base64(typed);
}

std::string NoteKey::hash() const {
  if (key.algorithm() == KeyAlgorithm::kEd25519) return note_key_hint(name, key.raw());
  // static-ct-api, "Checkpoints": the log's id, which is the SHA-256 of its key, stands where the key would.
  const std::string log_id(Digest::of(key.der()).raw());
  return std::string(Digest::of(name + "\n" + kTreeHeadType + log_id).raw().substr(0, kHashBytes));
}

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kMaxNoteBytes)
    return fail(Code::kTooLarge, "a note of more than " + std::to_string(kMaxNoteBytes) + " bytes");
  // The last empty line: the text itself may hold others.
  const auto split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return malformed("no empty line before the signatures");
  Note note{std::string(bytes.substr(0, split + 1)), {}};
  if (!text_ok(bytes)) return malformed("not UTF-8 lines, or control characters in them");
  std::string_view rest = bytes.substr(split + 2), line;
  while (take_line(rest, line)) {
    if (note.signatures.size() == kMaxSignatures)
      return malformed("more than " + std::to_string(kMaxSignatures) + " signature lines");
    note.signatures.push_back(TRY(parse_signature(line)));
  }
  if (!rest.empty()) return malformed("the last line does not end");
  if (note.signatures.empty()) return malformed("no signature line");
  return note;
}

std::string write_note(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& s : note.signatures) out += signature_line(s);
  return out;
}

Result<void> sign_note(Note& note, std::string_view name, const Signer& signer) {
  if (!text_ok(note.text))
    return malformed("the text of a note must be lines of UTF-8 without control characters");
  if (!name_ok(name)) return bad_name(name);
  if (signer.raw_public_key().size() != kEd25519Bytes)
    return fail(Code::kKeyUnsupported, "a note needs an Ed25519 key, key " + signer.key_id());
  std::string signature = TRY(signer.sign(note.text));
  note.signatures.push_back({std::string(name), note_key_hint(name, signer.raw_public_key()), std::move(signature)});
  return {};
}

Result<VerifiedNote> verify_note(const Note& note, std::span<const NoteKey> keys) {
  std::vector<std::string> names;
  std::set<std::string> seen_keys, seen_lines;
  std::size_t ignored = 0;
  for (const NoteSignature& line : note.signatures) {
    const auto key = std::ranges::find_if(keys, [&](const NoteKey& k) { return same_id(k, line); });
    if (key == keys.end()) {
      if (seen_lines.insert(signature_line(line)).second) ++ignored;
      continue;
    }
    // Two keys of one name and hash, or one listed twice: which of them signed would depend on the order of
    // the list.
    if (std::ranges::count_if(keys, [&](const NoteKey& k) { return same_id(k, line); }) != 1)
      return fail(Code::kNoteSignature, "two of the given keys are both \"" + line.name + "\" with one hash");
    if (!seen_keys.insert(line.name + line.key_hash).second) continue;
    if (!line_verifies(*key, note.text, line.signature))
      return fail(Code::kNoteSignature, "the signature of \"" + line.name + "\" does not verify");
    names.push_back(line.name);
  }
  if (names.empty())
    return fail(Code::kNoteSignature, "none of its " + std::to_string(note.signatures.size()) +
                                          " signatures is by one of the given keys");
  return VerifiedNote(note.text, std::move(names), ignored);
}

Result<CheckpointBody> parse_checkpoint_body(std::string_view note_text) {
  std::string_view rest = note_text, origin, size_text, root_text, line;
  if (!take_line(rest, origin) || !take_line(rest, size_text) || !take_line(rest, root_text))
    return malformed("a checkpoint needs three lines: origin, size, root");
  if (origin.empty()) return malformed("a checkpoint without an origin");
  const auto size = whole_number(size_text);
  if (!size) return malformed("the size of a checkpoint is not a whole number");
  auto root = note_base64(root_text);
  if (!root || root->empty()) return malformed("the root of a checkpoint is not base64");
  CheckpointBody body{std::string(origin), *size, std::move(*root), {}};
  while (take_line(rest, line)) body.extensions.emplace_back(line);
  if (!rest.empty()) return malformed("the last line of a checkpoint does not end");
  return body;
}

Result<Checkpoint> parse_checkpoint(std::string_view note_text) {
  CheckpointBody body = TRY(parse_checkpoint_body(note_text));
  if (body.root.size() != Digest::kSize) return malformed("the root of a checkpoint is not base64 of 32 bytes");
  for (const std::string& line : body.extensions)
    if (line.empty()) return malformed("an empty extension line in a checkpoint");
  const Digest root = TRY(Digest::from_raw(body.root));
  return Checkpoint{std::move(body.origin), body.size, root, std::move(body.extensions)};
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  std::string out = checkpoint_body(checkpoint.origin, checkpoint.size, checkpoint.root);
  for (const std::string& line : checkpoint.extensions) out += line + "\n";
  return out;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, std::string_view name,
                                    const Signer& signer) {
  Note note{checkpoint_text(checkpoint), {}};
  // A line feed hidden in a field would be read back as another checkpoint.
  if (TRY(parse_checkpoint(note.text)) != checkpoint)
    return malformed("a field of the checkpoint holds a line feed");
  TRY(sign_note(note, name, signer));
  return write_note(note);
}

Result<VerifiedCheckpoint> verify_checkpoint(std::string_view bytes, std::string_view name,
                                             std::span<const PublicKey> keys) {
  const Note note = TRY(parse_note(bytes));
  std::vector<NoteKey> note_keys;
  for (const PublicKey& key : keys) {
    const auto same = [&](const NoteKey& k) { return k.key == key; };
    if (std::ranges::none_of(note_keys, same))
      note_keys.push_back(TRY(NoteKey::make(std::string(name), key)));
  }
  const VerifiedNote verified = TRY(verify_note(note, note_keys));
  const auto signed_by = [&](const NoteKey& k) {
    return std::ranges::any_of(note.signatures, [&](const NoteSignature& s) { return same_id(k, s); });
  };
  const auto signer = std::ranges::find_if(note_keys, signed_by);  // there is one: verify_note found it
  return VerifiedCheckpoint(TRY(parse_checkpoint(verified.text())), signer->key.key_id());
}

}  // namespace airlock::verify
