#include "runner/step_launch.h"

namespace airlock::runner {
namespace {

// The first second that every archive format can hold (zip begins in 1980). A constant, because it is not in stepHash;
// a DAG that wants another time sets it in env, which is.
constexpr const char* kSourceDateEpoch = "315532800";

std::string span_id(const ledger::RunRow& run, const StepId& step, std::uint32_t attempt) {
  return Digest::of(run.id.str() + "/" + step.str() + "/" + std::to_string(attempt)).hex().substr(0, 16);
}

}  // namespace

std::map<std::string, std::string> step_environment(const PlannedStep& step, const ledger::RunRow& run, std::uint32_t attempt) {
  std::map<std::string, std::string> env = step.env;
  // emplace: what the DAG says stays.
  env.emplace("PATH", "/usr/bin:/bin");
  env.emplace("HOME", "/tmp");
  env.emplace("LANG", "C.UTF-8");
  env.emplace("TZ", "UTC");
  env.emplace("SOURCE_DATE_EPOCH", kSourceDateEpoch);
  env["AIRLOCK_RUN_ID"] = run.id.str();
  env["AIRLOCK_STEP_ID"] = step.id.str();
  env["AIRLOCK_ATTEMPT"] = std::to_string(attempt);
  if (run.trace_id) env["TRACEPARENT"] = "00-" + *run.trace_id + "-" + span_id(run, step.id, attempt) + "-01";
  env["BAGGAGE"] = "airlock.tenant=" + run.tenant.str() + ",airlock.dag=" + run.dag.str() + ",airlock.run=" + run.id.str();
  return env;
}

AttemptSpec attempt_of(const Plan& plan, const Launch& launch, const ledger::RunRow& run, const RunFolder& folder,
                       std::shared_ptr<const Tree> plugin, std::vector<AttemptInput> inputs) {
  const PlannedStep& step = plan.steps[launch.step];
  const PlannedPlugin& program = plan.plugins[step.plugin];
  AttemptSpec out;
  out.step = launch.step;
  out.attempt = launch.attempt;
  if (program.interpreter) out.argv.push_back(program.interpreter->starts_with('/') ? *program.interpreter : "/" + *program.interpreter);
  out.argv.push_back("/plugin/" + program.entrypoint);
  out.argv.insert(out.argv.end(), step.args.begin(), step.args.end());
  out.env = step_environment(step, run, launch.attempt);
  out.plugin = std::move(plugin);
  out.inputs = std::move(inputs);
  out.outputs = step.outputs;
  out.resources = step.resources;
  out.host_rootfs = program.rootfs == manifests::RootfsKind::kHostReadOnly;
  out.log_stem = folder.log_stem(step.id, launch.attempt);
  return out;
}

std::vector<ledger::ArtifactRow> artifact_rows(const PlannedStep& step, const Tree& outputs) {
  std::vector<ledger::ArtifactRow> rows;
  for (const TreeEntry& file : outputs) {
    ledger::ArtifactRow row{file, {}};
    for (const manifests::OutputSpec& output : step.outputs)
      if (file.path == output.path || file.path.starts_with(output.path + "/")) row.media_type = output.media_type;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace airlock::runner
