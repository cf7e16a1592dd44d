// runner/step_launch: what an attempt of a planned step is started with.
#pragma once

#include "ledger/runs.h"
#include "runner/run_folder.h"
#include "runner/scheduler.h"
#include "runner/step_inputs.h"

namespace airlock::runner {

// The environment of a step, complete: the fixed words, then what the DAG sets (it may replace PATH, HOME, LANG, TZ and
// SOURCE_DATE_EPOCH, and does so within stepHash), then what names this very attempt. The latter is not part of
// stepHash, which is why a plugin that depends on it must not call itself deterministic.
std::map<std::string, std::string> step_environment(const PlannedStep& step, const ledger::RunRow& run, std::uint32_t attempt);

// argv = [/plugin/<entrypoint>, args...], or [<interpreter>, /plugin/<entrypoint>, args...].
AttemptSpec attempt_of(const Plan& plan, const Launch& launch, const ledger::RunRow& run, const RunFolder& folder,
                       std::shared_ptr<const Tree> plugin, std::vector<AttemptInput> inputs);

// The outputs of a step as rows, each with the media type of the declared output it is or lies in.
std::vector<ledger::ArtifactRow> artifact_rows(const PlannedStep& step, const Tree& outputs);

}  // namespace airlock::runner
