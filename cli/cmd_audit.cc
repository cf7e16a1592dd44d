#include <memory>

#include "audit/audit.h"
#include "audit/verify/audit_verify.h"
#include "cli/passphrase.h"
#include "cli/site.h"

namespace airlock::cli {
namespace {

struct AuditOptions {
  std::string output, file, since, until, previous;
  std::vector<std::string> keys;
  std::optional<std::uint64_t> from_seq, to_seq;
  std::uint64_t threshold = 1;
};

Result<int> export_bundle(Shell& shell, const AuditOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  Site site = TRY(open_site(shell));
  std::vector<verify::PrivateKey> more;
  for (const std::string& file : o.keys) more.push_back(TRY(load_signing_key(shell, file)));
  audit::ExportRequest request{tenant, o.from_seq, o.to_seq, std::nullopt, std::nullopt, std::nullopt, o.output, {site.key.get()}, shell.clock.now()};
  for (const auto& key : more) request.signers.push_back(&key);
  if (!o.since.empty()) request.since = TRY(Instant::parse(o.since));
  if (!o.until.empty()) request.until = TRY(Instant::parse(o.until));
  if (!o.previous.empty()) request.previous = o.previous;
  const auto result = TRY(audit::export_audit(site.ledger, request));
  TRY(shell.emit({{"path", result.path}, {"fromSeq", result.from_seq}, {"toSeq", result.to_seq}, {"events", result.events},
                  {"jobs", result.jobs}, {"runs", result.runs}, {"bytes", result.bytes}, {"root", result.root.hex()},
                  {"manifestSha256", result.manifest_sha256.hex()}, {"signatures", request.signers.size()}},
                 result.path + ": " + std::to_string(result.events) + " events, " + std::to_string(result.runs) + " runs, " +
                     std::to_string(result.jobs) + " jobs of tenant " + tenant.str() + "\n  head      " + result.root.hex() + " at size " +
                     std::to_string(result.to_seq) + "\n  manifest  " + result.manifest_sha256.prefixed() + "\n  signed by " +
                     std::to_string(request.signers.size()) + (request.signers.size() == 1 ? " key\n" : " keys\n")));
  return 0;
}

Result<int> verify_export(const Shell& shell, const AuditOptions& o) {
  audit::VerifyOptions options;
  for (const std::string& file : o.keys) options.keys.push_back(TRY(load_public_key(file)));
  options.threshold = o.threshold;
  if (!o.previous.empty()) options.previous = o.previous;
  const auto report = TRY(audit::verify_audit(o.file, options));
  std::vector<CheckLine> lines;
  for (const auto& check : report.checks) lines.push_back({check.name, check.ok, check.seen});
  TRY(shell.emit(audit::report_json(report),
                 o.file + "\n" + check_list(lines, shell.terminal.stdout_colour) + (report.accepted ? "every check holds\n" : "")));
  if (report.failure) return fail(report.failure->code, audit::failure_text(*report.failure));
  return 0;
}

Result<int> add_signature(const Shell& shell, const AuditOptions& o) {
  std::size_t signatures = 0;
  for (const std::string& file : o.keys) {
    const auto key = TRY(load_signing_key(shell, file));
    signatures = TRY(audit::add_signature(o.file, key));
  }
  TRY(shell.emit({{"file", o.file}, {"signatures", signatures}}, o.file + ": " + std::to_string(signatures) + " signatures\n"));
  return 0;
}

}  // namespace

void register_audit(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("audit", "export evidence and check it");
  group->require_subcommand(1);
  auto o = std::make_shared<AuditOptions>();
  CLI::App* out = add_command(*group, shell, "export", "write a signed audit bundle of a tenant", [&shell, o] { return export_bundle(shell, *o); });
  out->add_option("-o,--output", o->output, "FILE.tar.zst, or a folder; must not exist")->required();
  out->add_option("--key", o->keys, "private key that signs beside the site's (repeat for more)");
  out->add_option("--since", o->since, "UTC time of the first event");
  out->add_option("--until", o->until, "UTC time before which the last event lies");
  out->add_option("--from-seq", o->from_seq, "sequence number of the first event");
  out->add_option("--to-seq", o->to_seq, "sequence number after the last event");
  out->add_option("--previous", o->previous, "an earlier checkpoint or export: proves that this log extends it");
  CLI::App* check = add_command(*group, shell, "verify", "check an audit bundle, as airlock-verify does", [&shell, o] { return verify_export(shell, *o); });
  check->add_option("file", o->file, "the audit bundle, archive or folder")->required();
  check->add_option("--key", o->keys, "public key of the site or an auditor (repeat for more)")->required();
  check->add_option("--threshold", o->threshold, "how many of these keys must have signed (default 1)");
  check->add_option("--previous", o->previous, "an earlier checkpoint or export that this one must extend");
  CLI::App* sign = add_command(*group, shell, "add-signature", "sign an audit bundle, touching nothing else in it", [&shell, o] { return add_signature(shell, *o); });
  sign->add_option("file", o->file, "the audit bundle")->required();
  sign->add_option("--key", o->keys, "private key to sign with")->required();
}

}  // namespace airlock::cli
