#include "verify/time/anchor.h"

#include <optional>

namespace airlock::verify {
namespace {

using manifests::AnchorFormat;
using manifests::AnchorSource;

std::unexpected<Error> at(const std::string& path, const Error& error) { return fail(error.code, path + ": " + error.context); }

Result<TimeProof> prove_token(std::string_view proof, std::string_view payload, const TimeAuthorities& authorities) {
  if (authorities.tsa.roots.empty()) return fail(Code::kTimeRootsRequired, "no time-stamping authority is configured");
  const VerifiedTimestamp token = TRY(verify_timestamp(proof, authorities.tsa, StampedData{payload}));
  // A bare token is what its own digest is of.
  const AnchorFormat format = Digest::of(proof) == token.token_digest() ? AnchorFormat::kToken : AnchorFormat::kResponse;
  return TimeProof{token.time(), token.accuracy(), format, token.signer_fingerprint(), token.signer()};
}

Result<TimeProof> prove_report(std::string_view proof, std::string_view payload, const TimeAuthorities& authorities) {
  if (authorities.roughtime.empty()) return fail(Code::kTimeRootsRequired, "no Roughtime server is configured");
  const RoughtimeReport report = TRY(parse_roughtime_report(proof));
  const auto chain = TRY(verify_roughtime_chain(report, authorities.roughtime));
  const VerifiedRoughtime& first = chain.answers().front();
  if (first.nonce() != roughtime_hash(payload, first.nonce().size()))
    return fail(Code::kTimeImprint, "the first nonce is not the hash of this bundle's manifest");
  if (chain.contradiction()) return fail(Code::kTimeSignature, "the servers' answers contradict each other: one of them lies");
  const Digest key_id = TRY(Digest::parse(first.key_id()));
  return TimeProof{first.time(), std::chrono::ceil<Millis>(first.radius()), AnchorFormat::kReport, key_id, "Roughtime key " + first.key_id()};
}

std::optional<AnchorSource> source_of_member(std::string_view path) {
  if (path.ends_with(manifests::kTokenSuffix)) return AnchorSource::kRfc3161;
  if (path.ends_with(manifests::kRoughtimeSuffix)) return AnchorSource::kRoughtime;
  return std::nullopt;
}

}  // namespace

Result<TimeAuthorities> TimeAuthorities::read(const manifests::TimeRoots& roots) {
  TimeAuthorities authorities;
  for (const manifests::TsaAuthority& tsa : roots.tsa) {
    auto read = TsaRoots::from_pem(tsa.roots, tsa.intermediates);
    if (!read) return at("time authority " + tsa.name, read.error());
    for (Certificate& root : read->roots) authorities.tsa.roots.push_back(std::move(root));
    for (Certificate& between : read->intermediates) authorities.tsa.intermediates.push_back(std::move(between));
  }
  for (const manifests::RoughtimeAuthority& server : roots.roughtime) {
    auto key = PublicKey::from_raw_ed25519(server.public_key);
    if (!key) return at("time authority " + server.name, key.error());
    authorities.roughtime.push_back(std::move(*key));
  }
  return authorities;
}

Result<TimeProof> verify_time_proof(AnchorSource source, std::string_view proof, std::string_view payload,
                                    const TimeAuthorities& authorities) {
  switch (source) {
    case AnchorSource::kRfc3161: return prove_token(proof, payload, authorities);
    case AnchorSource::kRoughtime: return prove_report(proof, payload, authorities);
  }
  std::unreachable();
}

Result<VerifiedAnchor> verify_anchor(const std::map<std::string, std::string>& members, std::string_view payload,
                                     const TimeAuthorities& authorities) {
  const std::string path(manifests::kTimeAnchorPath);
  const auto document = members.find(path);
  if (document == members.end()) return fail(Code::kTimeAnchor, path + " is missing, and there are proofs");
  const manifests::TimeAnchor anchor = TRY(manifests::parse_time_anchor(document->second));

  std::optional<TimeProof> named;
  for (const auto& [member, bytes] : members) {
    if (member == path) continue;
    const auto source = source_of_member(member);
    if (!source) return fail(Code::kTimeAnchor, member + ": time/ holds anchor.json, .tsr and .roughtime only");
    auto proof = verify_time_proof(*source, bytes, payload, authorities);
    if (!proof) return at(member, proof.error());
    if (Digest::of(bytes) == anchor.token_digest) named = std::move(*proof);
  }
  if (!named) return fail(Code::kTimeAnchor, path + " names a proof that is not there: " + anchor.token_digest.prefixed());
  if (named->format != anchor.format || named->time != anchor.time || named->signature_fingerprint != anchor.signature_fingerprint)
    return fail(Code::kTimeAnchor, path + " says " + anchor.time.text() + ", " + std::string(to_string(anchor.format)) + ", by " +
                                       anchor.signature_fingerprint.hex().substr(0, 16) + "; its proof says " + named->time.text() + ", " +
                                       std::string(to_string(named->format)) + ", by " + named->signature_fingerprint.hex().substr(0, 16));
  return VerifiedAnchor(anchor, named->vouched_by);
}

}  // namespace airlock::verify
