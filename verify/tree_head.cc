#include "verify/tree_head.h"

#include "base/encoding.h"
#include "base/json.h"

namespace airlock::verify {
namespace {

constexpr std::size_t kTimestampBytes = 8;
// RFC 6962 section 3.5: Version v1(0), SignatureType tree_hash(1). RFC 5246 section 7.4.1.4.1: sha256(4), ecdsa(3).
constexpr std::string_view kTreeHead("\x00\x01", 2), kSha256Ecdsa("\x04\x03", 2);

std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (std::size_t i = 8; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 0xFF);
  return out;
}

bool verifies(std::string_view timestamp, std::uint64_t size, const Digest& root, std::string_view digitally_signed, const PublicKey& key) {
  if (digitally_signed.size() < 4 || !digitally_signed.starts_with(kSha256Ecdsa)) return false;
  const auto high = static_cast<unsigned char>(digitally_signed[2]), low = static_cast<unsigned char>(digitally_signed[3]);
  const std::string_view signature = digitally_signed.substr(4);
  if (signature.size() != (std::size_t{high} << 8 | low)) return false;
  const std::string head = std::string(kTreeHead) + std::string(timestamp) + big_endian(size) + std::string(root.raw());
  return key.algorithm() == KeyAlgorithm::kEcdsaP256 && key.verify(head, signature, kEcdsaSha256);
}

}  // namespace

bool verify_tree_head_signature(std::uint64_t size, const Digest& root, std::string_view signature, const PublicKey& key) {
  if (signature.size() < kTimestampBytes) return false;
  return verifies(signature.substr(0, kTimestampBytes), size, root, signature.substr(kTimestampBytes), key);
}

Result<SignedTreeHead> verify_sth(std::string_view json, const PublicKey& key) {
  const auto malformed = [](const Error& error) { return fail(Code::kNoteMalformed, error.context); };
  const auto read = [&](SignedTreeHead& head, std::string& signature) -> Result<void> {
    const Json document = TRY(parse_json(json, "signed tree head"));
    ObjectReader fields = TRY(ObjectReader::of(document, ""));
    head.size = TRY(fields.uint("tree_size"));
    head.timestamp = TRY(fields.uint("timestamp"));
    head.root = TRY(Digest::from_raw(TRY(from_base64(TRY(fields.string("sha256_root_hash"))))));
    signature = TRY(from_base64(TRY(fields.string("tree_head_signature"))));
    return {};
  };
  SignedTreeHead head;
  std::string signature;
  if (const auto done = read(head, signature); !done) return malformed(done.error());
  if (!verifies(big_endian(head.timestamp), head.size, head.root, signature, key))
    return fail(Code::kNoteSignature, "the tree head is not signed by the log's key");
  return head;
}

}  // namespace airlock::verify
