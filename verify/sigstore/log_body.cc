// The bodies of log entries, by kind and version: hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1, intoto 0.0.2.
#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "verify/dsse.h"
#include "verify/sigstore/log.h"
#include "verify/sigstore/proto_json.h"

namespace airlock::verify::sigstore {
namespace {

std::unexpected<Error> differs(std::string what) { return fail(Code::kSigstoreLog, "the log entry is of another " + std::move(what)); }

// The PEM of a certificate or of a public key, as Rekor v1 keeps whoever signed.
Result<void> check_pem_signer(const Proto& at, std::string_view pem, const Logged& logged) {
  if (const auto* leaf = std::get_if<const Certificate*>(&logged.signer)) {
    const auto certificates = Certificate::all_from_pem(pem);
    if (!certificates || certificates->empty()) return at.wrong("", "expected a certificate");
    if (certificates->front().der() != (*leaf)->der()) return differs("certificate");
    return {};
  }
  const auto key = SigningKey::from_pem(pem);
  if (!key) return at.wrong("", key.error().context);
  if (*key != *std::get<const SigningKey*>(logged.signer)) return differs("key");
  return {};
}

// {keyDetails, x509Certificate | publicKey: {rawBytes}}, as Rekor v2 does.
Result<void> check_verifier(const Proto& verifier, const Logged& logged) {
  if (const auto* leaf = std::get_if<const Certificate*>(&logged.signer)) {
    if (TRY(TRY(verifier.object("x509Certificate")).bytes("rawBytes")) != (*leaf)->der()) return differs("certificate");
    return {};
  }
  const auto key = SigningKey::from_spki(TRY(TRY(verifier.object("publicKey")).bytes("rawBytes")));
  if (!key) return verifier.wrong("publicKey", key.error().context);
  if (*key != *std::get<const SigningKey*>(logged.signer)) return differs("key");
  return {};
}

// {algorithm, value in hex}
Result<void> check_hex_hash(const Proto& item, const Signed& what, std::string_view name) {
  const auto hash = parse_hash(TRY(item.text("algorithm")));
  if (!hash) return item.wrong("algorithm", "expected sha256, sha384 or sha512");
  const auto digest = what.in(*hash);
  if (!digest || TRY(item.text("value")) != to_hex(*digest)) return differs(std::string(name));
  return {};
}

Result<void> check_signature(const std::string& logged_signature, const Logged& logged) {
  if (logged_signature != logged.bundle.signature()) return differs("signature");
  return {};
}

Result<void> check_hashedrekord_1(const Proto& spec, const Logged& logged) {
  if (!std::holds_alternative<MessageSignature>(logged.bundle.content)) return differs("kind than a DSSE envelope needs");
  const Proto signature = TRY(spec.object("signature"));
  TRY(check_signature(TRY(signature.bytes("content")), logged));
  const Proto key = TRY(signature.object("publicKey"));
  TRY(check_pem_signer(key, TRY(key.bytes("content")), logged));
  return check_hex_hash(TRY(TRY(spec.object("data")).object("hash")), logged.artifact, "artifact");
}

Result<void> check_hashedrekord_2(const Proto& spec, const Logged& logged) {
  const Proto record = TRY(spec.object("hashedRekordV002"));
  const Proto signature = TRY(record.object("signature"));
  TRY(check_signature(TRY(signature.bytes("content")), logged));
  TRY(check_verifier(TRY(signature.object("verifier")), logged));
  const Proto data = TRY(record.object("data"));
  const auto hash = parse_hash(TRY(data.text("algorithm")));
  if (!hash) return data.wrong("algorithm", "expected SHA2_256, SHA2_384 or SHA2_512");
  // Of an envelope the log keeps the hash of what was signed.
  const auto* envelope = std::get_if<DsseContent>(&logged.bundle.content);
  const auto digest = envelope != nullptr ? std::optional(digest_of(*hash, pae(envelope->payload_type, envelope->payload)))
                                          : logged.artifact.in(*hash);
  if (!digest || TRY(data.bytes("digest")) != *digest) return differs("artifact");
  return {};
}

Result<const DsseContent*> envelope_of(const Logged& logged) {
  const auto* envelope = std::get_if<DsseContent>(&logged.bundle.content);
  if (envelope == nullptr) return differs("kind than a message signature needs");
  return envelope;
}

Result<void> check_dsse_1(const Proto& spec, const Logged& logged) {
  const DsseContent* envelope = TRY(envelope_of(logged));
  const auto signatures = TRY(spec.list("signatures", 2));
  if (signatures.size() != 1) return differs("number of signatures");
  TRY(check_signature(TRY(signatures[0].bytes("signature")), logged));
  TRY(check_pem_signer(signatures[0], TRY(signatures[0].bytes("verifier")), logged));
  return check_hex_hash(TRY(spec.object("payloadHash")), Signed{envelope->payload, std::nullopt}, "payload");
}

Result<void> check_intoto_2(const Proto& spec, const Logged& logged) {
  const DsseContent* envelope = TRY(envelope_of(logged));
  const Proto content = TRY(spec.object("content"));
  const Proto logged_envelope = TRY(content.object("envelope"));
  if (TRY(logged_envelope.text("payloadType")) != envelope->payload_type) return differs("payload type");
  const auto signatures = TRY(logged_envelope.list("signatures", 2));
  if (signatures.size() != 1) return differs("number of signatures");
  // This kind has its signatures in base64 twice.
  const auto signature = from_base64(TRY(signatures[0].bytes("sig")));
  if (!signature) return signatures[0].wrong("sig", "expected base64 in base64");
  TRY(check_signature(*signature, logged));
  TRY(check_pem_signer(signatures[0], TRY(signatures[0].bytes("publicKey")), logged));
  return check_hex_hash(TRY(content.object("payloadHash")), Signed{envelope->payload, std::nullopt}, "payload");
}

}  // namespace

Result<void> check_body(const LogEntry& entry, const Logged& logged) {
  const auto document = parse_json(entry.body, "log entry");
  if (!document) return fail(Code::kSigstoreLog, document.error().context);
  const Proto body(*document, "log entry", Code::kSigstoreLog);
  const std::string kind = TRY(body.text("kind")), version = TRY(body.text("apiVersion"));
  if (kind != entry.kind || version != entry.version) return differs("kind than the bundle says");
  const Proto spec = TRY(body.object("spec"));
  if (kind == "hashedrekord" && version == "0.0.1") return check_hashedrekord_1(spec, logged);
  if (kind == "hashedrekord" && version == "0.0.2") return check_hashedrekord_2(spec, logged);
  if (kind == "dsse" && version == "0.0.1") return check_dsse_1(spec, logged);
  if (kind == "intoto" && version == "0.0.2") return check_intoto_2(spec, logged);
  return fail(Code::kSigstoreLog, "log entries of kind " + kind + " " + version + " are not accepted");
}

}  // namespace airlock::verify::sigstore
