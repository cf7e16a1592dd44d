// runner/executor: carries out attempts of steps on worker threads. The run loop decides, the executor acts.
//
// An attempt (runner/attempt.h) is: materialise the plugin and the inputs from the store, run in a cell, harvest /out
// into the store (durable before the result is handed over), check that every declared output is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bundle/store.h"
#include "runner/plan.h"
#include "runner/scheduler.h"
#include "sandbox/sandbox.h"

namespace airlock::runner {

struct AttemptInput {
  std::string name;                         // mounted at /in/<name>
  bool folder = false;                      // false: `tree` has one entry, which is the file
  std::shared_ptr<const Tree> tree;
};

struct AttemptSpec {
  std::size_t step = 0;
  std::uint32_t attempt = 1;
  std::vector<std::string> argv;            // inside the sandbox
  std::map<std::string, std::string> env;   // complete
  std::shared_ptr<const Tree> plugin;       // mounted at /plugin
  std::vector<AttemptInput> inputs;
  std::vector<manifests::OutputSpec> outputs;
  Resources resources;
  std::vector<sandbox::NetworkGrant> network;
  bool host_rootfs = false;
  std::shared_ptr<const Tree> image = {};   // the layout whose image is the root file system, if that is one
  std::string log_stem;                     // "<runs>/<runId>/<step>.<attempt>": + ".out", ".err", ".events"
};

struct AttemptResult {
  std::size_t step = 0;
  std::uint32_t attempt = 1;
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  std::optional<Error> error;               // unless it succeeded
  // `error` is this machine's (disk full, store unreadable) and says nothing of the step: the attempt counts as
  // interrupted, and the run stops where a resume can take it up.
  bool machine_fault = false;
  Json exit = Json::object();               // {"code": n} or {"signal": n}; empty when nothing ran
  Json evidence = Json::object();           // sandbox::evidence_json() and, of logs that are not empty, their digests
  Tree outputs;                             // of a success: every blob of it is in the store, durably
  Instant started_at = Instant::from_millis(0), ended_at = Instant::from_millis(0);
};

// A place where one program at a time runs; each worker thread has its own. The real one is a sandbox::Slot, tests
// script theirs: all else of an attempt is the same code.
class Cell {
 public:
  virtual ~Cell() = default;
  virtual Result<sandbox::Finished> run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) = 0;  // as Slot::run
};
using CellFactory = std::function<Result<std::unique_ptr<Cell>>()>;

class Executor {
 public:
  // `profile`: what of the sandbox stands in every stepHash. The first cell is made at once, so that a host that
  // cannot enforce the sandbox is found out before a run exists; its error is returned. `clock` and `store` are used by
  // all worker threads.
  static Result<std::unique_ptr<Executor>> create(CellFactory cells, std::size_t workers, const Digest& profile,
                                                  bundle::Store& store, Clock& clock);
  ~Executor();                                     // kills what runs and waits for it

  std::size_t capacity() const;                    // attempts at once; more wait in the order of launch
  const Digest& profile() const;
  void launch(AttemptSpec attempt);                // returns at once
  // Those that ended since the last call, oldest first. Waits for the first one, up to `timeout` or until `wake` (if
  // given) is readable.
  std::vector<AttemptResult> wait(Millis timeout, const UniqueFd* wake = nullptr);
  void cancel(sandbox::Cancel::Level level);       // of everything in flight; what is launched later ends cancelled

 private:
  struct Impl;
  explicit Executor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The real one. kSandboxUnavailable as Slot::create().
Result<std::unique_ptr<Executor>> make_sandbox_executor(std::shared_ptr<const sandbox::Host> host,
                                                        const sandbox::Policy& policy, std::size_t workers,
                                                        bundle::Store& store, Clock& clock);

}  // namespace airlock::runner
