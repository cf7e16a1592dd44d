#include <algorithm>

#include "runner/run_record.h"

namespace airlock::runner {
namespace {

void count(RunCounts& counts, StepState state) {
  switch (state) {
    case StepState::kPending: case StepState::kReady: case StepState::kWaitingApproval: break;
    case StepState::kRunning: ++counts.running; break;
    case StepState::kSucceeded: ++counts.succeeded; break;
    case StepState::kCached: ++counts.cached; break;
    case StepState::kFailed: ++counts.failed; break;
    case StepState::kSkipped: ++counts.skipped; break;
    case StepState::kCancelled: ++counts.cancelled; break;
    case StepState::kTimedOut: ++counts.timed_out; break;
  }
}

}  // namespace

Json error_json(const Error& error) { return {{"code", code_text(error)}, {"message", printable(error.context)}}; }

Error error_from_json(const Json& value) {
  const std::string code = value.value("code", "");
  const auto known = std::ranges::find(all_codes(), code, &CodeInfo::text);
  return {known == all_codes().end() ? Code::kInternal : known->code, value.value("message", "")};
}

Digest run_outputs_hash(const std::vector<ledger::StepRow>& steps) {
  Json by_step = Json::object();
  for (const ledger::StepRow& step : steps)
    if ((step.state == StepState::kSucceeded || step.state == StepState::kCached) && step.outputs_hash)
      by_step[step.step.str()] = step.outputs_hash->hex();
  return Digest::of(canonical_json(by_step));
}

Result<RunReport> report_run(const ledger::Reader& reader, const TenantId& tenant, const RunId& run) {
  RunReport report{TRY(ledger::get_run(reader, tenant, run)), {}, {}, false};
  for (const ledger::StepRow& step : TRY(ledger::steps_of(reader, tenant, run))) {
    ++report.counts.total;
    count(report.counts, step.state);
    if ((step.state == StepState::kFailed || step.state == StepState::kTimedOut) && step.error)
      report.failures.push_back({step.step, step.state, error_from_json(*step.error)});
  }
  return report;
}

}  // namespace airlock::runner
