#include <memory>

#include "base/io.h"
#include "bundle/verdict.h"
#include "cli/site.h"

namespace airlock::cli {
namespace {

Result<int> list(const Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  const bundle::Quarantine quarantine(TRY(shell.home()).quarantine());
  std::vector<Json> items;
  Table table({"NAME", "SIZE", "REASON"});
  for (const auto& entry : TRY(quarantine.list(tenant))) {
    items.push_back({{"name", entry.name}, {"path", entry.path}, {"bytes", entry.bytes}, {"reason", entry.reason}});
    table.add({entry.name, human_bytes(entry.bytes), entry.reason});
  }
  TRY(shell.emit_list(items, table, "nothing in quarantine"));
  return 0;
}

bool held(const Json& verdict, std::string_view check) {
  for (const Json& made : verdict.value("checks", Json::array()))
    if (made.value("name", "") == check) return made.value("ok", false);
  return false;
}

// What the checks that were made say together, in sentences: who is believed, and what is known of the content.
std::string in_words(const Json& verdict) {
  std::string words;
  if (!held(verdict, bundle::kCheckSignature))
    words += "Nothing in this file can be taken as a publisher's word: its signature was not found to be that of the keys this\n"
             "site trusts. manifest.json beside it, if there is one, is only what the file claims.\n";
  else if (held(verdict, bundle::kCheckMembers))
    words += "The file is whole, and it is what a trusted publisher signed. It was refused for what it says, or for when it came.\n";
  else
    words += "A trusted publisher signed its manifest, so manifest.json can be believed; the file around it is not what was\n"
             "signed, or was not looked at any further. Another copy of the same bundle may be good.\n";
  return words + "Nothing of it is in use.\n";
}

std::string files_text(const bundle::QuarantineEntry& entry) {
  std::string text = "kept in  " + entry.path + " (" + human_bytes(entry.bytes) + ")\n";
  for (const auto& [file, what] : {std::pair("bundle.tar.zst", "the refused file, byte for byte"), {"manifest.json", "its manifest"},
                                   {"verification.json", "each check, for programs"}, {"failure-reason.txt", "the reason, in one line"}})
    if (path_exists(entry.path + "/" + file)) text += "           " + std::string(file) + ": " + what + "\n";
  return text;
}

Result<int> show(const Shell& shell, const std::string& name) {
  const TenantId tenant = TRY(shell.tenant());
  const bundle::Quarantine quarantine(TRY(shell.home()).quarantine());
  const auto entry = TRY(quarantine.find(tenant, name));
  const Json verdict = TRY(quarantine.verification(entry));
  std::vector<CheckLine> lines;
  for (const Json& check : verdict.value("checks", Json::array()))
    lines.push_back({check.value("name", ""), check.value("ok", false), check.value("seen", "")});
  TRY(shell.emit({{"name", entry.name}, {"path", entry.path}, {"bytes", entry.bytes}, {"reason", entry.reason}, {"verification", verdict}},
                 "refused  " + printable(entry.reason) + "\n" + check_list(lines, shell.terminal.stdout_colour) + "\n" + in_words(verdict) +
                     "To do: " + printable(verdict.value("remedy", "ask the publisher")) + "\n\n" + files_text(entry)));
  return 0;
}

Result<int> remove(Shell& shell, const std::string& name) {
  const TenantId tenant = TRY(shell.tenant());
  if (shell.options.reason.empty()) return fail(Code::kReasonRequired, "quarantine remove " + name);
  Site site = TRY(open_site(shell));
  bundle::Quarantine quarantine(site.home.quarantine());
  const auto w = who(shell);
  TRY(quarantine.remove(tenant, name, {w.actor, shell.options.reason, w.ticket}, site.ledger, shell.clock.now()));
  TRY(shell.emit({{"removed", name}}, "removed " + name + "; the removal is on record\n"));
  return 0;
}

}  // namespace

void register_quarantine(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("quarantine", "look at refused bundles");
  group->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  add_command(*group, shell, "list", "list refused bundles, oldest first", [&shell] { return list(shell); });
  add_command(*group, shell, "show", "say why a bundle was refused", [&shell, name] { return show(shell, *name); })
      ->add_option("name", *name, "as `quarantine list` prints it")->required();
  add_command(*group, shell, "remove", "delete a refused bundle; needs --reason", [&shell, name] { return remove(shell, *name); })
      ->add_option("name", *name, "as `quarantine list` prints it")->required();
}

}  // namespace airlock::cli
