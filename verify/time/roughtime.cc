#include "verify/time/roughtime.h"

#include <sodium.h>

#include <array>
#include <limits>

#include "verify/time/roughtime_wire.h"

namespace airlock::verify {
namespace {

using namespace std::string_view_literals;
using Micros = VerifiedRoughtime::Micros;

constexpr std::size_t kSignatureBytes = 64, kKeyBytes = 32;
constexpr std::size_t kMaxPath = 32;  // INDX has 32 bits
constexpr Micros kMaxRadius = std::chrono::hours(1);  // the originals count microseconds, and cannot say much more
constexpr std::uint64_t kMaxSeconds = 253402300799;  // 9999-12-31T23:59:59Z, the last instant airlock can write

// The contexts are separated by their final NUL from what follows. Drafts up to 11 end the first one in two hyphens.
constexpr std::string_view kOldDelegationContext = "RoughTime v1 delegation signature--\0"sv;
constexpr std::string_view kDelegationContext = "RoughTime v1 delegation signature\0"sv;
constexpr std::string_view kResponseContext = "RoughTime v1 response signature\0"sv;

// What differs between the versions.
struct Dialect {
  std::optional<std::uint32_t> version;  // absent: the original
  std::size_t hash_bytes;                // of nonces, nodes and ROOT
  bool packet_leaf;                      // else the nonce is the leaf
  std::string_view delegation_context;
  Micros unit;
};

constexpr std::uint32_t kDraft = 0x80000000U, kFirstDraft = kDraft + 8, kLastNonceLeaf = kDraft + 11, kLastDraft = kDraft + 15;

Result<Dialect> dialect_of(std::uint32_t version) {
  if (version >= kFirstDraft && version <= kLastNonceLeaf)
    return Dialect{version, 32, false, kOldDelegationContext, std::chrono::seconds(1)};
  if (version == 1 || (version > kLastNonceLeaf && version <= kLastDraft))
    return Dialect{version, 32, true, kDelegationContext, std::chrono::seconds(1)};
  return fail(Code::kTimeMalformed, "Roughtime version " + std::to_string(version) + " is not known");
}

// A list of versions, as VER of a request and VERS hold it.
bool lists(std::string_view versions, std::uint32_t wanted) {
  for (; versions.size() >= 4; versions.remove_prefix(4))
    if (little_u32(versions) == wanted) return true;
  return false;
}

Result<Dialect> choose_dialect(const RoughtimePacket& request, const RoughtimePacket& response, const RoughtimeMessage& srep) {
  if (request.framed != response.framed)
    return fail(Code::kTimeImprint, "Roughtime: request and response are of different protocols");
  if (!request.framed) return Dialect{std::nullopt, 64, false, kOldDelegationContext, Micros(1)};
  // What is signed wins: from draft 12 on VER stands in SREP, and there alone.
  const bool in_srep = srep.find(RoughtimeTag("VER")).has_value();
  const Dialect dialect = TRY(dialect_of(TRY((in_srep ? srep : response.message).u32("VER"))));
  if (dialect.packet_leaf != in_srep) return fail(Code::kTimeMalformed, "Roughtime: VER stands in the wrong place");
  const auto asked = request.message.find(RoughtimeTag("VER"));
  if (!asked || !lists(*asked, *dialect.version))
    return fail(Code::kTimeImprint, "Roughtime: the response is of a version that was not asked for");
  if (in_srep) {
    // Against a downgrade: the server signs what else it speaks, and must speak what it spoke.
    const auto offered = srep.find(RoughtimeTag("VERS"));
    if (!offered || !lists(*offered, *dialect.version))
      return fail(Code::kTimeMalformed, "Roughtime: VERS does not hold VER");
  }
  return dialect;
}

Result<PublicKey> delegated_key(const RoughtimeMessage& dele) {
  return PublicKey::from_raw_ed25519(TRY(dele.value("PUBK", kKeyBytes)));
}

// Signatures are over a context and the bytes of the signed value as they were received.
Result<void> check_signature(const PublicKey& key, std::string_view context, std::string_view signed_value,
                             std::string_view signature, std::string_view what) {
  std::string message(context);
  message += signed_value;
  if (!key.verify(message, signature))
    return fail(Code::kTimeSignature, "Roughtime: the signature of the " + std::string(what) + " does not hold");
  return {};
}

std::string hash_node(const Dialect& dialect, char kind, std::string_view left, std::string_view right = {}) {
  std::string bytes(1, kind);
  bytes += left;
  bytes += right;
  return roughtime_hash(bytes, dialect.hash_bytes);
}

Result<void> check_path(const Dialect& dialect, std::string_view leaf, const RoughtimeMessage& response,
                        const RoughtimeMessage& srep) {
  const std::string_view root = TRY(srep.value("ROOT", dialect.hash_bytes));
  std::uint32_t index = TRY(response.u32("INDX"));
  const auto found = response.find(RoughtimeTag("PATH"));
  if (!found) return fail(Code::kTimeMalformed, "Roughtime message: no PATH");
  std::string_view path = *found;
  if (path.size() % dialect.hash_bytes != 0 || path.size() / dialect.hash_bytes > kMaxPath)
    return fail(Code::kTimeMalformed, "Roughtime: PATH of " + std::to_string(path.size()) + " bytes");
  std::string hash = hash_node(dialect, '\0', leaf);
  for (; !path.empty(); path.remove_prefix(dialect.hash_bytes), index >>= 1) {
    const std::string_view sibling = path.substr(0, dialect.hash_bytes);
    hash = (index & 1) == 0 ? hash_node(dialect, '\1', hash, sibling) : hash_node(dialect, '\1', sibling, hash);
  }
  // Bits beyond the path would let one leaf stand at many places.
  if (index != 0 || hash != root)
    return fail(Code::kTimeImprint, "Roughtime: the Merkle path does not lead from this request to the signed root");
  return {};
}

// TYPE tells a response from a request, so that neither passes for the other; it came with version 1.
Result<void> check_type(const Dialect& dialect, const RoughtimeMessage& response) {
  const bool required = dialect.version == 1U;
  if (!required && !response.find(RoughtimeTag("TYPE"))) return {};
  if (TRY(response.u32("TYPE")) != 1) return fail(Code::kTimeMalformed, "Roughtime: TYPE is not that of a response");
  return {};
}

struct SignedTime {
  Micros midpoint, radius;
};

Result<SignedTime> signed_time(const Dialect& dialect, const RoughtimeMessage& srep, const RoughtimeMessage& dele) {
  const std::uint64_t midpoint = TRY(srep.u64("MIDP"));
  const std::uint32_t radius = TRY(srep.u32("RADI"));
  const std::uint64_t from = TRY(dele.u64("MINT")), until = TRY(dele.u64("MAXT"));
  if (midpoint < from || midpoint > until)
    return fail(Code::kTimeSignature, "Roughtime: MIDP lies outside of the delegation's MINT and MAXT");
  // A server without error lies, and one that may be off by a year says nothing and could never be caught lying.
  if (radius == 0 || static_cast<std::int64_t>(radius) * dialect.unit > kMaxRadius)
    return fail(Code::kTimeMalformed, "Roughtime: a RADI of " + std::to_string(radius));
  const auto per_second = static_cast<std::uint64_t>(std::chrono::seconds(1) / dialect.unit);
  if (midpoint / per_second > kMaxSeconds) return fail(Code::kTimeMalformed, "Roughtime: MIDP is after the year 9999");
  return SignedTime{static_cast<std::int64_t>(midpoint) * dialect.unit, static_cast<std::int64_t>(radius) * dialect.unit};
}

}  // namespace

std::string roughtime_hash(std::string_view bytes, std::size_t size) {
  std::array<unsigned char, crypto_hash_sha512_BYTES> digest{};
  crypto_hash_sha512(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return {reinterpret_cast<const char*>(digest.data()), size};
}

Instant VerifiedRoughtime::time() const {
  return Instant::from_millis(std::chrono::floor<Millis>(midpoint_).count());
}

std::string roughtime_request(std::string_view nonce) {
  const auto number = [](std::uint32_t value) {
    std::string text;
    for (int i = 0; i < 4; ++i) text += static_cast<char>(value >> (8 * i));
    return text;
  };
  constexpr std::size_t kWhole = 1024, kHeader = 32, kValuesBefore = 8 + 32 + 4;
  const std::size_t padding = kWhole - kHeader - kValuesBefore;
  // Four tags in rising order: VER, NONC, TYPE, ZZZZ; offsets of all but the first.
  std::string message = number(4) + number(8) + number(40) + number(44) + "VER" + '\0' + "NONCTYPEZZZZ";
  message += number(1) + number(kDraft + 12);
  message += std::string(nonce) + number(0) + std::string(padding, '\0');
  return "ROUGHTIM" + number(static_cast<std::uint32_t>(message.size())) + message;
}

Result<std::string> roughtime_nonce(std::string_view request) {
  const RoughtimePacket packet = TRY(parse_roughtime_packet(request));
  return std::string(TRY(packet.message.value("NONC", packet.framed ? 32 : 64)));
}

Result<VerifiedRoughtime> verify_roughtime(std::string_view request, std::string_view response, const PublicKey& key) {
  const RoughtimePacket asked = TRY(parse_roughtime_packet(request));
  const RoughtimePacket answer = TRY(parse_roughtime_packet(response));
  const RoughtimeMessage cert = TRY(answer.message.nested("CERT"));
  const RoughtimeMessage dele = TRY(cert.nested("DELE"));
  const RoughtimeMessage srep = TRY(answer.message.nested("SREP"));
  const Dialect dialect = TRY(choose_dialect(asked, answer, srep));
  TRY(check_type(dialect, answer.message));

  const std::string_view nonce = TRY(asked.message.value("NONC", dialect.hash_bytes));
  // The original protocol does not repeat the nonce; where it is repeated it must be ours.
  const auto repeated = answer.message.find(RoughtimeTag("NONC"));
  if (repeated ? *repeated != nonce : asked.framed)
    return fail(Code::kTimeImprint, "Roughtime: the response repeats another nonce");

  TRY(check_signature(key, dialect.delegation_context, *cert.find(RoughtimeTag("DELE")),
                      TRY(cert.value("SIG", kSignatureBytes)), "delegation"));
  TRY(check_signature(TRY(delegated_key(dele)), kResponseContext, *answer.message.find(RoughtimeTag("SREP")),
                      TRY(answer.message.value("SIG", kSignatureBytes)), "response"));
  TRY(check_path(dialect, dialect.packet_leaf ? request : nonce, answer.message, srep));
  const SignedTime time = TRY(signed_time(dialect, srep, dele));

  VerifiedRoughtime verified;
  verified.midpoint_ = time.midpoint;
  verified.radius_ = time.radius;
  verified.version_ = dialect.version;
  verified.key_id_ = key.key_id();
  verified.nonce_ = std::string(nonce);
  return verified;
}

}  // namespace airlock::verify
