#include "ledger/replay.h"

#include "ledger/connect.h"
#include "ledger/event.h"
#include "ledger/project.h"
#include "ledger/run_rows.h"

namespace airlock::ledger {

Replay::Replay(const Reader& source, const TenantId& tenant, std::unique_ptr<sql::Connection> scratch)
    : source_(&source), tenant_(tenant), scratch_(std::move(scratch)) {}

Result<Replay> Replay::start(const Reader& source, const TenantId& tenant) {
  auto scratch = TRY(open_scratch());
  TRY(scratch->script("BEGIN"));  // one transaction: nobody else sees it, and it is thrown away
  return Replay(source, tenant, std::move(scratch));
}

Result<std::optional<std::string>> Replay::feed(const HistoryLine& line) {
  const auto wrong = [](std::string what) { return std::optional(std::move(what)); };
  const std::uint64_t expected = head_.range.size();
  if (line.seq != expected) return wrong("seq " + std::to_string(expected) + " is missing");
  if (merkle_leaf(line.line) != line.leaf_hash) return wrong("the leaf hash does not follow from the line");
  const auto event = parse_event(line.line);
  if (!event) return wrong(event.error().context);
  if (event->seq != line.seq || event->tenant != tenant_.str())
    return wrong("the line names seq " + std::to_string(event->seq) + " of tenant " + event->tenant);
  if (expected > 0 && event->ts < head_.last_ts) return wrong("the event is older than the one before it");
  if (expected == 0) head_.checkpoint_at = event->ts;
  TRY(grow(*scratch_, tenant_.str(), head_, line.leaf_hash));
  head_.last_ts = event->ts;
  TRY(scratch_->run("INSERT INTO job_history VALUES (?1, ?2, ?3, ?4, '', ?5)", tenant_, line.seq, event->ts,
                    event->subject, line.leaf_hash));
  // What the live ledger would have refused is a contradiction in the log, not a failure of this check.
  if (const auto projected = project(*scratch_, *event); !projected)
    return wrong("the event contradicts those before it: " + projected.error().context);
  if (event->kind != "run.created") return std::optional<std::string>();
  return copy_steps(TRY(parse_run_subject(event->subject)).run, TRY(EventData(*event).digest("stepsDigest")));
}

Result<std::optional<std::string>> Replay::copy_steps(const std::string& run, const Digest& expected) {
  sql::Statement rows = TRY(source_->db().query(
      "SELECT step_id, plugin, ordinal FROM steps WHERE tenant = ?1 AND run_id = ?2 ORDER BY ordinal",
      tenant_, run));
  std::vector<NewStep> steps;
  while (TRY(rows.step())) {
    TRY(scratch_->run(
        "INSERT INTO steps (tenant, run_id, step_id, ordinal, plugin, state, attempt) VALUES (?1, ?2, ?3, ?4, ?5, 'pending', 0)",
        tenant_, run, rows.bytes(0), rows.count(2), rows.bytes(1)));
    const auto id = StepId::parse(rows.bytes(0));
    if (!id || rows.count(2) != steps.size())
      return std::optional<std::string>("steps: run " + run + " has not the steps that were planned");
    steps.push_back({*id, rows.text(1)});
  }
  if (steps_digest(steps) != expected)
    return std::optional<std::string>("steps: run " + run + " has not the steps that were planned");
  return std::optional<std::string>();
}

void Replay::note_checkpoint(const Checkpoint& checkpoint) {
  head_.checkpoint_size = checkpoint.size;
  head_.checkpoint_at = checkpoint.at;
}

Result<void> Replay::finish() {
  if (head_.range.size() > 0) TRY(store_head(*scratch_, tenant_.str(), head_));
  return scratch_->script("COMMIT");
}

}  // namespace airlock::ledger
