#include "runner/attempt.h"

#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "runner/outputs.h"
#include "runner/workspace.h"

namespace airlock::runner {
namespace {

struct Verdict {
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  std::optional<Error> error;
  bool machine_fault = false;
};

bool is_machine_fault(Code code) { return code == Code::kDiskFull || code == Code::kStateReadOnly; }

// Why a cell could not run the step. A sandbox that failed once may work at the next try, so it is retryable.
Verdict not_run(const Error& error) {
  if (error.code == Code::kInterrupted) return {AttemptOutcome::kCancelled, error, false};
  if (error.code == Code::kStepInput) return {AttemptOutcome::kFailed, error, false};
  return {AttemptOutcome::kRetryable, error, is_machine_fault(error.code)};
}

constexpr int kTempFail = 75;  // EX_TEMPFAIL of sysexits.h: the step asks to be tried again

Verdict judge_exit(const sandbox::Finished& finished) {
  using Kind = sandbox::Outcome::Kind;
  std::optional<Error> error = sandbox::step_error(finished);
  switch (finished.outcome.kind) {
    case Kind::kExited:
      if (finished.outcome.value == 0) return {AttemptOutcome::kSucceeded, std::nullopt, false};
      return {finished.outcome.value == kTempFail ? AttemptOutcome::kRetryable : AttemptOutcome::kFailed, error, false};
    case Kind::kTimedOut: return {AttemptOutcome::kTimedOut, error, false};
    case Kind::kCancelled: return {AttemptOutcome::kCancelled, error, false};
    case Kind::kSignaled: case Kind::kOutOfMemory: case Kind::kNotStarted: return {AttemptOutcome::kFailed, error, false};
  }
  std::unreachable();
}

sandbox::StepSpec sandbox_spec(const AttemptSpec& attempt, std::vector<sandbox::Mount> mounts) {
  sandbox::StepSpec spec;
  spec.argv = attempt.argv;
  spec.env = attempt.env;
  spec.mounts = std::move(mounts);
  spec.rootfs = attempt.host_rootfs ? sandbox::Rootfs::kHostRo : sandbox::Rootfs::kNone;
  spec.network = attempt.network;
  spec.resources.memory = attempt.resources.memory_bytes;
  spec.resources.cpu = static_cast<double>(attempt.resources.cpu_milli) / 1000.0;
  spec.resources.pids = static_cast<unsigned>(std::min<std::uint64_t>(attempt.resources.pids, 1U << 22));
  spec.resources.disk = attempt.resources.disk_bytes;
  spec.resources.timeout = attempt.resources.timeout;
  spec.capture.stdout_path = attempt.log_stem + ".out";
  spec.capture.stderr_path = attempt.log_stem + ".err";
  spec.capture.events_path = attempt.log_stem + ".events";
  return spec;
}

Json exit_json(const sandbox::Evidence& evidence) {
  if (evidence.exit_code) return {{"code", *evidence.exit_code}};
  if (evidence.exit_signal) return {{"signal", *evidence.exit_signal}};
  return Json::object();
}

// The digest of a log makes what `runs logs` shows part of what the ledger vouches for. Empty files are removed.
// A log that cannot be read back is evidence we lack, not a failure of the step: it then has no digest.
void keep_log(const std::string& path, const char* name, Json& digests) {
  const auto text = read_file(path, 64 * kMiB);  // above the capture's caps
  if (!text) return;
  if (text->empty()) ::unlink(path.c_str());
  else digests[name] = Digest::of(*text).hex();
}

Json log_digests(const std::string& stem) {
  Json digests = Json::object();
  keep_log(stem + ".out", "stdout", digests);
  keep_log(stem + ".err", "stderr", digests);
  keep_log(stem + ".events", "events", digests);
  return digests;
}

}  // namespace

AttemptResult run_attempt(const AttemptSpec& attempt, Cell& cell, bundle::Store& store, const sandbox::Cancel& cancel,
                          Clock& clock) {
  AttemptResult result;
  result.step = attempt.step;
  result.attempt = attempt.attempt;
  result.started_at = clock.now();
  const auto run = [&]() -> Verdict {
    auto mounts = provide_mounts(attempt, store);
    if (!mounts) return {AttemptOutcome::kFailed, mounts.error(), mounts.error().code != Code::kStepInput};
    const auto image = provide_image(attempt, store);  // in use until the cell is done with it
    if (!image) return {AttemptOutcome::kFailed, image.error(), image.error().code != Code::kStepInput};
    sandbox::StepSpec spec = sandbox_spec(attempt, std::move(*mounts));
    if (*image) spec.rootfs = sandbox::Rootfs::kImage, spec.image = (*image)->root;
    const auto finished = cell.run(spec, cancel);
    if (!finished) return not_run(finished.error());
    result.exit = exit_json(finished->evidence);
    result.evidence = sandbox::evidence_json(finished->evidence);
    result.evidence["logDigests"] = log_digests(attempt.log_stem);
    Verdict verdict = judge_exit(*finished);
    if (verdict.outcome != AttemptOutcome::kSucceeded) return verdict;
    auto outputs = store_outputs(finished->out, attempt.outputs, store);
    if (!outputs) return {AttemptOutcome::kFailed, outputs.error().error, outputs.error().blame == Blame::kMachine};
    result.outputs = std::move(*outputs);
    return verdict;
  };
  Verdict verdict = run();
  result.outcome = verdict.outcome;
  result.error = std::move(verdict.error);
  result.machine_fault = verdict.machine_fault;
  result.ended_at = clock.now();
  return result;
}

}  // namespace airlock::runner
