#include "verify/time/roughtime_report.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"

namespace airlock::verify {
namespace {

constexpr std::size_t kMaxExchanges = 64, kMaxServers = 1024;
constexpr std::size_t kMaxBytes = 1U << 20;

Result<std::string> bytes_field(ObjectReader& reader, std::string_view name) {
  auto bytes = from_base64(TRY(reader.string(name)));
  if (!bytes) return fail(Code::kTimeMalformed, reader.path_of(name) + ": " + bytes.error().context);
  return bytes;
}

Result<PublicKey> key_field(ObjectReader& reader) {
  auto key = PublicKey::from_raw_ed25519(TRY(bytes_field(reader, "publicKey")));
  if (!key) return fail(key.error().code, reader.path_of("publicKey") + ": " + key.error().context);
  return key;
}

// The array `name` of the document, bounded.
Result<Json> array_document(std::string_view text, std::string_view what, std::string_view name, std::size_t most) {
  if (text.size() > kMaxBytes) return fail(Code::kTooLarge, std::string(what) + ": over 1 MiB");
  const Json document = TRY(parse_json(text, what));
  auto reader = TRY(ObjectReader::of(document, std::string(what)));
  const Json* array = TRY(reader.array(name));
  if (array->empty() || array->size() > most)
    return fail(Code::kTimeMalformed, std::string(what) + ": " + std::to_string(array->size()) + " " + std::string(name));
  return *array;
}

std::string place(std::string_view name, std::size_t index) { return std::string(name) + "[" + std::to_string(index) + "]"; }

Result<void> check_bound(const RoughtimeExchange& previous, const RoughtimeExchange& exchange, const std::string& nonce) {
  if (roughtime_hash(previous.response + *exchange.rand, nonce.size()) != nonce)
    return fail(Code::kTimeImprint, "the nonce does not follow from the response before it");
  return {};
}

}  // namespace

Result<RoughtimeReport> parse_roughtime_report(std::string_view text) {
  const Json array = TRY(array_document(text, "Roughtime report", "responses", kMaxExchanges));
  RoughtimeReport report;
  for (const Json& element : array) {
    auto reader = TRY(ObjectReader::of(element, place("responses", report.exchanges.size())));
    auto key = TRY(key_field(reader));
    auto request = TRY(bytes_field(reader, "request"));
    auto response = TRY(bytes_field(reader, "response"));
    RoughtimeExchange exchange{std::move(key), std::move(request),
                               std::move(response), std::nullopt};
    if (!report.exchanges.empty()) exchange.rand = TRY(bytes_field(reader, "rand"));
    report.exchanges.push_back(std::move(exchange));
  }
  return report;
}

std::string write_roughtime_report(const RoughtimeReport& report) {
  Json responses = Json::array();
  for (const RoughtimeExchange& exchange : report.exchanges) {
    Json one{{"publicKey", to_base64(exchange.key.raw())},
             {"request", to_base64(exchange.request)},
             {"response", to_base64(exchange.response)}};
    if (exchange.rand) one["rand"] = to_base64(*exchange.rand);
    responses.push_back(std::move(one));
  }
  return canonical_json(Json{{"responses", std::move(responses)}}) + "\n";
}

std::optional<std::pair<std::size_t, std::size_t>> VerifiedRoughtimeChain::contradiction() const {
  for (std::size_t later = 1; later < answers_.size(); ++later)
    for (std::size_t earlier = 0; earlier < later; ++earlier)
      if (answers_[earlier].midpoint() - answers_[earlier].radius() > answers_[later].midpoint() + answers_[later].radius())
        return std::pair(earlier, later);
  return std::nullopt;
}

Result<VerifiedRoughtimeChain> verify_roughtime_chain(const RoughtimeReport& report, std::span<const PublicKey> keys) {
  std::vector<VerifiedRoughtime> answers;
  for (std::size_t i = 0; i < report.exchanges.size(); ++i) {
    const RoughtimeExchange& exchange = report.exchanges[i];
    const auto check = [&]() -> Result<VerifiedRoughtime> {
      if (std::ranges::find(keys, exchange.key) == keys.end())
        return fail(Code::kTimeSignature, "Roughtime: key " + exchange.key.key_id() + " is not a configured time root");
      VerifiedRoughtime answer = TRY(verify_roughtime(exchange.request, exchange.response, exchange.key));
      if (i > 0) TRY(check_bound(report.exchanges[i - 1], exchange, answer.nonce()));
      return answer;
    };
    auto answer = check();
    if (!answer) return fail(answer.error().code, place("responses", i) + ": " + answer.error().context);
    answers.push_back(std::move(*answer));
  }
  if (answers.empty()) return fail(Code::kTimeMalformed, "a report without responses");
  return VerifiedRoughtimeChain(std::move(answers));
}

Result<std::vector<RoughtimeServer>> parse_roughtime_servers(std::string_view text) {
  const Json array = TRY(array_document(text, "Roughtime server list", "servers", kMaxServers));
  std::vector<RoughtimeServer> servers;
  for (const Json& element : array) {
    auto reader = TRY(ObjectReader::of(element, place("servers", servers.size())));
    if (const std::string type = TRY(reader.string("publicKeyType")); type != "ed25519")
      return fail(Code::kKeyUnsupported, reader.path_of("publicKeyType") + ": " + type);
    std::string name = TRY(reader.string("name"));
    auto key = TRY(key_field(reader));
    servers.push_back({std::move(name), std::move(key)});
  }
  return servers;
}

}  // namespace airlock::verify
