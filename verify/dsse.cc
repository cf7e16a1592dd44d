#include "verify/dsse.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/huge_pages.h"
#include "base/json.h"

namespace airlock::verify {
namespace {

std::unexpected<Error> malformed(std::string_view what, const std::string& why) {
  return fail(Code::kDsseMalformed, std::string(what) + ": " + why);
}

// A field that must be text; nullptr when it is not there or something else.
const std::string* text_of(const Json& object, std::string_view key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : it->get_ptr<const std::string*>();
}

Result<EnvelopeSignature> read_signature(const Json& value, std::string_view what, std::size_t index) {
  const std::string place = "signatures[" + std::to_string(index) + "]";
  if (!value.is_object()) return malformed(what, place + ": expected an object");
  const std::string* sig = text_of(value, "sig");
  if (sig == nullptr) return malformed(what, place + ".sig: expected base64 text");
  auto bytes = from_base64(*sig);
  if (!bytes) return malformed(what, place + ".sig: " + bytes.error().context);
  const std::string* keyid = text_of(value, "keyid");
  if (keyid == nullptr && value.contains("keyid")) return malformed(what, place + ".keyid: expected text");
  return EnvelopeSignature{keyid == nullptr ? std::string() : *keyid, std::move(*bytes)};
}

}  // namespace

std::string pae(std::string_view payload_type, std::string_view payload) {
  const std::string type_size = std::to_string(payload_type.size()), size = std::to_string(payload.size());
  std::string out;
  out.reserve(16 + type_size.size() + payload_type.size() + size.size() + payload.size());
  prefer_huge_pages(out);
  out += "DSSEv1 ";
  out += type_size;
  out += ' ';
  out += payload_type;
  out += ' ';
  out += size;
  out += ' ';
  out += payload;
  return out;
}

Result<Envelope> parse_envelope(std::string_view text, std::string_view what, const Limits& limits) {
  if (text.size() > limits.manifest_bytes)
    return fail(Code::kTooLarge, std::string(what) + ": " + std::to_string(text.size()) +
                                     " bytes, limit manifestBytes " + std::to_string(limits.manifest_bytes));
  auto document = parse_json(text, what, limits.json_depth);
  if (!document) return fail(Code::kDsseMalformed, document.error().context);
  if (!document->is_object()) return malformed(what, "expected an object");
  const std::string* type = text_of(*document, "payloadType");
  if (type == nullptr) return malformed(what, "payloadType: expected text");
  if (text_of(*document, "payload") == nullptr) return malformed(what, "payload: expected base64 text");
  auto bytes = from_base64_in_place(std::move((*document)["payload"].get_ref<std::string&>()));
  if (!bytes) return malformed(what, "payload: " + bytes.error().context);
  const auto list = document->find("signatures");
  if (list == document->end() || !list->is_array()) return malformed(what, "signatures: expected a list");
  if (list->empty()) return malformed(what, "signatures: none");
  // Each signature costs a pass over the payload for each trusted key.
  if (list->size() > limits.signatures)
    return malformed(
        what, "signatures: " + std::to_string(list->size()) + ", limit " + std::to_string(limits.signatures));
  Envelope envelope{*type, std::move(*bytes), {}};
  for (std::size_t i = 0; i < list->size(); ++i)
    envelope.signatures.push_back(TRY(read_signature((*list)[i], what, i)));
  return envelope;
}

std::string write_envelope(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const EnvelopeSignature& s : envelope.signatures)
    signatures.push_back({{"keyid", s.keyid}, {"sig", to_base64(s.sig)}});
  return canonical_json(Json{{"payload", to_base64(envelope.payload)},
                             {"payloadType", envelope.payload_type},
                             {"signatures", std::move(signatures)}});
}

Result<void> add_signature(Envelope& envelope, const Signer& signer) {
  std::string sig = TRY(signer.sign(pae(envelope.payload_type, envelope.payload)));
  EnvelopeSignature added{signer.key_id(), std::move(sig)};
  const auto same = std::ranges::find(envelope.signatures, added.keyid, &EnvelopeSignature::keyid);
  if (same == envelope.signatures.end()) envelope.signatures.push_back(std::move(added));
  else *same = std::move(added);
  return {};
}

Result<std::string> add_signatures(std::string_view envelope, std::span<const Signer* const> signers,
                                   std::string_view what, const Limits& limits) {
  if (signers.empty()) return fail(Code::kUsage, "an envelope needs at least one signing key");
  const Envelope parsed = TRY(parse_envelope(envelope, what, limits));
  const std::string message = pae(parsed.payload_type, parsed.payload);
  Json document = TRY(parse_json(envelope, what, limits.json_depth));
  Json& list = document["signatures"];
  for (const Signer* signer : signers) {
    const std::string keyid = signer->key_id();
    const std::string signature = TRY(signer->sign(message));
    Json added = {{"keyid", keyid}, {"sig", to_base64(signature)}};
    const auto same = std::ranges::find_if(list, [&](const Json& s) { return s.value("keyid", "") == keyid; });
    if (same == list.end()) list.push_back(std::move(added));
    else *same = std::move(added);
  }
  return canonical_json(document);
}

Result<std::string> sign_envelope(std::string_view payload_type, std::string_view payload,
                                  std::span<const Signer* const> signers) {
  if (signers.empty()) return fail(Code::kUsage, "an envelope needs at least one signing key");
  Envelope envelope{std::string(payload_type), std::string(payload), {}};
  for (const Signer* signer : signers) TRY(add_signature(envelope, *signer));
  return write_envelope(envelope);
}

Result<VerifiedPayload> verify_envelope(Envelope envelope, std::span<const PublicKey> keys,
                                        std::size_t threshold, std::string_view payload_type) {
  if (threshold == 0) return fail(Code::kDsseThreshold, "a threshold of 0 would trust anybody");
  // Encoded again from the decoded parts: what a signer covered is never taken from the envelope's own text.
  const std::string encoded = pae(envelope.payload_type, envelope.payload);
  SignedMessage message(encoded);
  // Ids are digests of the key bytes: one key is one entry, however often it is listed.
  std::set<std::string> key_ids;
  for (const PublicKey& key : keys) {
    if (key_ids.contains(key.key_id())) continue;
    const auto signed_by_key = [&](const EnvelopeSignature& s) { return message.verified_by(key, s.sig); };
    if (std::ranges::any_of(envelope.signatures, signed_by_key)) key_ids.insert(key.key_id());
  }
  if (key_ids.size() < threshold)
    return fail(Code::kDsseThreshold, std::to_string(key_ids.size()) + " of " + std::to_string(keys.size()) +
                                          " trusted keys signed it, " + std::to_string(threshold) +
                                          " needed");
  if (envelope.payload_type != payload_type)
    return fail(Code::kDssePayloadType, "\"" + envelope.payload_type.substr(0, 200) + "\", expected \"" +
                                            std::string(payload_type) + "\"");
  return VerifiedPayload(std::move(envelope.payload), {key_ids.begin(), key_ids.end()});
}

}  // namespace airlock::verify
