#include "cli/time_proofs.h"

#include "base/encoding.h"
#include "base/io.h"
#include "cli/gates.h"

namespace airlock::cli {
namespace {

constexpr std::uint64_t kMaxProofBytes = kMiB, kMaxDataBytes = kGiB;

Result<std::string> read_all(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) text += TRY(read_file(file, kMaxProofBytes)) + "\n";
  return text;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The answer with the key that verifies it; an answer does not say whose it is.
Result<std::pair<verify::VerifiedRoughtime, verify::PublicKey>> verify_answer(const std::string& request, const std::string& response,
                                                                             const verify::TimeAuthorities& authorities) {
  Error last{Code::kTimeRootsRequired, "no Roughtime server is configured"};
  for (const verify::PublicKey& key : authorities.roughtime) {
    auto answer = verify::verify_roughtime(request, response, key);
    if (answer) return std::pair(std::move(*answer), key);
    last = answer.error();
  }
  return fail(std::move(last));
}

Json answer_json(const verify::VerifiedRoughtime& answer) {
  Json out{{"time", answer.time().text()}, {"radiusMillis", std::chrono::ceil<Millis>(answer.radius()).count()}, {"keyId", answer.key_id()}};
  if (answer.version()) out["version"] = *answer.version();
  return out;
}

std::string answer_text(const verify::VerifiedRoughtime& answer) {
  return answer.time().text() + "  within " + human_duration(std::chrono::ceil<Millis>(answer.radius()).count()) + "  key " + answer.key_id() + "\n";
}

Result<ProofSeen> verify_report(const std::string& bytes, const ProofOptions& options, const verify::TimeAuthorities& authorities) {
  const auto chain = TRY(verify::verify_roughtime_chain(TRY(verify::parse_roughtime_report(bytes)), authorities.roughtime));
  const auto& first = chain.answers().front();
  if (!options.data.empty() && first.nonce() != verify::roughtime_hash(TRY(read_file(options.data, kMaxDataBytes)), first.nonce().size()))
    return fail(Code::kTimeImprint, "the first nonce is not the hash of " + options.data);
  ProofSeen seen{{{"source", "roughtime"}, {"answers", Json::array()}}, ""};
  for (const auto& answer : chain.answers()) {
    seen.json["answers"].push_back(answer_json(answer));
    seen.text += answer_text(answer);
  }
  if (const auto pair = chain.contradiction()) {
    seen.json["contradiction"] = {pair->first, pair->second};
    seen.text += "answers " + std::to_string(pair->first + 1) + " and " + std::to_string(pair->second + 1) +
                 " contradict each other: one of these servers lied\n";
  }
  return seen;
}

Result<ProofSeen> verify_token(const std::string& bytes, const ProofOptions& options, const verify::TimeAuthorities& authorities) {
  if ((options.data.empty() ? 0 : 1) + (options.imprint.empty() ? 0 : 1) + (options.query.empty() ? 0 : 1) != 1)
    return fail(Code::kUsage, "say what was stamped: one of --data, --imprint and --query");
  std::optional<Instant> at;
  if (!options.at.empty()) at = TRY(Instant::parse(options.at));
  const std::string subject = !options.data.empty()    ? TRY(read_file(options.data, kMaxDataBytes))
                              : !options.query.empty() ? TRY(read_file(options.query, kMaxProofBytes))
                                                       : TRY(from_hex(options.imprint));
  verify::Stamped stamped = verify::StampedData{subject};
  if (!options.query.empty()) stamped = verify::StampedQuery{subject};
  if (!options.imprint.empty()) stamped = verify::StampedImprint{subject};
  const auto token = TRY(verify::verify_timestamp(bytes, authorities.tsa, stamped, at));
  return ProofSeen{{{"source", "rfc3161"},
                    {"time", token.time().text()},
                    {"accuracyMillis", token.accuracy().count()},
                    {"signer", token.signer()},
                    {"signatureFingerprint", token.signer_fingerprint().prefixed()},
                    {"tokenDigest", token.token_digest().prefixed()}},
                   token.time().text() + "  by " + printable(token.signer()) + "\n"};
}

}  // namespace

void add_root_options(CLI::App& command, ProofOptions& o) {
  command.add_option("--tsa", o.tsa, "PEM file with root certificates of a time-stamping authority (repeat for more)")->allow_extra_args(false);
  command.add_option("--certs", o.certificates, "PEM file with certificates that may stand in between")->allow_extra_args(false);
  command.add_option("--roughtime-key", o.roughtime, "NAME=BASE64, long-term key of a Roughtime server (repeat for more)")->allow_extra_args(false);
}

void add_subject_options(CLI::App& command, ProofOptions& o) {
  command.add_option("--data", o.data, "file that was stamped");
  command.add_option("--imprint", o.imprint, "its hash, in hex");
  command.add_option("--query", o.query, "the RFC 3161 request that was answered");
  command.add_option("--request", o.request, "the Roughtime request that was answered");
  command.add_option("--at", o.at, "UTC time to judge certificates at (default: the token's)");
}

Result<manifests::TimeRoots> roots_of(const ProofOptions& options) {
  manifests::TimeRoots roots;
  const std::string intermediates = TRY(read_all(options.certificates));
  for (const std::string& file : options.tsa) {
    std::string pem = TRY(read_file(file, kMaxProofBytes));
    roots.tsa.push_back({base_name(file), std::move(pem), intermediates});
  }
  for (const std::string& text : options.roughtime) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return fail(Code::kUsage, "--roughtime-key " + text + ": expected NAME=BASE64");
    std::string key = TRY(from_base64(std::string_view(text).substr(equals + 1)));
    roots.roughtime.push_back({text.substr(0, equals), std::move(key)});
  }
  return roots;
}

Result<verify::TimeAuthorities> authorities_for(const Shell& shell, const ProofOptions& options) {
  const manifests::TimeRoots given = TRY(roots_of(options));
  if (!given.tsa.empty() || !given.roughtime.empty()) return verify::TimeAuthorities::read(given);
  const HomePaths home = TRY(shell.home());
  const auto roots = TRY(load_time_roots(home));
  if (!roots) return fail(Code::kTimeRootsRequired, home.time_roots());
  return verify::TimeAuthorities::read(*roots);
}

Result<ProofSeen> verify_proof_file(const std::string& file, const ProofOptions& options, const verify::TimeAuthorities& authorities) {
  const std::string bytes = TRY(read_file(file, kMaxProofBytes));
  if (bytes.starts_with('{')) return verify_report(bytes, options, authorities);
  if (options.request.empty()) return verify_token(bytes, options, authorities);
  const auto answer = TRY(verify_answer(TRY(read_file(options.request, kMaxProofBytes)), bytes, authorities));
  return ProofSeen{answer_json(answer.first), answer_text(answer.first)};
}

Result<AnchorFiles> make_anchor(const std::string& file, const ProofOptions& options, std::string_view payload,
                                const verify::TimeAuthorities& authorities) {
  AnchorFiles files;
  files.proof = TRY(read_file(file, kMaxProofBytes));
  files.proof_name = "token.tsr";
  auto source = manifests::AnchorSource::kRfc3161;
  if (!options.request.empty()) {  // one exchange is a report of one
    std::string request = TRY(read_file(options.request, kMaxProofBytes));
    const auto answer = TRY(verify_answer(request, files.proof, authorities));
    files.proof = verify::write_roughtime_report({{{answer.second, std::move(request), files.proof, std::nullopt}}});
  }
  if (files.proof.starts_with('{')) {
    source = manifests::AnchorSource::kRoughtime;
    files.proof_name = "report.roughtime";
  }
  const auto proof = TRY(verify::verify_time_proof(source, files.proof, payload, authorities));
  files.anchor = manifests::write_time_anchor({proof.time, proof.format, Digest::of(files.proof), proof.signature_fingerprint});
  files.vouched_by = proof.time.text() + " by " + printable(proof.vouched_by);
  return files;
}

}  // namespace airlock::cli
