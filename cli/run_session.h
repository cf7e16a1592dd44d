// cli/run_session: what the commands that execute steps share: the sandbox, the ports, signals, live progress.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/site.h"
#include "runner/run.h"

namespace airlock::cli {

struct ExecutionOptions {
  std::vector<std::string> allow_degraded;  // layer names
  std::uint64_t max_parallel = 0;           // 0: what the DAG says, else one a core
  bool no_cache = false;
  std::string timeout;
};

// Adds --allow-degraded, --max-parallel and --timeout.
void add_execution_options(CLI::App& command, ExecutionOptions& options);

// An open site with a sandbox ready to run steps. While it lives, the first Ctrl-C drains, the second kills.
class RunSession {
 public:
  static Result<std::unique_ptr<RunSession>> open(Shell& shell, const ExecutionOptions& options,
                                                  std::optional<std::uint64_t> dag_max_parallel);
  ~RunSession();
  RunSession(const RunSession&) = delete;

  runner::RunPorts ports();
  Result<runner::RunOptions> run_options() const;
  bool interrupted() const { return cancel_.level() != sandbox::Cancel::Level::kNone; }
  Site& site() { return site_; }
  bundle::Store& store() { return *store_; }

 private:
  RunSession(Shell& shell, ExecutionOptions options, Site site, std::unique_ptr<bundle::Store> store, sandbox::Cancel cancel);
  Shell& shell_;
  ExecutionOptions options_;
  Site site_;
  std::unique_ptr<bundle::Store> store_;
  sandbox::Cancel cancel_;
  std::unique_ptr<runner::Executor> executor_;
};

// One status line on a terminal; failures and retries in full at once.
class RunProgress : public runner::RunObserver {
 public:
  explicit RunProgress(Shell& shell);
  void run_started(const RunId& run, const runner::Plan& plan, bool resumed) override;
  void step_started(const StepId& step, std::uint32_t attempt) override;
  void step_retries(const StepId& step, Millis delay, const Error& why) override;
  void step_ended(const StepId& step, runner::StepState state, Millis wall, const std::string& reason) override;
  void progress(const runner::RunCounts& counts) override;
  void done() { line_->clear(); }

 private:
  Shell& shell_;
  std::shared_ptr<StatusLine> line_;
  Millis start_;
  std::string last_started_;
};

std::string counts_text(const runner::RunCounts& counts);  // "67 steps: 3 succeeded, 64 cached"
Json report_json(const runner::RunReport& report);
std::string report_text(const runner::RunReport& report, const HomePaths& home, bool colour);
// The exit status of a run that ended: 0, or the error that says how it ended.
Result<int> report_status(const runner::RunReport& report, bool interrupted);

}  // namespace airlock::cli
