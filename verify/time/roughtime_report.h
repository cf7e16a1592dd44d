// verify/time/roughtime_report: chains of Roughtime answers, and lists of servers, as JSON (draft-ietf-ntp-roughtime,
// sections "Grinding and chaining" and "Server list").
//
//   report  {"responses": [{"publicKey": b64, "request": b64, "response": b64, "rand": b64 in all but the first}]}
//   list    {"servers": [{"name", "version", "publicKeyType": "ed25519", "publicKey": b64, "addresses"}]}
// The nonce of each request but the first is SHA-512(previous response || rand), cut to the nonce's size, so the order in
// which the servers answered is proved. Where an earlier answer is certainly later than a later one, one server lied.
// Fields beyond these are ignored: the documents are others'. Errors: kJson, kTimeMalformed, and those of verify_roughtime().
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "verify/keys.h"
#include "verify/time/roughtime.h"

namespace airlock::verify {

// Unverified.
struct RoughtimeExchange {
  PublicKey key;  // that the report claims
  std::string request, response;
  std::optional<std::string> rand;  // absent in the first alone
};
struct RoughtimeReport {
  std::vector<RoughtimeExchange> exchanges;  // at least one, at most 64
};
Result<RoughtimeReport> parse_roughtime_report(std::string_view text);
std::string write_roughtime_report(const RoughtimeReport& report);  // canonical JSON and a line feed

class VerifiedRoughtimeChain {
 public:
  const std::vector<VerifiedRoughtime>& answers() const { return answers_; }
  // Positions (earlier, later) of two answers whose times contradict their order; absent when all agree.
  std::optional<std::pair<std::size_t, std::size_t>> contradiction() const;

 private:
  friend Result<VerifiedRoughtimeChain> verify_roughtime_chain(const RoughtimeReport&, std::span<const PublicKey>);
  explicit VerifiedRoughtimeChain(std::vector<VerifiedRoughtime> answers) : answers_(std::move(answers)) {}
  std::vector<VerifiedRoughtime> answers_;
};

// Every answer verifies with the key it claims, which must be one of `keys`, and is bound to the answer before it.
// A contradiction is not an error: it is what such a report is written for.
Result<VerifiedRoughtimeChain> verify_roughtime_chain(const RoughtimeReport& report, std::span<const PublicKey> keys);

struct RoughtimeServer {
  std::string name;
  PublicKey key;
};
Result<std::vector<RoughtimeServer>> parse_roughtime_servers(std::string_view text);

}  // namespace airlock::verify
