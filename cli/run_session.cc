#include "cli/run_session.h"

#include <atomic>
#include <csignal>
#include <thread>

#include "ledger/states.h"

namespace airlock::cli {
namespace {

// The one global of the program: what a signal handler can reach. Set while a RunSession lives.
std::atomic<sandbox::Cancel*> g_cancel{nullptr};

void on_signal(int signal) {
  sandbox::Cancel* cancel = g_cancel.load();
  if (cancel == nullptr) return;
  using Level = sandbox::Cancel::Level;
  if (signal == SIGTERM) cancel->request(Level::kStop);
  else cancel->request(cancel->level() == Level::kNone ? Level::kDrain : Level::kKill);
}

void handle_signals(bool on) {
  struct sigaction action{};
  action.sa_handler = on ? on_signal : SIG_DFL;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

Result<sandbox::Policy> policy_of(const Shell& shell, const ExecutionOptions& options) {
  sandbox::Policy policy;
  for (const std::string& name : options.allow_degraded) {
    const auto layer = TRY(sandbox::parse_layer(name));
    if (shell.options.reason.empty()) return fail(Code::kReasonRequired, "--allow-degraded " + name + " needs --reason");
    policy.allow_degraded.push_back({layer, shell.options.reason});
  }
  return policy;
}

}  // namespace

void add_execution_options(CLI::App& command, ExecutionOptions& options) {
  command.add_option("--allow-degraded", options.allow_degraded, "go on without this sandbox layer, on the record; needs --reason (repeat for more)");
  command.add_option("--max-parallel", options.max_parallel, "steps at once (default: the DAG's maxParallel, else one a core)")->check(CLI::Range(1, 256));
  command.add_option("--timeout", options.timeout, "end the run after this long (5m, 2h)");
}

RunSession::RunSession(Shell& shell, ExecutionOptions options, Site site, std::unique_ptr<bundle::Store> store, sandbox::Cancel cancel)
    : shell_(shell), options_(std::move(options)), site_(std::move(site)), store_(std::move(store)), cancel_(std::move(cancel)) {}

Result<std::unique_ptr<RunSession>> RunSession::open(Shell& shell, const ExecutionOptions& options, std::optional<std::uint64_t> dag_max_parallel) {
  const sandbox::Policy policy = TRY(policy_of(shell, options));
  Site site = TRY(open_site(shell));
  auto store = TRY(open_store(site.home));
  auto cancel = TRY(sandbox::Cancel::create());
  const auto host = TRY(sandbox::Host::probe());
  ExecutionOptions chosen = options;
  if (chosen.max_parallel == 0) chosen.max_parallel = shell.config().max_parallel.value_or(0);
  std::unique_ptr<RunSession> session(new RunSession(shell, std::move(chosen), std::move(site), std::move(store), std::move(cancel)));
  const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::uint64_t workers = session->options_.max_parallel > 0 ? session->options_.max_parallel : std::min<std::uint64_t>(dag_max_parallel.value_or(cores), 256);
  session->executor_ = TRY(runner::make_sandbox_executor(host, policy, workers, *session->store_, shell.clock));
  g_cancel.store(&session->cancel_);
  handle_signals(true);
  return session;
}

RunSession::~RunSession() {
  handle_signals(false);
  g_cancel.store(nullptr);
}

runner::RunPorts RunSession::ports() {
  return {site_.ledger, *store_, *executor_, shell_.clock, shell_.entropy, site_.home.runs(), cancel_,
          shell_.config().network_allow.value_or(runner::NetworkRules{})};
}

Result<runner::RunOptions> RunSession::run_options() const {
  runner::RunOptions options;
  options.who = who(shell_);
  options.no_cache = options_.no_cache;
  if (options_.max_parallel > 0) options.max_parallel = options_.max_parallel;
  if (!options_.timeout.empty()) options.timeout = TRY(parse_duration(options_.timeout));
  return options;
}

RunProgress::RunProgress(Shell& shell) : shell_(shell), line_(status_line(shell)), start_(shell.clock.monotonic()) {}

void RunProgress::run_started(const RunId& run, const runner::Plan& plan, bool resumed) {
  shell_.say("run " + run.str() + ": " + plan.dag.str() + "@" + plan.version.str() + ", " + std::to_string(plan.steps.size()) +
             (resumed ? " steps, resumed" : " steps"));
}

void RunProgress::step_started(const StepId& step, std::uint32_t) { last_started_ = step.str(); }

void RunProgress::step_retries(const StepId& step, Millis delay, const Error& why) {
  line_->clear();
  shell_.say("  " + paint("retry", Tone::kWarn, shell_.terminal.stderr_colour) + "  " + step.str() + " in " +
             human_duration(delay.count()) + ": " + describe(why));
}

void RunProgress::step_ended(const StepId& step, runner::StepState state, Millis wall, const std::string& reason) {
  const bool bad = state == runner::StepState::kFailed || state == runner::StepState::kTimedOut;
  if (!bad) return;
  line_->clear();
  shell_.say("  " + paint(ledger::to_text(state), Tone::kBad, shell_.terminal.stderr_colour) + "  " + step.str() + " after " +
             human_duration(wall.count()) + ": " + printable(reason));
}

void RunProgress::progress(const runner::RunCounts& counts) {
  line_->show("  [" + std::to_string(counts.ended()) + "/" + std::to_string(counts.total) + "]  running " + std::to_string(counts.running) +
              "  cached " + std::to_string(counts.cached) + (counts.failed > 0 ? "  failed " + std::to_string(counts.failed) : "") + "  " +
              human_duration((shell_.clock.monotonic() - start_).count()) + "  " + last_started_);
}

std::string counts_text(const runner::RunCounts& c) {
  std::string text = std::to_string(c.total) + " steps:";
  const auto add = [&](std::size_t n, const char* what) {
    if (n > 0) text += (text.ends_with(':') ? " " : ", ") + std::to_string(n) + " " + what;
  };
  add(c.succeeded, "succeeded");
  add(c.cached, "cached");
  add(c.failed, "failed");
  add(c.timed_out, "timed out");
  add(c.skipped, "skipped");
  add(c.cancelled, "cancelled");
  return text;
}

Json report_json(const runner::RunReport& report) {
  const auto& run = report.run;
  const auto& c = report.counts;
  Json json{{"runId", run.id.str()}, {"tenant", run.tenant.str()}, {"dagId", run.dag.str()}, {"dagVersion", run.dag_version},
            {"state", ledger::to_text(run.state)}, {"runToken", run.run_token}, {"planHash", run.plan_hash.hex()},
            {"inputsHash", run.inputs_hash.hex()}, {"actor", run.actor}, {"existed", report.existed},
            {"steps", {{"total", c.total}, {"succeeded", c.succeeded}, {"cached", c.cached}, {"failed", c.failed},
                       {"timedOut", c.timed_out}, {"skipped", c.skipped}, {"cancelled", c.cancelled}}}};
  if (run.outputs_hash) json["outputsHash"] = run.outputs_hash->hex();
  if (run.replay_of) json["replayOf"] = run.replay_of->str();
  if (run.trace_id) json["traceId"] = *run.trace_id;
  if (run.started_at) json["startedAt"] = run.started_at->text();
  if (run.ended_at) json["endedAt"] = run.ended_at->text();
  Json failures = Json::array();
  for (const auto& failure : report.failures)
    failures.push_back({{"step", failure.step.str()}, {"state", ledger::to_text(failure.state)}, {"code", code_text(failure.error)},
                        {"message", describe(failure.error)}});
  json["failures"] = failures;
  return json;
}

std::string report_text(const runner::RunReport& report, const HomePaths& home, bool colour) {
  const auto& run = report.run;
  const bool good = run.state == ledger::RunState::kSucceeded;
  std::string text = "run      " + run.id.str() + "  " + paint(ledger::to_text(run.state), good ? Tone::kGood : Tone::kBad, colour);
  if (run.started_at && run.ended_at) text += " in " + human_duration((*run.ended_at - *run.started_at).count());
  text += report.existed ? "  (this run token was used before)\n" : "\n";
  text += "steps    " + counts_text(report.counts) + "\n";
  for (const auto& failure : report.failures)
    text += "  " + paint(ledger::to_text(failure.state), Tone::kBad, colour) + "  " + failure.step.str() + "  " + describe(failure.error) + "\n";
  if (good && run.outputs_hash) text += "outputs  " + run.outputs_hash->prefixed() + "\n";
  return text + "logs     " + home.runs() + "/" + run.id.str() + "\n";
}

Result<int> report_status(const runner::RunReport& report, bool interrupted) {
  const auto& run = report.run;
  switch (run.state) {
    case ledger::RunState::kSucceeded: return 0;
    case ledger::RunState::kRunning:
    case ledger::RunState::kPending:
    case ledger::RunState::kWaitingApproval: return fail(Code::kBusy, "run " + run.id.str() + " is executed by another process");
    case ledger::RunState::kCancelled:
      if (interrupted) return fail(Code::kInterrupted, "run " + run.id.str());
      [[fallthrough]];
    case ledger::RunState::kFailed:
    case ledger::RunState::kTimedOut: break;
  }
  std::string context = "run " + run.id.str() + " " + std::string(ledger::to_text(run.state));
  if (!report.failures.empty())
    context += ", step " + report.failures[0].step.str() + ": " + describe(report.failures[0].error);
  return fail(Code::kRunFailed, context);
}

}  // namespace airlock::cli
