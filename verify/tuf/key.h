// verify/tuf/key: a key as TUF metadata spells it: {"keytype", "scheme", "keyval": {"public"}}.
//
// Accepted: ed25519 (64 hex digits); ecdsa-sha2-nistp256 and -nistp384, whose keytype is written "ecdsa" or like the
// scheme, with a PEM or, as before TUF 1.0, a raw point in hex; rsassa-pss-sha256 and rsa-pkcs1v15-sha256 with a PEM.
// A key of another kind is kept but verifies nothing: a root may list keys that other clients need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "verify/keys.h"

namespace airlock::verify::tuf {

class Key {
 public:
  // kTufMalformed with the place when it does not have the form of a key at all.
  static Result<Key> parse(const Json& value, const std::string& place);

  const std::string& keytype() const { return keytype_; }
  const std::string& scheme() const { return scheme_; }
  bool usable() const { return key_.has_value(); }
  // Equal for the same key, whatever its id and spelling. Empty when it is not usable.
  std::string identity() const;
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  std::string keytype_, scheme_;
  std::optional<PublicKey> key_;
};

// The form in which airlock writes a key, and its id: SHA-256 of the OLPC canonical form. kKeyUnsupported.
Result<Json> key_json(const PublicKey& key);
Result<std::string> key_id_of(const Json& key);

}  // namespace airlock::verify::tuf
