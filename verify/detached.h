// verify/detached: signatures in a file of their own: minisign, signify, and the raw signature of a PEM key.
//
// minisign (https://jedisct1.github.io/minisign/) and signify (OpenBSD's signify(1)) share the key file: a comment
// line, then base64 of "Ed", an 8-byte key number, 32 bytes of Ed25519. A signify signature is two lines and covers the
// file. A minisign signature is four: "Ed" covers the file, "ED" its BLAKE2b-512; the fourth line covers the signature
// and the trusted comment. Key numbers must agree. A signature under a PEM key is raw bytes or base64 text of them, by
// any scheme of the key. Comments in the first line are nobody's word.
// Errors: kKeyUnreadable, kKeyUnsupported, kSignatureFile (not such a file), kSignature (it does not verify).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verify/keys.h"

namespace airlock::verify {

enum class DetachedForm { kRaw, kMinisign, kMinisignPrehashed, kSignify };
std::string_view to_string(DetachedForm form);  // "raw", "minisign", "minisign-prehashed", "signify"

// A public key as files of detached signatures are checked with: PEM, minisign, signify, or minisign's bare base64.
class DetachedKey {
 public:
  static Result<DetachedKey> parse(std::string_view text);
  const PublicKey& key() const { return key_; }
  const std::optional<std::string>& number() const { return number_; }  // 8 raw bytes; none: PEM
  bool minisign_only() const { return minisign_only_; }  // its comment says minisign: a signify signature is refused

 private:
  DetachedKey(PublicKey key, std::optional<std::string> number, bool minisign_only)
      : key_(std::move(key)), number_(std::move(number)), minisign_only_(minisign_only) {}
  PublicKey key_;
  std::optional<std::string> number_;
  bool minisign_only_;
};

// Only verify_detached() makes one: these bytes were signed by this key.
class VerifiedDetached {
 public:
  DetachedForm form() const { return form_; }
  const std::optional<std::string>& trusted_comment() const { return trusted_comment_; }  // minisign: signed, too

 private:
  friend Result<VerifiedDetached> verify_detached(const DetachedKey&, std::string_view, std::string_view);
  VerifiedDetached(DetachedForm form, std::optional<std::string> comment)
      : form_(form), trusted_comment_(std::move(comment)) {}
  DetachedForm form_;
  std::optional<std::string> trusted_comment_;
};

Result<VerifiedDetached> verify_detached(const DetachedKey& key, std::string_view signature, std::string_view data);

// What is written. minisign and signify need an Ed25519 key (kKeyUnsupported); its number is the first 8 bytes of the
// key id. The trusted comment is one line of UTF-8 (kUsage), of minisign only. Raw: base64 text and a line feed.
Result<std::string> sign_detached(const PrivateKey& key, DetachedForm form, std::string_view data,
                                  std::string_view trusted_comment);
Result<std::string> write_detached_key(const PublicKey& key, DetachedForm form);

// A public key in any of the forms above, for whoever needs no number.
Result<PublicKey> read_public_key(std::string_view text);

}  // namespace airlock::verify
