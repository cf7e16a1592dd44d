#include <array>
#include <memory>

#include "cli/site.h"
#include "ledger/check.h"
#include "ledger/history.h"
#include "verify/note.h"

namespace airlock::cli {
namespace {

Json finding_json(const ledger::Finding& f) {
  Json json{{"tenant", f.tenant}, {"what", f.what}};
  if (f.seq) json["seq"] = *f.seq;
  return json;
}

std::string finding_text(const ledger::Finding& f) {
  std::string text = f.tenant.empty() ? "ledger" : "tenant " + f.tenant;
  if (f.seq) text += ", event " + std::to_string(*f.seq);
  return text + ": " + f.what;
}

Result<int> verify_ledger(const Shell& shell) {
  const Site site = TRY(open_site_read_only(shell));
  TRY(site.ledger.quick_check());
  std::optional<TenantId> only;
  if (!shell.options.tenant.empty()) only = TRY(shell.tenant());
  const std::array keys{TRY(load_public_key(site.home.site_public_key()))};
  const auto verifier = [&](const ledger::Checkpoint& checkpoint, const std::string& origin) -> Result<void> {
    // The signature stands under "airlock/<instance>": the origin without the tenant.
    const auto verified = TRY(verify::verify_checkpoint(checkpoint.note, origin.substr(0, origin.rfind('/')), keys));
    const auto& seen = verified.get();
    if (seen.origin != origin || seen.size != checkpoint.size || seen.root != checkpoint.root)
      return fail(Code::kNoteSignature, "the note says " + seen.origin + ", size " + std::to_string(seen.size));
    return {};
  };
  const auto report = TRY(ledger::verify_history(site.ledger, only, verifier));
  Json logs = Json::array();
  std::vector<CheckLine> lines;
  std::optional<ledger::Finding> first = report.schema;
  lines.push_back({"schema", !report.schema.has_value(), report.schema ? finding_text(*report.schema) : "tables and triggers as they should be"});
  for (const auto& log : report.logs) {
    Json json{{"tenant", log.tenant.str()}, {"events", log.events}, {"checkpoints", log.checkpoints}, {"root", log.root.hex()}, {"ok", !log.finding}};
    if (log.finding) {
      json["finding"] = finding_json(*log.finding);
      if (!first) first = log.finding;
    }
    logs.push_back(json);
    lines.push_back({"tenant " + log.tenant.str(), !log.finding,
                     log.finding ? finding_text(*log.finding)
                                 : std::to_string(log.events) + " events, " + std::to_string(log.checkpoints) + " checkpoints, head " + log.root.hex()});
  }
  TRY(shell.emit({{"ok", report.ok()}, {"logs", logs}}, site.home.ledger() + "\n" + check_list(lines, shell.terminal.stdout_colour)));
  if (first) return fail(Code::kLedgerTampered, finding_text(*first));
  return 0;
}

Result<int> backup(const Shell& shell, const std::string& to) {
  const Site site = TRY(open_site_read_only(shell));
  TRY(site.ledger.backup(to));
  TRY(shell.emit({{"backup", to}}, "ledger copied to " + to + "\n"));
  return 0;
}

Result<int> checkpoint(Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  Site site = TRY(open_site(shell));
  const std::string note = TRY(site.ledger.write(shell.clock.now(), [&](ledger::Tx& tx) { return tx.checkpoint(tenant); }));
  TRY(shell.emit({{"checkpoint", note}}, note));
  return 0;
}

}  // namespace

void register_ledger(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("ledger", "check and copy the ledger");
  group->require_subcommand(1);
  auto to = std::make_shared<std::string>();
  add_command(*group, shell, "verify", "find any edit made under the program's feet", [&shell] { return verify_ledger(shell); });
  add_command(*group, shell, "backup", "copy the ledger while it is in use", [&shell, to] { return backup(shell, *to); })
      ->add_option("file", *to, "where to; must not exist")->required();
  add_command(*group, shell, "checkpoint", "sign and print the head of a tenant's log", [&shell] { return checkpoint(shell); });
}

}  // namespace airlock::cli
