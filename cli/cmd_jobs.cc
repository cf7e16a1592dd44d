#include <memory>

#include "cli/site.h"
#include "jobs/jobs.h"

namespace airlock::cli {
namespace {

Json job_json(const ledger::JobRow& row, const ledger::JobStatus& status) {
  Json json{{"jobId", row.id.str()}, {"jobType", row.type}, {"source", row.source}, {"priority", row.priority},
            {"state", ledger::to_text(status.state)}, {"attempt", status.attempt}, {"submittedAt", row.submitted_at.text()},
            {"since", status.since.text()}, {"payloadDigest", row.payload_digest.prefixed()}, {"idempotencyKey", row.idempotency_key},
            {"actor", row.actor}};
  if (status.worker) json["worker"] = *status.worker;
  if (status.lease_until) json["leaseUntil"] = status.lease_until->text();
  if (status.outcome) json["outcome"] = *status.outcome;
  return json;
}

Result<int> list(const Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto snapshot = TRY(site.ledger.snapshot());
  std::vector<Json> items;
  Table table({"JOB", "TYPE", "STATE", "SOURCE", "SUBMITTED", "WAITING FOR"});
  ledger::JobQuery query;
  query.newest_first = true;
  for (const auto& row : TRY(ledger::list_jobs(snapshot, tenant, query))) {
    const auto status = TRY(ledger::job_status(snapshot, tenant, row.id));
    items.push_back(job_json(row, status));
    table.add({row.id.str(), row.type, std::string(ledger::to_text(status.state)), row.source, row.submitted_at.text(), status.gate.value_or("")});
  }
  TRY(shell.emit_list(items, table, "no jobs"));
  return 0;
}

Result<int> show(Shell& shell, const std::string& id) {
  const TenantId tenant = TRY(shell.tenant());
  const JobId job = TRY(JobId::parse(id));
  const Site site = TRY(open_site_read_only(shell));
  const auto snapshot = TRY(site.ledger.snapshot());
  const auto row = TRY(ledger::get_job(snapshot, tenant, job));
  const auto status = TRY(ledger::job_status(snapshot, tenant, job));
  Json json = job_json(row, status);
  std::string text;
  for (const auto& [key, value] : json.items()) text += key + std::string(18 - std::min<std::size_t>(17, key.size()), ' ') + (value.is_string() ? printable(value.get<std::string>()) : canonical_json(value)) + "\n";
  const auto why = jobs::explain(snapshot, tenant, job, shell.clock.now());
  if (why) {
    json["explanation"] = *why;
    text += "explanation       " + canonical_json(*why) + "\n";
  }
  TRY(shell.emit(json, text));
  return 0;
}

}  // namespace

void register_jobs(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("jobs", "look at the queue");
  group->require_subcommand(1);
  auto id = std::make_shared<std::string>();
  add_command(*group, shell, "list", "list the jobs of a tenant, newest first", [&shell] { return list(shell); });
  add_command(*group, shell, "show", "show one job, and what it waits for", [&shell, id] { return show(shell, *id); })
      ->add_option("job", *id, "job id")->required();
}

}  // namespace airlock::cli
