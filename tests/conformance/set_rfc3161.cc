// rfc3161: time-stamp responses and bare tokens, judged at the stated time against the stated roots.
#include "base/encoding.h"
#include "sets.h"
#include "verify/time/rfc3161.h"

namespace airlock::conformance {
namespace {

using namespace verify;

struct Input {
  std::string token, roots, certs, data, query, imprint;
  std::optional<Instant> at;
};

Result<Input> read(const Case& c) {
  Input input;
  input.token = TRY(c.file(c.has_file("response") ? "response" : "token"));
  input.roots = TRY(c.file("roots"));
  if (c.has_file("certs")) input.certs = TRY(c.file("certs"));
  if (c.has_file("data")) input.data = TRY(c.file("data"));
  if (c.has_file("query")) input.query = TRY(c.file("query"));
  if (const auto imprint = c.text("imprint")) input.imprint = TRY(from_hex(*imprint));
  if (const auto at = c.text("attime")) input.at = TRY(Instant::parse(*at));
  return input;
}

// What the token must be about. A query says most, then the data itself, then its hash.
std::vector<Stamped> stamped(const Case& c, const Input& input) {
  std::vector<Stamped> all;
  if (c.has_file("query")) all.push_back(StampedQuery{input.query});
  if (c.has_file("data")) all.push_back(StampedData{input.data});
  if (all.empty()) all.push_back(StampedImprint{input.imprint});
  return all;
}

Result<VerifiedTimestamp> verify(const Case& c, const Input& input) {
  const TsaRoots roots = TRY(TsaRoots::from_pem(input.roots, input.certs));
  const std::vector<Stamped> all = stamped(c, input);
  VerifiedTimestamp first = TRY(verify_timestamp(input.token, roots, all[0], input.at));
  for (std::size_t i = 1; i < all.size(); ++i) TRY(verify_timestamp(input.token, roots, all[i], input.at));
  return first;
}

}  // namespace

void run_rfc3161(const Case& c, Report& report) {
  const Input input = USE(read(c), report);
  const auto got = verify(c, input);
  report.judge(c.expect(), got);
  if (!got || c.expect() != Expect::kAccept) return;
  if (const auto want = c.text("gentime")) report.equal("gentime", USE(Instant::parse(*want), report).text(), got->time().text());
}

}  // namespace airlock::conformance
