// tlog-note: signed notes, verifier keys, checkpoints, Rekor checkpoints, tlog proofs and signed tree heads.
#include "base/encoding.h"
#include "sets.h"
#include "verify/log_checkpoint.h"
#include "verify/note.h"
#include "verify/tree_head.h"

namespace airlock::conformance {
namespace {

using namespace verify;

Result<std::vector<NoteKey>> keys_of(const Case& c) {
  std::vector<NoteKey> keys;
  for (const Json& vkey : c.json().value("vkeys", Json::array())) keys.push_back(TRY(NoteKey::parse(vkey.get<std::string>())));
  return keys;
}

void run_note(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("note"), report);
  const auto open = [&]() -> Result<VerifiedNote> { return verify_note(TRY(parse_note(bytes)), TRY(keys_of(c))); };
  const auto got = open();
  report.judge(c.expect(), got);
  if (!got || c.expect() != Expect::kAccept) return;
  if (const auto want = c.number("verified")) report.equal("verified", *want, std::uint64_t{got->names().size()});
  if (const auto want = c.number("unverified")) report.equal("unverified", *want, std::uint64_t{got->ignored()});
}

void run_body(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("body"), report);
  const auto got = parse_checkpoint_body(bytes);
  report.judge(c.expect(), got);
  if (!got) return;
  if (const auto want = c.text("origin")) report.equal("origin", *want, got->origin);
  if (const auto want = c.number("size")) report.equal("size", *want, got->size);
  if (const auto want = c.text("hash")) report.equal("hash", *want, to_base64(got->root));
}

void run_rekor(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("checkpoint"), report);
  const std::string pem = USE(c.file("key"), report);
  const PublicKey key = USE(PublicKey::from_pem(pem), report);
  report.judge(c.expect(), verify_log_checkpoint(bytes, key));
}

Result<SignedTreeHead> read_sth(const Case& c, std::string_view json) {
  const std::vector<NoteKey> keys = TRY(keys_of(c));
  if (keys.empty()) return fail(Code::kNoteSignature, "no key given");
  return verify_sth(json, keys[0].key);
}

}  // namespace

void run_tlog_note(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind == "note") return run_note(c, report);
  if (kind == "vkey") return report.judge(c.expect(), NoteKey::parse(c.text("vkey").value_or("")));
  if (kind == "checkpoint-body") return run_body(c, report);
  if (kind == "rekor-checkpoint") return run_rekor(c, report);
  if (kind == "tlog-proof") return report.judge(c.expect(), parse_tlog_proof(USE(c.file("proof"), report)));
  if (kind == "sth") return report.judge(c.expect(), read_sth(c, USE(c.file("sth"), report)));
  report.differ("a known kind", kind, "nothing to run it with");
}

}  // namespace airlock::conformance
