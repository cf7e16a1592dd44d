// roughtime: answers of four protocol versions (no kind), reports of servers that contradict each other (malfeasance), lists
// of servers (server-list), and answers that no request fits (garbage-response).
#include "base/encoding.h"
#include "sets.h"
#include "verify/time/roughtime.h"
#include "verify/time/roughtime_report.h"

namespace airlock::conformance {
namespace {

using namespace verify;

Result<VerifiedRoughtime> verify(const Case& c) {
  const PublicKey key = TRY(PublicKey::from_raw_ed25519(TRY(from_base64(c.text("public_key").value_or("")))));
  return verify_roughtime(TRY(c.file("request")), TRY(c.file("response")), key);
}

void run_answer(const Case& c, Report& report) {
  const auto got = verify(c);
  report.judge(c.expect(), got);
  if (!got || c.expect() != Expect::kAccept) return;
  const auto version = c.text("version");
  const bool original = version == "google";
  if (version) report.equal("is of Google's protocol", original, !got->version().has_value());
  if (version && !original && got->version())
    report.equal("version", static_cast<std::uint32_t>(std::stoul(*version, nullptr, 16)), *got->version());
  const std::uint64_t unit = original ? 1 : 1'000'000;  // microseconds, or seconds
  if (const auto want = c.number("midpoint")) report.equal("midpoint", *want * unit, static_cast<std::uint64_t>(got->midpoint().count()));
  if (const auto want = c.number("radius")) report.equal("radius", *want * unit, static_cast<std::uint64_t>(got->radius().count()));
}

// The keys of the report are those that whoever sent it claims: here they are taken as the configured ones.
void run_malfeasance(const Case& c, Report& report) {
  const std::string text = USE(c.file("report"), report);
  const auto verify_chain = [&]() -> Result<VerifiedRoughtimeChain> {
    const RoughtimeReport parsed = TRY(parse_roughtime_report(text));
    std::vector<PublicKey> keys;
    for (const RoughtimeExchange& exchange : parsed.exchanges) keys.push_back(exchange.key);
    return verify_roughtime_chain(parsed, keys);
  };
  const auto got = verify_chain();
  report.judge(c.expect(), got);
  if (!got) return;
  Json midpoints = Json::array(), radii = Json::array();
  for (const VerifiedRoughtime& answer : got->answers()) {
    midpoints.push_back(answer.midpoint().count() / 1'000'000);
    radii.push_back(answer.radius().count() / 1'000'000);
  }
  if (c.has("midpoints")) report.equal("midpoints", c.json()["midpoints"], midpoints);
  if (c.has("radii")) report.equal("radii", c.json()["radii"], radii);
  if (const auto want = c.text("causality")) report.equal("order contradicted", want->starts_with("violated"), got->contradiction().has_value());
}

// There is no request and no key: none may fit. A request of each framing is tried with a key that signed nothing.
void run_garbage(const Case& c, Report& report) {
  const std::string response = USE(c.file("response"), report);
  const PrivateKey nobody = USE(PrivateKey::from_seed(Digest::of("a key that has signed nothing").raw()), report);
  const PublicKey& key = nobody.public_key();
  for (const std::string& request : {std::string(1024, '\0'), response, "ROUGHTIM" + std::string(1016, '\0')})
    report.judge(c.expect(), verify_roughtime(request, response, key));
}

}  // namespace

void run_roughtime(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind.empty()) return run_answer(c, report);
  if (kind == "malfeasance") return run_malfeasance(c, report);
  if (kind == "garbage-response") return run_garbage(c, report);
  if (kind == "server-list") return report.judge(c.expect(), parse_roughtime_servers(USE(c.file("list"), report)));
  report.differ("a known kind", kind, "nothing to run it with");
}

}  // namespace airlock::conformance
