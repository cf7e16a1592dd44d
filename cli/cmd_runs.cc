#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "base/io.h"
#include "cli/run_session.h"
#include "ledger/states.h"

namespace airlock::cli {
namespace {

struct RunsOptions {
  std::string run, step, path, output, timeout;
  std::uint64_t limit = 50;
};

Json run_json(const ledger::RunRow& run) {
  Json json{{"runId", run.id.str()}, {"dagId", run.dag.str()}, {"dagVersion", run.dag_version}, {"state", ledger::to_text(run.state)},
            {"createdAt", run.created_at.text()}, {"actor", run.actor}, {"rationale", run.rationale}, {"runToken", run.run_token},
            {"planHash", run.plan_hash.hex()}, {"inputsHash", run.inputs_hash.hex()}, {"jobId", run.job.str()}};
  if (run.outputs_hash) json["outputsHash"] = run.outputs_hash->hex();
  if (run.started_at) json["startedAt"] = run.started_at->text();
  if (run.ended_at) json["endedAt"] = run.ended_at->text();
  if (run.replay_of) json["replayOf"] = run.replay_of->str();
  if (run.trace_id) json["traceId"] = *run.trace_id;
  if (run.error) json["error"] = *run.error;
  return json;
}

std::string took(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  return from && to ? human_duration((*to - *from).count()) : "";
}

Result<int> list(const Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  ledger::RunQuery query;
  query.newest_first = true;
  query.limit = o.limit;
  std::vector<Json> items;
  Table table({"RUN", "DAG", "STATE", "STARTED", "TOOK", "BY"});
  for (const auto& run : TRY(ledger::list_runs(site.ledger, tenant, query))) {
    items.push_back(run_json(run));
    table.add({run.id.str(), run.dag.str() + "@" + run.dag_version, std::string(ledger::to_text(run.state)),
               run.started_at ? run.started_at->text() : "", took(run.started_at, run.ended_at), run.actor});
  }
  TRY(shell.emit_list(items, table, "no runs"));
  return 0;
}

Result<int> show(const Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto snapshot = TRY(site.ledger.snapshot());
  const auto run = TRY(ledger::find_run(snapshot, tenant, o.run));
  Json json = run_json(run);
  Json steps = Json::array(), attempts = Json::array();
  Table table({"STEP", "STATE", "TRY", "TOOK", "OUTPUTS", "WHY"});
  for (const auto& step : TRY(ledger::steps_of(snapshot, tenant, run.id))) {
    Json s{{"stepId", step.step.str()}, {"plugin", step.plugin}, {"state", ledger::to_text(step.state)}, {"attempt", step.attempt}};
    std::string why;
    if (step.outputs_hash) s["outputsHash"] = step.outputs_hash->hex();
    if (step.step_hash) s["stepHash"] = step.step_hash->hex();
    if (step.from_run) {
      s["fromRun"] = step.from_run->str();
      why = "from run " + step.from_run->str().substr(0, 13);
    }
    if (step.error) {
      s["error"] = *step.error;
      why = step.error->value("message", canonical_json(*step.error));
    }
    steps.push_back(s);
    table.add({step.step.str(), std::string(ledger::to_text(step.state)), std::to_string(step.attempt), took(step.started_at, step.ended_at),
               step.outputs_hash ? step.outputs_hash->hex().substr(0, 16) : "", why});
  }
  for (const auto& a : TRY(ledger::attempts_of(snapshot, tenant, run.id)))
    attempts.push_back({{"stepId", a.step.str()}, {"attempt", a.attempt}, {"outcome", a.outcome}, {"exit", a.exit}, {"evidence", a.evidence}});
  json["steps"] = steps;
  json["attempts"] = attempts;
  std::string text = "run        " + run.id.str() + "\ndag        " + run.dag.str() + "@" + run.dag_version + "\nstate      " +
                     std::string(ledger::to_text(run.state)) + "\nby         " + printable(run.actor) + "\nplan       " + run.plan_hash.prefixed() +
                     "\ninputs     " + run.inputs_hash.prefixed() + "\n";
  if (run.outputs_hash) text += "outputs    " + run.outputs_hash->prefixed() + "\n";
  if (run.replay_of) text += "replay of  " + run.replay_of->str() + "\n";
  if (run.error) text += "error      " + printable(run.error->value("message", canonical_json(*run.error))) + "\n";
  TRY(shell.emit(json, text + table.text()));
  return 0;
}

// Follows a run until it has ended: a line for each step that changes. Reads the ledger alone, so that it works beside
// whatever executes the run, and can be left at any time.
Result<int> watch(Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  std::optional<Millis> give_up;
  if (!o.timeout.empty()) give_up = shell.clock.monotonic() + TRY(parse_duration(o.timeout));
  const RunId id = TRY(ledger::find_run(site.ledger, tenant, o.run)).id;
  std::map<std::string, std::string> shown;
  for (;;) {
    const auto snapshot = TRY(site.ledger.snapshot());
    const auto run = TRY(ledger::find_run(snapshot, tenant, id.str()));
    for (const auto& step : TRY(ledger::steps_of(snapshot, tenant, id))) {
      const std::string state(ledger::to_text(step.state));
      std::string& before = shown[step.step.str()];
      if (before == state) continue;
      before = state;
      if (shell.options.ndjson) TRY(write_stdout(canonical_json({{"stepId", step.step.str()}, {"state", state}, {"attempt", step.attempt}}) + "\n"));
      else if (!shell.machine() && !shell.options.quiet) TRY(write_stdout(step.step.str() + " " + state + "\n"));
    }
    if (ledger::is_final(run.state)) {
      TRY(shell.emit(run_json(run), "run " + run.id.str() + " " + std::string(ledger::to_text(run.state)) + "\n"));
      if (run.state == ledger::RunState::kSucceeded) return 0;
      return fail(Code::kRunFailed, "run " + run.id.str() + " " + std::string(ledger::to_text(run.state)));
    }
    if (give_up && shell.clock.monotonic() >= *give_up)
      return fail(Code::kRunUnfinished, "run " + id.str() + " is still " + std::string(ledger::to_text(run.state)) + " after " + o.timeout);
    // Asked again and again: SQLite tells a reader nothing of what another process has committed.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

// Log text is written by strangers: control characters are escaped, line ends kept.
std::string log_text(std::string_view raw) {
  std::string out;
  while (!raw.empty()) {
    const auto end = raw.find('\n');
    out += printable(raw.substr(0, end)) + "\n";
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
  }
  return out;
}

Result<int> logs(const Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto run = TRY(ledger::find_run(site.ledger, tenant, o.run));
  bool found = o.step.empty();
  std::vector<Json> items;
  std::string text;
  for (const auto& step : TRY(ledger::steps_of(site.ledger, tenant, run.id))) {
    if (!o.step.empty() && step.step.str() != o.step) continue;
    found = true;
    for (std::uint32_t attempt = 1; attempt <= step.attempt; ++attempt)
      for (const char* stream : {"out", "err"}) {
        const std::string file = site.home.runs() + "/" + run.id.str() + "/" + step.step.str() + "." + std::to_string(attempt) + "." + stream;
        const auto content = read_file(file, 64 * kMiB);
        if (!content && content.error().code == Code::kNotFound) continue;
        if (!content) return fail(content.error());
        if (content->empty()) continue;
        items.push_back({{"stepId", step.step.str()}, {"attempt", attempt}, {"stream", stream}, {"file", file}, {"text", log_text(*content)}});
        text += "== " + step.step.str() + ", attempt " + std::to_string(attempt) + ", std" + stream + "\n" + log_text(*content);
      }
  }
  if (!found) return fail(Code::kNotFound, "step " + o.step + " in run " + run.id.str());
  if (items.empty()) shell.say("no output");
  if (shell.machine()) TRY(shell.emit_list(items, Table({}), ""));
  else TRY(write_stdout(text));
  return 0;
}

Result<int> cancel(Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  Site site = TRY(open_site(shell));
  const auto run = TRY(ledger::find_run(site.ledger, tenant, o.run));
  TRY(runner::cancel_run({site.ledger, shell.clock, site.home.runs()}, tenant, run.id, who(shell)));
  TRY(shell.emit({{"runId", run.id.str()}, {"cancel", "requested"}}, "run " + run.id.str() + ": cancel requested\n"));
  return 0;
}

Result<int> artifacts(const Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto run = TRY(ledger::find_run(site.ledger, tenant, o.run));
  std::vector<Json> items;
  Table table({"STEP", "SIZE", "SHA256", "PATH"});
  for (const auto& step : TRY(ledger::steps_of(site.ledger, tenant, run.id)))
    for (const auto& a : TRY(ledger::artifacts_of(site.ledger, tenant, run.id, step.step))) {
      items.push_back({{"stepId", step.step.str()}, {"path", a.file.path}, {"sha256", a.file.sha256.hex()}, {"size", a.file.size}});
      table.add({step.step.str(), std::to_string(a.file.size), a.file.sha256.hex().substr(0, 16), a.file.path});
    }
  TRY(shell.emit_list(items, table, "no artifacts"));
  return 0;
}

Result<int> get_artifact(const Shell& shell, const RunsOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto store = TRY(open_store(site.home));
  const auto run = TRY(ledger::find_run(site.ledger, tenant, o.run));
  for (const auto& a : TRY(ledger::artifacts_of(site.ledger, tenant, run.id, TRY(StepId::parse(o.step))))) {
    if (a.file.path != o.path) continue;
    const std::string bytes = TRY(store->read(a.file.sha256, kGiB));
    if (o.output.empty()) {
      TRY(write_stdout(bytes));
      return 0;
    }
    TRY(write_file_durably(o.output, bytes));
    TRY(shell.emit({{"file", o.output}, {"sha256", a.file.sha256.hex()}, {"size", a.file.size}}, o.output + ": " + a.file.sha256.prefixed() + "\n"));
    return 0;
  }
  return fail(Code::kNotFound, "artifact " + o.path + " of step " + o.step + " in run " + run.id.str());
}

}  // namespace

void register_runs(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("runs", "look at runs, stop them");
  group->require_subcommand(1);
  auto o = std::make_shared<RunsOptions>();
  add_command(*group, shell, "list", "list the runs of a tenant, newest first", [&shell, o] { return list(shell, *o); })
      ->add_option("--limit", o->limit, "at most so many (default 50)");
  const auto add = [&](const char* name, const char* about, Result<int> (*action)(const Shell&, const RunsOptions&)) {
    CLI::App* command = add_command(*group, shell, name, about, [&shell, o, action] { return action(shell, *o); });
    command->add_option("run", o->run, "run id, or the start of one")->required();
    return command;
  };
  add("show", "show one run: steps, attempts, evidence (with --json)", show);
  CLI::App* follow = add_command(*group, shell, "watch", "follow a run until it has ended; its exit status says how", [&shell, o] { return watch(shell, *o); });
  follow->add_option("run", o->run, "run id, or the start of one")->required();
  follow->add_option("--timeout", o->timeout, "stop watching after this long (5m, 2h)");
  add("logs", "print what the steps wrote", logs)->add_option("--step", o->step, "only this step");
  add_command(*group, shell, "cancel", "stop a run", [&shell, o] { return cancel(shell, *o); })
      ->add_option("run", o->run, "run id, or the start of one")->required();

  CLI::App* artifact = app.add_subcommand("artifact", "what steps wrote");
  artifact->require_subcommand(1);
  add_command(*artifact, shell, "list", "list the artifacts of a run", [&shell, o] { return artifacts(shell, *o); })
      ->add_option("run", o->run, "run id, or the start of one")->required();
  CLI::App* get = add_command(*artifact, shell, "get", "print or save one artifact", [&shell, o] { return get_artifact(shell, *o); });
  get->add_option("run", o->run, "run id, or the start of one")->required();
  get->add_option("step", o->step, "step id")->required();
  get->add_option("path", o->path, "path below /out")->required();
  get->add_option("-o,--output", o->output, "file to write to (default: stdout)");
}

}  // namespace airlock::cli
