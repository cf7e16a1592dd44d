#include "base/note_text.h"

#include "base/encoding.h"

namespace airlock {

std::string checkpoint_body(std::string_view origin, std::uint64_t size, const Digest& root) {
  std::string body(origin);
  body.append("\n").append(std::to_string(size)).append("\n").append(to_base64(root.raw())).append("\n");
  return body;
}

std::string note_key_hint(std::string_view name, std::string_view raw_public_key) {
  std::string input(name);
  input.append("\n\x01", 2).append(raw_public_key);
  return std::string(Digest::of(input).raw().substr(0, 4));
}

Result<std::string> signed_checkpoint(std::string_view name, std::string_view origin, std::uint64_t size,
                                      const Digest& root, const Signer& signer) {
  const std::string key = signer.raw_public_key();
  std::string note = checkpoint_body(origin, size, root);
  const std::string signature = TRY(signer.sign(note));
  if (key.size() != 32 || signature.size() != 64)
    return fail(Code::kKeyUnsupported, "a checkpoint needs an Ed25519 key, key " + signer.key_id());
  note.append("\n\u2014 ").append(name).append(" ").append(to_base64(note_key_hint(name, key) + signature)).append("\n");
  return note;
}

}  // namespace airlock
