#include "manifests/time_roots.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/path.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMaxNameBytes = 256, kRoughtimeKeyBytes = 32;

std::unexpected<Error> wrong(const std::string& place, const std::string& why) { return fail(Code::kField, place + ": " + why); }

std::string place_of(std::string_view list, std::size_t index) { return std::string(list) + "[" + std::to_string(index) + "]"; }

Result<void> check_name(const std::string& name, const std::string& place) {
  if (name.empty() || name.size() > kMaxNameBytes || !valid_utf8(name) || printable(name) != name)
    return wrong(place + ".name", "expected 1 to " + std::to_string(kMaxNameBytes) + " bytes of printable text");
  return {};
}

// The one set of rules, for what is read and for what is written.
Result<void> check_rules(const TimeRoots& roots) {
  if (roots.tsa.size() > kMaxTimeAuthorities || roots.roughtime.size() > kMaxTimeAuthorities)
    return wrong("tsa, roughtime", "more than " + std::to_string(kMaxTimeAuthorities));
  if (roots.tsa.empty() && roots.roughtime.empty()) return wrong("tsa, roughtime", "no authority at all");
  for (std::size_t i = 0; i < roots.tsa.size(); ++i) {
    const std::string place = place_of("tsa", i);
    TRY(check_name(roots.tsa[i].name, place));
    if (!roots.tsa[i].roots.contains("-----BEGIN CERTIFICATE-----")) return wrong(place + ".roots", "no CERTIFICATE block");
  }
  for (std::size_t i = 0; i < roots.roughtime.size(); ++i) {
    const std::string place = place_of("roughtime", i);
    TRY(check_name(roots.roughtime[i].name, place));
    if (roots.roughtime[i].public_key.size() != kRoughtimeKeyBytes) return wrong(place + ".publicKey", "expected 32 bytes in base64");
  }
  return {};
}

Result<TsaAuthority> read_tsa(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  TsaAuthority tsa;
  tsa.name = TRY(reader.string("name"));
  tsa.roots = TRY(reader.string("roots"));
  tsa.intermediates = TRY(reader.string_or("intermediates", ""));
  TRY(reader.finish());
  return tsa;
}

Result<RoughtimeAuthority> read_roughtime(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  std::string name = TRY(reader.string("name"));
  auto key = from_base64(TRY(reader.string("publicKey")));
  if (!key) return wrong(place + ".publicKey", key.error().context);
  TRY(reader.finish());
  return RoughtimeAuthority{std::move(name), std::move(*key)};
}

}  // namespace

Result<TimeRoots> parse_time_roots(std::string_view text, const Limits& limits) {
  if (text.size() > limits.metadata_bytes)
    return fail(Code::kTooLarge, "time roots: over the limit metadata_bytes " + std::to_string(limits.metadata_bytes));
  const Json document = TRY(parse_json(text, "time roots", limits.json_depth));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kTimeRootsSchema)
    return wrong("schema", "expected \"" + std::string(kTimeRootsSchema) + "\"");
  TimeRoots roots;
  if (const Json* tsa = TRY(reader.array_or_null("tsa")))
    for (const Json& item : *tsa) roots.tsa.push_back(TRY(read_tsa(item, place_of("tsa", roots.tsa.size()))));
  if (const Json* roughtime = TRY(reader.array_or_null("roughtime")))
    for (const Json& item : *roughtime)
      roots.roughtime.push_back(TRY(read_roughtime(item, place_of("roughtime", roots.roughtime.size()))));
  TRY(reader.finish());
  TRY(check_rules(roots));
  return roots;
}

Result<std::string> write_time_roots(const TimeRoots& roots, const Limits& limits) {
  TRY(check_rules(roots));
  Json tsa = Json::array(), roughtime = Json::array();
  for (const TsaAuthority& authority : roots.tsa) {
    Json item{{"name", authority.name}, {"roots", authority.roots}};
    if (!authority.intermediates.empty()) item["intermediates"] = authority.intermediates;
    tsa.push_back(std::move(item));
  }
  for (const RoughtimeAuthority& authority : roots.roughtime)
    roughtime.push_back({{"name", authority.name}, {"publicKey", to_base64(authority.public_key)}});
  std::string text =
      canonical_json(Json{{"schema", kTimeRootsSchema}, {"tsa", std::move(tsa)}, {"roughtime", std::move(roughtime)}}) + "\n";
  if (text.size() > limits.metadata_bytes)
    return fail(Code::kTooLarge, "time roots: over the limit metadata_bytes " + std::to_string(limits.metadata_bytes));
  return text;
}

}  // namespace airlock::manifests
