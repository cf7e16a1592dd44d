#include "ledger/project.h"
#include "ledger/states.h"

namespace airlock::ledger {
namespace {

Result<void> run_created(sql::Connection& db, const Event& event, const std::string& run) {
  const EventData data(event);
  TRY(db.run(
      "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
      " 'pending', NULL, NULL, NULL, NULL)",
      event.tenant, run, TRY(data.text("jobId")), TRY(data.text("dagId")), TRY(data.text("dagVersion")),
      TRY(data.digest("dagDigest")), TRY(data.digest("planHash")), TRY(data.digest("inputsHash")),
      TRY(data.text("runToken")), TRY(data.digest("stepsDigest")), TRY(data.text("rationale")),
      event.who.actor, event.who.reason, event.who.ticket, event.who.trace_id,
      TRY(data.maybe_text("replayOf")), event.seq, event.ts));
  return {};
}

// The state that a kind leads to: "run.resumed" to running, else the kind's own word.
template <class State>
Result<State> target(const Event& event, Result<State> (*parse)(std::string_view)) {
  const std::string_view word = std::string_view(event.kind).substr(event.kind.find('.') + 1);
  const auto state = parse(word == "resumed" ? "running" : word);
  if (!state) return unknown_kind(event);
  if (state_of(event.after) != to_text(*state))
    return fail(Code::kField,
                event.kind + " " + event.subject + ": after.state must be " + std::string(to_text(*state)));
  return *state;
}

std::optional<Instant> when(bool condition, Instant ts) {
  return condition ? std::optional(ts) : std::nullopt;
}

Result<void> step_attempt(sql::Connection& db, const Event& event, const RunSubject& at) {
  const EventData data(event);
  TRY(db.run("INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)", event.tenant,
             at.run, at.step, TRY(data.count("attempt")), TRY(data.text("outcome")), TRY(data.json("exit")),
             TRY(data.instant("startedAt")), TRY(data.instant("endedAt")), TRY(data.json("evidence")),
             TRY(data.maybe_digest("outputsHash")), data.maybe_json("error")));
  return {};
}

}  // namespace

Result<void> project_run(sql::Connection& db, const Event& event) {
  const RunSubject at = TRY(parse_run_subject(event.subject));
  if (!at.step.empty())
    return fail(Code::kField, event.kind + ": subject \"" + event.subject + "\" is a step");
  if (event.kind == "run.created") return run_created(db, event, at.run);
  if (event.kind == "run.replayed") return {};
  const RunState state = TRY(target<RunState>(event, parse_run_state));
  const EventData data(event);
  return one_row(
      TRY(db.run(
          "UPDATE runs SET state = ?3, outputs_hash = ?4, error = ?5, started_at = COALESCE(started_at, ?6),"
          " ended_at = ?7 WHERE tenant = ?1 AND run_id = ?2 AND ended_at IS NULL",
          event.tenant, at.run, to_text(state), TRY(data.maybe_digest("outputsHash")),
          data.maybe_json("error"), when(state == RunState::kRunning, event.ts),
          when(is_final(state), event.ts))),
      event, "runs");
}

Result<void> project_step(sql::Connection& db, const Event& event) {
  const RunSubject at = TRY(parse_run_subject(event.subject));
  if (event.kind == "step.attempt") return step_attempt(db, event, at);
  if (event.kind == "step.network") return {};  // for readers of the history: the attempt's evidence says it again
  const StepState state = TRY(target<StepState>(event, parse_step_state));
  const EventData data(event);
  std::optional<std::uint64_t> attempt;
  if (state == StepState::kRunning) attempt = TRY(data.count("attempt"));
  return one_row(
      TRY(db.run(
          "UPDATE steps SET state = ?4, attempt = COALESCE(?5, attempt), step_hash = COALESCE(?6, step_hash),"
          " inputs_hash = COALESCE(?7, inputs_hash), outputs_hash = ?8, from_run = ?9, error = ?10,"
          " started_at = COALESCE(started_at, ?11), ended_at = ?12"
          " WHERE tenant = ?1 AND run_id = ?2 AND step_id = ?3 AND ended_at IS NULL",
          event.tenant, at.run, at.step, to_text(state), attempt, TRY(data.maybe_digest("stepHash")),
          TRY(data.maybe_digest("inputsHash")), TRY(data.maybe_digest("outputsHash")),
          TRY(data.maybe_text("fromRun")), data.maybe_json("error"),
          when(state == StepState::kRunning, event.ts), when(is_final(state), event.ts))),
      event, "steps");
}

}  // namespace airlock::ledger
