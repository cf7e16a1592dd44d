#include <memory>

#include "cli/gates.h"
#include "cli/run_session.h"
#include "runner/catalog.h"

namespace airlock::cli {
namespace {

struct RunCommand {
  std::string dag, resume, run_token, rationale;
  std::vector<std::string> inputs;
  bool plan_only = false;
  RunGates gates;
  ExecutionOptions execution;
};

Result<runner::InputValues> input_values(const std::vector<std::string>& given) {
  runner::InputValues values;
  for (const std::string& text : given) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return fail(Code::kUsage, "--input " + text + ": expected NAME=VALUE");
    if (!values.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      return fail(Code::kUsage, "--input " + text.substr(0, equals) + " is given twice");
  }
  return values;
}

Result<int> print_plan(Shell& shell, const RunCommand& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const auto store = TRY(open_store(site.home));
  const auto dag = TRY(runner::load_dag(site.ledger, tenant, o.dag));
  const auto planned = TRY(runner::plan_run(site.ledger, *store, tenant, dag, TRY(input_values(o.inputs))));
  const runner::Plan& plan = planned.plan;
  const std::string hash = runner::plan_hash(plan).prefixed();
  Table table({"#", "STEP", "PLUGIN", "AFTER"});
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& step = plan.steps[i];
    std::string after;
    for (const auto& d : step.dependencies)
      after += (after.empty() ? "" : " ") + (d.group ? plan.groups[d.index].id.str() + "[*]" : plan.steps[d.index].id.str());
    const auto& ref = plan.plugins[step.plugin].ref;
    table.add({std::to_string(i + 1), step.id.str(), ref.name.str() + "@" + ref.version.str(), after});
  }
  const Json document = TRY(parse_json(runner::write_plan(plan), "plan"));
  TRY(shell.emit({{"planHash", hash}, {"plan", document}},
                 plan.dag.str() + "@" + plan.version.str() + ", " + std::to_string(plan.steps.size()) + " steps, plan " + hash + "\n" + table.text()));
  return 0;
}

Result<int> finish(Shell& shell, RunSession& session, RunProgress& progress, const runner::RunReport& report) {
  progress.done();
  TRY(shell.emit(report_json(report), report_text(report, session.site().home, shell.terminal.stdout_colour)));
  return report_status(report, session.interrupted());
}

Result<int> run(Shell& shell, const RunCommand& o) {
  if (o.dag.empty() == o.resume.empty()) return fail(Code::kUsage, "give a DAG to run, or --resume RUN");
  if (o.plan_only) return print_plan(shell, o);
  const TenantId tenant = TRY(shell.tenant());
  RunProgress progress(shell);
  if (!o.resume.empty()) {
    const auto session = TRY(RunSession::open(shell, o.execution, std::nullopt));
    const auto row = TRY(ledger::find_run(session->site().ledger, tenant, o.resume));
    TRY(check_run_gates(shell, session->site(), tenant, TRY(runner::load_dag(session->site().ledger, tenant, row.dag.str() + "@" + row.dag_version)), o.gates));
    return finish(shell, *session, progress, TRY(runner::resume_run(session->ports(), tenant, row.id, TRY(session->run_options()), progress)));
  }
  runner::InputValues inputs = TRY(input_values(o.inputs));
  const auto dag = TRY(runner::load_dag(TRY(open_site_read_only(shell)).ledger, tenant, o.dag));
  const auto session = TRY(RunSession::open(shell, o.execution, dag.max_parallel));
  TRY(check_run_gates(shell, session->site(), tenant, dag, o.gates));
  const runner::RunRequest request{tenant, dag, std::move(inputs), o.run_token, o.rationale};
  return finish(shell, *session, progress, TRY(runner::start_run(session->ports(), request, TRY(session->run_options()), progress)));
}

Result<int> replay(Shell& shell, const RunCommand& o) {
  const TenantId tenant = TRY(shell.tenant());
  const auto session = TRY(RunSession::open(shell, o.execution, std::nullopt));
  RunProgress progress(shell);
  const auto original = TRY(ledger::find_run(session->site().ledger, tenant, o.resume));
  TRY(check_run_gates(shell, session->site(), tenant, TRY(runner::load_dag(session->site().ledger, tenant, original.dag.str() + "@" + original.dag_version)), o.gates));
  const auto report = TRY(runner::replay_run(session->ports(), tenant, original.id, TRY(session->run_options()), progress));
  progress.done();
  std::string difference;
  if (report.first_difference) difference = "step " + report.first_difference->step + (report.first_difference->path.empty() ? "" : ", path " + report.first_difference->path);
  TRY(shell.emit(TRY(parse_json(report.manifest, "replay manifest")),
                 report_text(report.replay, session->site().home, shell.terminal.stdout_colour) + "replay   of " + original.id.str() + ": " +
                     (report.identical ? paint("identical", Tone::kGood, shell.terminal.stdout_colour)
                                       : paint("differs", Tone::kBad, shell.terminal.stdout_colour) + ", first in " + difference) + "\n"));
  if (!report.identical) {
    if (session->interrupted()) return fail(Code::kInterrupted, "replay of " + original.id.str());
    return fail(Code::kReplayDiffers, difference);
  }
  return 0;
}

}  // namespace

void register_run(CLI::App& app, Shell& shell) {
  auto o = std::make_shared<RunCommand>();
  CLI::App* start = add_command(app, shell, "run", "run a DAG of an imported bundle", [&shell, o] { return run(shell, *o); });
  start->add_option("dag", o->dag, "DAG, or DAG@VERSION");
  start->add_option("--input", o->inputs, "NAME=VALUE of an input (repeat for more)")->allow_extra_args(false);
  start->add_option("--resume", o->resume, "go on with this run (id, or the start of one)");
  start->add_option("--run-token", o->run_token, "the same token and inputs give the same run");
  start->add_option("--rationale", o->rationale, "why it runs, for the record");
  start->add_flag("--plan-only", o->plan_only, "print the plan, run nothing");
  start->add_flag("--no-cache", o->execution.no_cache, "run every step, also those that have succeeded before");
  add_execution_options(*start, o->execution);
  add_gate_options(*start, o->gates);
  CLI::App* again = add_command(app, shell, "replay", "run a run again and compare every output", [&shell, o] { return replay(shell, *o); });
  again->add_option("run", o->resume, "id of the run, or the start of one")->required();
  add_execution_options(*again, o->execution);
  add_gate_options(*again, o->gates);
}

}  // namespace airlock::cli
