#include "base/io.h"
#include "runner/catalog.h"
#include "runner/replay.h"
#include "runner/run_loop.h"

namespace airlock::runner {
namespace {

// The trees that the plan pins, from the listings that the original left: the copy of the plan is then complete also
// if this run is interrupted.
Result<std::map<Digest, Tree>> pinned_trees(const ledger::Reader& reader, const Plan& plan) {
  std::map<Digest, Tree> out;
  const auto take = [&](const Digest& digest) -> Result<void> {
    if (!out.contains(digest)) out.emplace(digest, TRY(parse_tree_listing(TRY(ledger::document(reader, digest)))));
    return {};
  };
  for (const PlannedPlugin& plugin : plan.plugins) {
    TRY(take(plugin.tree));
    if (plugin.image) TRY(take(*plugin.image));
  }
  for (const PlannedStep& step : plan.steps)
    for (const PlannedInput& input : step.inputs)
      if (const auto* pin = std::get_if<Pinned>(&input.source); pin && pin->folder) TRY(take(pin->sha256));
  return out;
}

Result<std::vector<StepOutcome>> outcomes(const ledger::Reader& reader, const ledger::RunRow& run) {
  std::vector<StepOutcome> out;
  for (ledger::StepRow& row : TRY(ledger::steps_of(reader, run.tenant, run.id))) {
    auto outputs = TRY(ledger::artifacts_of(reader, run.tenant, run.id, row.step));
    out.push_back({std::move(row), std::move(outputs)});
  }
  return out;
}

Result<Planned> plan_of(const ledger::Reader& reader, const ledger::RunRow& run) {
  const auto text = ledger::document(reader, run.plan_hash);
  if (!text) return fail(Code::kPlanMismatch, "run " + run.id.str() + ": " + text.error().context);
  Plan plan = TRY(read_plan(*text));
  auto trees = TRY(pinned_trees(reader, plan));
  return Planned{std::move(plan), std::move(trees)};
}

struct Compared {
  std::optional<Difference> difference;
  std::string manifest;
};

Result<Compared> compare(const ledger::Reader& reader, const ledger::RunRow& original, const RunId& replay) {
  const ledger::RunRow row = TRY(ledger::get_run(reader, original.tenant, replay));
  const auto before = TRY(outcomes(reader, original)), after = TRY(outcomes(reader, row));
  Compared out{first_difference(before, after), {}};
  out.manifest = canonical_json(replay_manifest(original, row, before, after, out.difference));
  return out;
}

Result<Compared> record_comparison(ledger::Tx& tx, const ledger::RunRow& replay, const ledger::Who& who) {
  const ledger::RunRow original = TRY(ledger::get_run(tx, replay.tenant, *replay.replay_of));
  Compared compared = TRY(compare(tx, original, replay.id));
  const Digest manifest = TRY(tx.put_document(compared.manifest));
  Json data = {{"replayOf", original.id.str()}, {"planHash", original.plan_hash.hex()}, {"identical", !compared.difference},
               {"manifest", manifest.hex()}};
  if (compared.difference) data["firstDifference"] = difference_json(*compared.difference);
  TRY(ledger::record_replay(tx, replay.tenant, replay.id, data, who));
  return compared;
}

}  // namespace

Result<Executed> execute_run(const RunPorts& ports, const RunOptions& options, RunObserver& observer, OpenRun run) {
  std::optional<Compared> compared;
  RunLoop loop(ports, options, observer, run);
  TRY(loop.execute([&](ledger::Tx& tx) -> Result<void> {
    if (run.row.replay_of)
      compared = TRY(record_comparison(tx, run.row, {options.who.actor, options.who.reason, options.who.ticket, run.row.trace_id}));
    return {};
  }));
  Executed out{TRY(report_run(ports.ledger, run.row.tenant, run.row.id)), std::nullopt, {}};
  if (!compared) return out;
  TRY(write_file_durably(run.folder.path() + "/replay.json", compared->manifest));
  out.difference = std::move(compared->difference);
  out.manifest = std::move(compared->manifest);
  return out;
}

Result<ReplayReport> replay_run(const RunPorts& ports, const TenantId& tenant, const RunId& original, const RunOptions& options,
                                RunObserver& observer) {
  const ledger::RunRow first = TRY(ledger::get_run(ports.ledger, tenant, original));
  if (!is_final(first.state))
    return fail(Code::kRunState, "run " + original.str() + " is " + std::string(to_text(first.state)) + ": only a run that has ended can be replayed");
  Planned planned = TRY(plan_of(ports.ledger, first));
  TRY(check_endpoints(ports.ledger, tenant, planned.plan, ports.network));
  ledger::Who who = options.who;
  if (!who.trace_id) who.trace_id = new_trace_id(ports.entropy);
  const std::string token = uuid7(ports.clock.now(), ports.entropy);
  auto created = TRY(create_run(ports, {tenant, std::move(planned), token, "replay of " + original.str(), first, true}, who));
  if (!created) return fail(Code::kInternal, "run token " + token + " is not new");
  Executed done = TRY(execute_run(ports, options, observer, std::move(*created)));
  const bool identical = !done.difference;
  return ReplayReport{std::move(done.report), original, identical, std::move(done.difference), std::move(done.manifest)};
}

}  // namespace airlock::runner
