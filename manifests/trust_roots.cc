#include "manifests/trust_roots.h"

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/path.h"
#include "manifests/pem.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMaxNameBytes = 256;

std::unexpected<Error> wrong(const std::string& place, const std::string& why) {
  return fail(Code::kField, place + ": " + why);
}

Result<void> check_key(const TrustedKey& key, const std::string& place) {
  const auto der = pem_to_der(key.pem, "PUBLIC KEY");
  if (!der) return wrong(place + ".pem", der.error().context);
  // Two entries for one key would let a threshold be met by fewer people than it says; so the id must be the
  // key's own.
  if (const std::string id = Digest::of(*der).hex(); id != key.keyid)
    return wrong(place + ".keyid", "is not the id of the key, which is " + id);
  if (key.name && (key.name->empty() || key.name->size() > kMaxNameBytes || !valid_utf8(*key.name) ||
                   printable(*key.name) != *key.name))
    return wrong(place + ".name",
                 "expected 1 to " + std::to_string(kMaxNameBytes) + " bytes of printable text");
  return {};
}

// The one set of rules, for what is read and for what is written.
Result<void> check_rules(const TrustRoots& roots) {
  if (roots.keys.empty() || roots.keys.size() > kMaxTrustedKeys)
    return wrong("keys", "expected 1 to " + std::to_string(kMaxTrustedKeys) + " keys, found " +
                             std::to_string(roots.keys.size()));
  for (std::size_t i = 0; i < roots.keys.size(); ++i) {
    const std::string place = "keys[" + std::to_string(i) + "]";
    TRY(check_key(roots.keys[i], place));
    const auto earlier = roots.keys.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(roots.keys.begin(), earlier,
                    [&](const TrustedKey& k) { return k.keyid == roots.keys[i].keyid; }))
      return wrong(place, "the same key is listed twice");
  }
  if (roots.threshold < 1 || roots.threshold > roots.keys.size())
    return wrong("threshold", "expected 1 to " + std::to_string(roots.keys.size()) + ", the number of keys");
  if (roots.valid_until <= roots.valid_from) return wrong("validUntil", "is not after validFrom");
  return {};
}

void sort_keys(std::vector<TrustedKey>& keys) { std::ranges::sort(keys, {}, &TrustedKey::keyid); }

Result<TrustedKey> read_key(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  TrustedKey key;
  key.keyid = TRY(reader.string("keyid"));
  key.pem = TRY(reader.string("pem"));
  if (reader.has("name")) key.name = TRY(reader.string("name"));
  TRY(reader.finish());
  return key;
}

}  // namespace

Result<TrustRoots> parse_trust_roots(std::string_view text, const Limits& limits) {
  if (text.size() > limits.metadata_bytes)
    return fail(Code::kTooLarge, "trust roots: " + std::to_string(text.size()) +
                                     " bytes, limit metadataBytes " + std::to_string(limits.metadata_bytes));
  const Json document = TRY(parse_json(text, "trust roots", limits.json_depth));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kTrustRootsSchema)
    return wrong("schema", "expected \"" + std::string(kTrustRootsSchema) + "\"");
  const auto threshold = TRY(reader.uint("threshold"));
  const auto valid_from = TRY(reader.instant("validFrom"));
  const auto valid_until = TRY(reader.instant("validUntil"));
  TrustRoots roots{.threshold = threshold,
                   .keys = {},
                   .valid_from = valid_from,
                   .valid_until = valid_until};
  const Json* keys = TRY(reader.array("keys"));
  TRY(reader.finish());
  if (keys->size() > kMaxTrustedKeys) return wrong("keys", "more than " + std::to_string(kMaxTrustedKeys));
  for (std::size_t i = 0; i < keys->size(); ++i)
    roots.keys.push_back(TRY(read_key((*keys)[i], "keys[" + std::to_string(i) + "]")));
  TRY(check_rules(roots));  // before sorting: the places in its errors are those of the document
  sort_keys(roots.keys);
  return roots;
}

Result<std::string> write_trust_roots(TrustRoots roots, const Limits& limits) {
  sort_keys(roots.keys);
  TRY(check_rules(roots));
  Json keys = Json::array();
  for (const TrustedKey& key : roots.keys) {
    Json item = {{"keyid", key.keyid}, {"pem", key.pem}};
    if (key.name) item["name"] = *key.name;
    keys.push_back(std::move(item));
  }
  std::string text = canonical_json(Json{{"schema", kTrustRootsSchema},
                                         {"threshold", roots.threshold},
                                         {"keys", std::move(keys)},
                                         {"validFrom", roots.valid_from.text()},
                                         {"validUntil", roots.valid_until.text()}}) +
                     "\n";
  if (text.size() > limits.metadata_bytes)
    return fail(Code::kTooLarge,
                "trust roots: over the limit metadataBytes " + std::to_string(limits.metadata_bytes));
  return text;
}

}  // namespace airlock::manifests
