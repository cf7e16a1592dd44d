// A site for the tests of the run loop: a real ledger and a real store in a folder of their own, and cells that do
// what program/verbs.h says instead of starting a sandbox.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ledger/check.h"
#include "runner/run.h"

namespace airlock::test {

// Burns at every clock reading, every change to the store's disk and every call of an observer; at its end the process
// is killed as by kill -9. Never, by default.
struct Fuse {
  std::atomic<long> left{-1};
  void burn();
};

class FuseClock : public SystemClock {
 public:
  explicit FuseClock(Fuse& fuse) : fuse_(fuse) {}
  Instant now() override {
    fuse_.burn();
    return SystemClock::now();
  }

 private:
  Fuse& fuse_;
};

// The disk of the store. `full` makes every write fail as a full disk does.
class TestFs : public Fs {
 public:
  explicit TestFs(Fuse& fuse) : fuse_(fuse) {}
  std::atomic<bool> full{false};
  Result<UniqueFd> create(const std::string& path, unsigned mode) override;
  Result<void> write(int fd, std::string_view bytes, const std::string& path) override;
  Result<void> set_mode(int fd, unsigned mode, const std::string& path) override;
  Result<void> sync(int fd, const std::string& path) override;
  Result<void> sync_all(int fd, const std::string& path) override;
  Result<void> make_dir(const std::string& path, unsigned mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& path) override;

 private:
  Fuse& fuse_;
};

// Beside the verbs: hang (times out), wait (until it is cancelled), oom, signal N, broken (the sandbox fails),
// scan (tries its endpoints, and a thousand others).
class ScriptedCell : public runner::Cell {
 public:
  explicit ScriptedCell(std::string scratch) : scratch_(std::move(scratch)) {}
  Result<sandbox::Finished> run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) override;

 private:
  std::string scratch_;
};

// Writes down what it is told, as "started a.1", "retries a", "succeeded a".
class Watcher : public runner::RunObserver {
 public:
  explicit Watcher(Fuse& fuse) : fuse_(fuse) {}
  void run_started(const RunId&, const runner::Plan&, bool resumed) override { tell(resumed ? "resumed" : "created"); }
  void step_started(const StepId& id, std::uint32_t attempt) override { tell("started " + id.str() + "." + std::to_string(attempt)); }
  void step_retries(const StepId& id, Millis, const Error&) override { tell("retries " + id.str()); }
  void step_ended(const StepId& id, runner::StepState state, Millis, const std::string&) override {
    tell(std::string(to_text(state)) + " " + id.str());
  }
  std::vector<std::string> said;
  std::function<void(const std::string&)> on_said;

 private:
  void tell(std::string what);
  Fuse& fuse_;
};

struct RunSetup {
  std::string tenant = "acme", token = {}, rationale = {};
  runner::InputValues inputs = {};
  runner::RunOptions options{.who = {"unix:tester"}, .no_cache = false, .max_parallel = std::nullopt, .timeout = std::nullopt};
};

// A memory file system where there is one: what these tests kill is the process, not the machine, and syncs cost most
// of their time. Programs may not be startable from there.
std::string fast_folder();

class RunSite {
 public:
  explicit RunSite(const std::string& below = fast_folder());
  ~RunSite();
  RunSite(const RunSite&) = delete;

  // Imports a bundle "kit" that holds the DAG, the plugins step@1.0.0 (deterministic) and dice@1.0.0 (not), and data.
  void import(const std::string& dag_yaml, const std::string& tenant = "acme");
  void open();                                       // ledger, store and executor anew, as a new process would

  Result<runner::RunReport> run(const std::string& dag, const RunSetup& setup = {});
  Result<runner::RunReport> resume(const RunId& run, const RunSetup& setup = {});
  Result<runner::ReplayReport> replay(const RunId& run, const RunSetup& setup = {});

  std::string states(const RunId& run, const std::string& tenant = "acme");  // "a succeeded, b failed", by step id
  std::vector<ledger::AttemptRow> attempts(const RunId& run);
  std::string output(const RunId& run, const std::string& step, const std::string& path);           // "" when missing
  std::vector<std::string> kinds(const std::string& subject);                                       // of history
  void check_history();                              // ledger::verify_history finds nothing
  runner::RunPorts ports();

  std::string root;
  Fuse fuse;
  FuseClock clock{fuse};
  TestFs fs{fuse};
  SystemEntropy entropy;
  std::optional<sandbox::Cancel> cancel;
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<bundle::Store> store;
  std::unique_ptr<runner::Executor> executor;
  runner::CellFactory cells;                         // of executors made by open()
  Digest profile = Digest::of("scripted");
  std::size_t workers = 2;
  runner::NetworkRules network;                      // the site's list
  std::string program;                               // bytes of the plugin's entry point
  Watcher watcher{fuse};

 private:
  std::uint64_t generation_ = 0;
};

TenantId tenant(const std::string& name = "acme");

}  // namespace airlock::test
