// base/note_text: writes a signed checkpoint, and nothing else of notes; verify/note reads and checks them.
//
// C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint) as a signed note (https://c2sp.org/signed-note) with one
// Ed25519 signature. Pure but for the signer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/signer.h"

namespace airlock {

// "origin LF size LF base64(root) LF": what is signed.
std::string checkpoint_body(std::string_view origin, std::uint64_t size, const Digest& root);

// The 4 bytes that name a key in a note: the start of SHA-256(name || LF || 0x01 || raw key).
std::string note_key_hint(std::string_view name, std::string_view raw_public_key);

// The whole note. kKeyUnsupported when the signer's key or signature has not the size of Ed25519.
Result<std::string> signed_checkpoint(std::string_view name, std::string_view origin, std::uint64_t size,
                                      const Digest& root, const Signer& signer);

}  // namespace airlock
