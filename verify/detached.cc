#include "verify/detached.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/encoding.h"
#include "base/path.h"
#include "manifests/pem.h"
#include "verify/key_der.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

constexpr std::string_view kUntrusted = "untrusted comment: ", kTrusted = "trusted comment: ", kPlain = "Ed",
                           kPrehashed = "ED", kMinisignWord = "minisign ";
constexpr std::size_t kTag = 2, kNumber = 8, kPoint = 32, kSignatureBytes = 64, kMaxSignatureFile = 64 * 1024;

// The lines of a small text file; the last may lack its line feed, and any may end as other systems end them.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string key_number_hex(std::string number) {  // written as minisign does: a little-endian number
  std::ranges::reverse(number);
  std::string hex = to_hex(number);
  std::ranges::transform(hex, hex.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return hex;
}

std::string own_number(std::string_view key_id) { return from_hex(key_id.substr(0, 2 * kNumber)).value_or(""); }

std::unexpected<Error> malformed(const std::string& why) { return fail(Code::kSignatureFile, why); }

struct TaggedSignature {
  bool prehashed;
  std::string number, signature;
};

Result<TaggedSignature> parse_tagged(std::string_view line) {
  const auto bytes = from_base64(line);
  if (!bytes || bytes->size() != kTag + kNumber + kSignatureBytes)
    return malformed("the second line is not base64 of 74 bytes");
  const std::string_view tag = std::string_view(*bytes).substr(0, kTag);
  if (tag != kPlain && tag != kPrehashed) return malformed("a signature of an algorithm nobody knows");
  return TaggedSignature{tag == kPrehashed, bytes->substr(kTag, kNumber), bytes->substr(kTag + kNumber)};
}

std::string blake2b_512(std::string_view data) {
  init_sodium();
  std::string out(crypto_generichash_BYTES_MAX, '\0');
  crypto_generichash(bytes_of(out), out.size(), bytes_of(data), data.size(), nullptr, 0);
  return out;
}

Result<DetachedForm> verify_tagged(const DetachedKey& key, const std::vector<std::string_view>& lines,
                                   std::string_view data) {
  if (lines.size() != 2 && lines.size() != 4)
    return malformed(std::to_string(lines.size()) + " lines: signify writes 2, minisign 4");
  const bool minisign = lines.size() == 4;
  // Without its last two lines an old minisign signature would pass for signify's, and lose its trusted comment.
  if (!minisign && key.minisign_only()) return malformed("2 lines, where a minisign key needs 4");
  if (!lines[0].starts_with(kUntrusted)) return malformed("no untrusted comment in the first line");
  const TaggedSignature tagged = TRY(parse_tagged(lines[1]));
  if (tagged.prehashed && !minisign) return malformed("a prehashed signature in signify's form");
  if (tagged.number != key.number())
    return fail(Code::kSignature, "it was made by key " + key_number_hex(tagged.number) + ", given is " +
                                      key_number_hex(*key.number()));
  const std::string hash = tagged.prehashed ? blake2b_512(data) : std::string();
  if (!key.key().verify(tagged.prehashed ? std::string_view(hash) : data, tagged.signature))
    return fail(Code::kSignature, "the file is not what key " + key_number_hex(tagged.number) + " signed");
  if (!minisign) return DetachedForm::kSignify;
  if (!lines[2].starts_with(kTrusted)) return malformed("no trusted comment in the third line");
  const auto global = from_base64(lines[3]);
  if (!global || global->size() != kSignatureBytes) return malformed("the fourth line is not base64 of 64 bytes");
  if (!key.key().verify(tagged.signature + std::string(lines[2].substr(kTrusted.size())), *global))
    return fail(Code::kSignature, "the trusted comment is not what was signed");
  return tagged.prehashed ? DetachedForm::kMinisignPrehashed : DetachedForm::kMinisign;
}

// Raw bytes as `openssl pkeyutl` writes them, or base64 of them as `cosign sign-blob` does.
bool verify_raw(const PublicKey& key, std::string_view signature, std::string_view data) {
  SignedMessage message(data);
  if (message.verified_by(key, signature)) return true;
  while (signature.ends_with('\n') || signature.ends_with('\r')) signature.remove_suffix(1);
  const auto bytes = from_base64(signature);
  return bytes && message.verified_by(key, *bytes);
}

}  // namespace

std::string_view to_string(DetachedForm form) {
  switch (form) {
    case DetachedForm::kRaw: return "raw";
    case DetachedForm::kMinisign: return "minisign";
    case DetachedForm::kMinisignPrehashed: return "minisign-prehashed";
    case DetachedForm::kSignify: return "signify";
  }
  std::unreachable();
}

Result<DetachedKey> DetachedKey::parse(std::string_view text) {
  if (manifests::pem_label(text)) {
    PublicKey key = TRY(PublicKey::from_pem(text));
    return DetachedKey(std::move(key), std::nullopt, false);
  }
  const auto lines = lines_of(text);
  const bool bare = lines.size() == 1;
  if (!bare && (lines.size() != 2 || !lines[0].starts_with(kUntrusted)))
    return fail(Code::kKeyUnreadable, "neither PEM nor the public key of minisign or signify");
  const auto bytes = from_base64(lines.back());
  if (!bytes || bytes->size() != kTag + kNumber + kPoint || !bytes->starts_with(kPlain))
    return fail(Code::kKeyUnreadable, "neither PEM nor the public key of minisign or signify");
  PublicKey key = TRY(PublicKey::from_raw_ed25519(std::string_view(*bytes).substr(kTag + kNumber)));
  const bool minisign = bare || lines[0].substr(kUntrusted.size()).starts_with(kMinisignWord);
  return DetachedKey(std::move(key), bytes->substr(kTag, kNumber), minisign);
}

Result<VerifiedDetached> verify_detached(const DetachedKey& key, std::string_view signature, std::string_view data) {
  if (signature.size() > kMaxSignatureFile) return malformed(std::to_string(signature.size()) + " bytes");
  if (!key.number()) {
    if (signature.empty()) return malformed("an empty file");
    if (!verify_raw(key.key(), signature, data)) return fail(Code::kSignature, "key " + key.key().key_id());
    return VerifiedDetached(DetachedForm::kRaw, std::nullopt);
  }
  const auto lines = lines_of(signature);
  const DetachedForm form = TRY(verify_tagged(key, lines, data));
  std::optional<std::string> comment;
  if (form != DetachedForm::kSignify) comment = std::string(lines[2].substr(kTrusted.size()));
  return VerifiedDetached(form, std::move(comment));
}

Result<std::string> sign_detached(const PrivateKey& key, DetachedForm form, std::string_view data,
                                  std::string_view trusted_comment) {
  if (form == DetachedForm::kRaw) return to_base64(TRY(key.sign(data))) + "\n";
  if (key.public_key().algorithm() != KeyAlgorithm::kEd25519)
    return fail(Code::kKeyUnsupported, std::string(to_string(form)) + " knows Ed25519 only");
  if (!valid_utf8(trusted_comment) || trusted_comment.find_first_of("\r\n") != std::string_view::npos)
    return fail(Code::kUsage, "a trusted comment is one line of UTF-8");
  const bool prehashed = form == DetachedForm::kMinisignPrehashed;
  const std::string number = own_number(key.key_id());
  const std::string signature = TRY(key.sign(prehashed ? blake2b_512(data) : std::string(data)));
  std::string out = std::string(kUntrusted) + "signature by airlock key " + key.key_id().substr(0, 16) + "\n" +
                    to_base64(std::string(prehashed ? kPrehashed : kPlain) + number + signature) + "\n";
  if (form == DetachedForm::kSignify) return out;
  const std::string global = TRY(key.sign(signature + std::string(trusted_comment)));
  return out + std::string(kTrusted) + std::string(trusted_comment) + "\n" + to_base64(global) + "\n";
}

Result<std::string> write_detached_key(const PublicKey& key, DetachedForm form) {
  if (form == DetachedForm::kRaw) return key.pem();
  if (key.algorithm() != KeyAlgorithm::kEd25519)
    return fail(Code::kKeyUnsupported, std::string(to_string(form)) + " knows Ed25519 only");
  const std::string number = own_number(key.key_id());
  const std::string comment = form == DetachedForm::kSignify ? "airlock " + key.key_id().substr(0, 16) + " public key"
                                                             : "minisign public key " + key_number_hex(number);
  return std::string(kUntrusted) + comment + "\n" + to_base64(std::string(kPlain) + number + key.raw()) + "\n";
}

Result<PublicKey> read_public_key(std::string_view text) { return TRY(DetachedKey::parse(text)).key(); }

}  // namespace airlock::verify
