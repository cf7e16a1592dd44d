#include "manifests/sigstore_rules.h"

#include <algorithm>

#include "base/json.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMostRules = 256;

Result<SigstoreRule> read_rule(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  if (TRY(reader.string("requires")) != "sigstore") return fail(Code::kField, reader.path_of("requires") + ": expected \"sigstore\"");
  SigstoreRule rule;
  rule.members = TRY(reader.string("members"));
  rule.identity = TRY(reader.string_or("identity", ""));
  rule.issuer = TRY(reader.string_or("issuer", ""));
  rule.key = TRY(reader.string_or("key", ""));
  TRY(reader.finish());
  if (!rule.members.starts_with("data/") && !rule.members.starts_with("plugins/"))
    return fail(Code::kField, reader.path_of("members") + ": expected a path below data/ or plugins/");
  const bool named = !rule.identity.empty() && !rule.issuer.empty(), nameless = rule.identity.empty() && rule.issuer.empty();
  if (rule.key.empty() ? !named : !nameless) return fail(Code::kField, place + ": expected identity and issuer, or key");
  return rule;
}

}  // namespace

const SigstoreRule* SigstoreRules::rule_for(std::string_view path) const {
  if (path.ends_with(kSigstoreSuffix)) return nullptr;
  const auto at = std::ranges::find_if(rules, [&](const SigstoreRule& rule) { return path.starts_with(rule.members); });
  return at == rules.end() ? nullptr : &*at;
}

Result<SigstoreRules> parse_sigstore_rules(std::string_view text, const Limits& limits) {
  if (text.size() > limits.metadata_bytes) return fail(Code::kTooLarge, "Sigstore rules: over limit metadataBytes");
  const Json document = TRY(parse_json(text, "Sigstore rules", limits.json_depth));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kSigstoreRulesSchema)
    return fail(Code::kField, "schema: expected \"" + std::string(kSigstoreRulesSchema) + "\"");
  SigstoreRules out;
  out.trusted_root = TRY(reader.object("trustedRoot"))->dump();
  const Json* rules = TRY(reader.array("rules"));
  TRY(reader.finish());
  if (rules->empty() || rules->size() > kMostRules) return fail(Code::kField, "rules: expected 1 to " + std::to_string(kMostRules));
  for (const Json& rule : *rules) out.rules.push_back(TRY(read_rule(rule, "rules[" + std::to_string(out.rules.size()) + "]")));
  return out;
}

}  // namespace airlock::manifests
