// dsse: envelopes under given keys (kind envelope), the pre-authentication encoding (pae), in-toto Metablocks (metablock).
#include "base/encoding.h"
#include "base/olpc_json.h"
#include "sets.h"
#include "verify/dsse.h"

namespace airlock::conformance {
namespace {

using namespace verify;

// Every role but the document is a key.
Result<std::vector<PublicKey>> keys_of(const Case& c) {
  std::vector<PublicKey> keys;
  for (const std::string& role : c.roles())
    if (role.starts_with("key")) keys.push_back(TRY(PublicKey::from_pem(TRY(c.file(role)))));
  return keys;
}

std::size_t threshold_of(const Case& c) { return static_cast<std::size_t>(c.number("threshold").value_or(1)); }

Result<VerifiedPayload> verify_as_envelope(const Case& c) {
  Envelope envelope = TRY(parse_envelope(TRY(c.file("envelope"))));
  const std::string type = envelope.payload_type;  // what is carried is not the question here
  return verify_envelope(std::move(envelope), TRY(keys_of(c)), threshold_of(c), type);
}

void run_pae(const Case& c, Report& report) {
  const std::string payload = USE(c.file("payload"), report);
  report.equal("PAE", USE(c.file("expected"), report), pae(c.text("payloadType").value_or(""), payload));
}

// in-toto before DSSE: hex signatures over the OLPC canonical form of "signed". airlock imports none; its keys and its
// canonical form must nevertheless give the answer.
Result<void> verify_metablock(const Case& c) {
  const Json block = TRY(parse_json(TRY(c.file("metablock")), c.id()));
  const std::string message = TRY(olpc_canonical_json(block.value("signed", Json())));
  const std::vector<PublicKey> keys = TRY(keys_of(c));
  SignedMessage signed_message(message);
  std::size_t verified = 0;
  for (const PublicKey& key : keys) {
    bool by_this_key = false;
    for (const Json& signature : block.value("signatures", Json::array())) {
      const auto bytes = from_hex(signature.value("sig", ""));
      by_this_key = by_this_key || (bytes && signed_message.verified_by(key, *bytes));
    }
    verified += by_this_key ? 1 : 0;
  }
  if (verified < threshold_of(c)) return fail(Code::kDsseThreshold, std::to_string(verified) + " keys verify");
  return {};
}

}  // namespace

void run_dsse(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind == "pae") return run_pae(c, report);
  if (kind == "envelope") return report.judge(c.expect(), verify_as_envelope(c));
  if (kind == "metablock") return report.judge(c.expect(), verify_metablock(c));
  report.differ("a known kind", kind, "nothing to run it with");
}

}  // namespace airlock::conformance
