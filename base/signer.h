// base/signer: the port through which a module signs without knowing what a key is. verify::PrivateKey implements it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock {

class Signer {
 public:
  virtual ~Signer() = default;
  virtual std::string key_id() const = 0;                                   // SHA-256 of the SPKI, hex
  virtual std::string raw_public_key() const = 0;                           // 32 bytes for Ed25519
  virtual Result<std::string> sign(std::string_view message) const = 0;     // raw signature bytes
};

}  // namespace airlock
