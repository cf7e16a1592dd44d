// A note, a checkpoint or a verifier key that parses has exactly one spelling.
#include "fuzz.h"
#include "verify/note.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  if (const auto note = verify::parse_note(input)) {
    fuzz::require(verify::write_note(*note) == input);
    if (const auto checkpoint = verify::parse_checkpoint(note->text))
      fuzz::require(verify::checkpoint_text(*checkpoint) == note->text);
    static const std::vector<verify::PublicKey> keys = {
        verify::PrivateKey::from_seed("a key that has never signed....!").value().public_key()};
    fuzz::require(!verify::verify_checkpoint(input, "airlock/x", keys));
  }
  if (const auto key = verify::NoteKey::parse(input)) fuzz::require(key->text() == input);
  return 0;
}
