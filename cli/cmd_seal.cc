#include <memory>

#include "cli/gates.h"

namespace airlock::cli {
namespace {

struct SealOptions {
  std::string policy_hash;
};

Json seal_json(const TenantId& tenant, const std::optional<ledger::SealRow>& row) {
  Json out{{"tenant", tenant.str()}, {"sealed", row && row->sealed}};
  if (!row) return out;
  out["policyHash"] = row->policy_hash.prefixed();
  out["changedAt"] = row->at.text();
  out["changedBy"] = row->actor;
  if (row->reason) out["reason"] = *row->reason;
  if (row->ticket) out["ticket"] = *row->ticket;
  return out;
}

std::string seal_text(const TenantId& tenant, const std::optional<ledger::SealRow>& row) {
  if (!row) return "tenant " + tenant.str() + " was never sealed\n";
  return "tenant " + tenant.str() + " is " + (row->sealed ? "sealed" : "not sealed") + ", since " + row->at.text() + " by " + printable(row->actor) +
         "\npolicy " + row->policy_hash.prefixed() + "\n";
}

Result<int> change(Shell& shell, const std::function<Result<void>(ledger::Tx&, const TenantId&)>& work) {
  const TenantId tenant = TRY(shell.tenant());
  Site site = TRY(open_site(shell));
  const TimeReading reading = TRY(advance_time(shell, site));
  TRY(site.ledger.write(reading.time.now, [&](ledger::Tx& tx) { return work(tx, tenant); }));
  const auto row = TRY(ledger::seal_state(site.ledger, tenant));
  TRY(shell.emit(seal_json(tenant, row), seal_text(tenant, row)));
  return 0;
}

Result<int> seal(Shell& shell, const SealOptions& o) {
  const Digest policy = TRY(Digest::parse(o.policy_hash));
  return change(shell, [&](ledger::Tx& tx, const TenantId& tenant) -> Result<void> {
    const auto row = TRY(ledger::seal_state(tx, tenant));
    if (row && row->sealed && row->policy_hash == policy) return {};  // it stands already: no event says so twice
    return ledger::seal(tx, tenant, policy, who(shell));
  });
}

Result<int> unseal(Shell& shell) {
  return change(shell, [&](ledger::Tx& tx, const TenantId& tenant) { return ledger::unseal(tx, tenant, who(shell)); });
}

// Always answers, whatever is wrong; the exit status is that of the first diagnostic that would stop a run.
Result<int> status(Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto row = TRY(ledger::seal_state(site.ledger, tenant));
  const TimeReading reading = TRY(read_time(shell, site.ledger));
  const auto diagnostics = TRY(startup_diagnostics(shell, site, tenant, reading.time.now));
  Json list = Json::array();
  std::vector<CheckLine> lines;
  int exit_status = 0;
  for (const Diagnostic& d : diagnostics) {
    Json item{{"name", d.name}, {"ok", d.ok}, {"seen", d.seen}};
    if (!d.ok) item["code"] = code_info(d.code).text;
    if (!d.ok && row && row->sealed && exit_status == 0) exit_status = code_info(d.code).exit_status;
    list.push_back(std::move(item));
    lines.push_back({d.name, d.ok, d.seen + (d.ok ? "" : "  (" + std::string(code_info(d.code).text) + ")")});
  }
  Json out = seal_json(tenant, row);
  out["diagnostics"] = std::move(list);
  out["clockRolledBack"] = reading.time.rolled_back;
  TRY(shell.emit(out, seal_text(tenant, row) + check_list(lines, shell.terminal.stdout_colour)));
  return exit_status;
}

}  // namespace

void register_seal(CLI::App& app, Shell& shell) {
  auto o = std::make_shared<SealOptions>();
  CLI::App* close = add_command(app, shell, "seal", "let no step of a tenant declare a network endpoint", [&shell, o] { return seal(shell, *o); });
  close->add_option("--policy-hash", o->policy_hash, "sha256:HEX of the policy document that demands it, for the record")->required();
  add_command(app, shell, "unseal", "end sealed mode of a tenant", [&shell] { return unseal(shell); });
  add_command(app, shell, "status", "say whether a tenant is sealed, and what would stop a run of it then", [&shell] { return status(shell); });
}

}  // namespace airlock::cli
