// runner/executor: carries out one attempt of one step. The run loop decides, an executor acts.
//
// SandboxExecutor is the real one: worker threads, each with a sandbox slot. An attempt is: materialise the plugin and
// the inputs from the store, run, harvest /out into the store (durable before the result is handed over), check that
// every declared output is there. Tests use a scripted one.
#pragma once

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
  std::string name;   // mounted at /in/<name>
  Content content;
};

struct AttemptSpec {
  std::size_t step = 0;
  std::uint32_t attempt = 1;
  StepId id;
  std::vector<std::string> argv;            // inside the sandbox
  std::map<std::string, std::string> env;   // complete
  std::shared_ptr<const Tree> plugin;
  std::vector<AttemptInput> inputs;
  std::vector<manifests::OutputSpec> outputs;
  Resources resources;
  bool host_rootfs = false;
  std::string log_stem;                     // "<runs>/<runId>/<step>.<attempt>": + ".out", ".err", ".events"
};

struct AttemptResult {
  std::size_t step = 0;
  std::uint32_t attempt = 1;
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  std::optional<Error> error;               // unless it succeeded
  Json exit = Json::object();               // {"code": n} or {"signal": n}
  Json evidence = Json::object();
  Tree outputs;                             // of a success: every blob of it is in the store, durably
  Instant started_at = Instant::from_millis(0), ended_at = Instant::from_millis(0);
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::size_t capacity() const = 0;       // attempts at once
  virtual Digest profile() const = 0;             // what of the sandbox stands in every stepHash
  virtual void launch(AttemptSpec attempt) = 0;   // returns at once; at most capacity() are in flight
  // Those that ended since the last call, oldest first; waits up to `timeout` for the first one.
  virtual std::vector<AttemptResult> wait(Millis timeout) = 0;
  virtual void cancel(sandbox::Cancel::Level level) = 0;  // of everything in flight; later launches end cancelled
};

// Runs one attempt, start to end, on the calling thread. Never fails: what goes wrong stands in the result.
AttemptResult run_attempt(const AttemptSpec& attempt, sandbox::Slot& slot, bundle::Store& store,
                          const sandbox::Cancel& cancel, Clock& clock);

// `clock` is read by all worker threads. kSandboxUnavailable as Slot::create().
Result<std::unique_ptr<Executor>> make_sandbox_executor(std::shared_ptr<const sandbox::Host> host,
                                                        const sandbox::Policy& policy, std::size_t workers,
                                                        bundle::Store& store, Clock& clock);

}  // namespace airlock::runner
