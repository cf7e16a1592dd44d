#include "ledger/check.h"

#include "ledger/check_tables.h"
#include "ledger/connect.h"
#include "ledger/replay.h"
#include "ledger/schema.h"

namespace airlock::ledger {
namespace {

// What stands beside the tables of any tenant: pages, schema, references, documents.
Result<std::optional<Finding>> check_file(const Reader& reader) {
  sql::Statement pages = TRY(reader.db().query("PRAGMA quick_check(1)"));
  if (!TRY(pages.step()) || pages.bytes(0) != "ok")
    return std::optional(Finding{"", std::nullopt, "the file is damaged: " + pages.text(0)});
  const auto scratch = TRY(open_scratch());
  if (TRY(schema_text(reader.db())) != TRY(schema_text(*scratch))) {
    const std::string difference = TRY(schema_difference(reader.db(), *scratch));
    return std::optional(Finding{"", std::nullopt, "the schema was changed: " + difference});
  }
  if (auto finding = TRY(check_documents(reader.db()))) return finding;
  return check_tenants(reader.db());
}

// Feeds the whole log to a replay and compares every checkpoint on the way.
Result<std::optional<Finding>> check_log(const Reader& reader, const TenantId& tenant,
                                         const std::string& instance, const CheckpointVerifier& verifier,
                                         Replay& replay, CheckedLog& log) {
  const std::vector<Checkpoint> notes = TRY(checkpoints(reader, tenant));
  const std::string origin = "airlock/" + instance + "/" + tenant.str();
  const auto found = [&](std::optional<std::uint64_t> seq, std::string what) {
    return std::optional(Finding{tenant.str(), seq, std::move(what)});
  };
  std::optional<Finding> finding;
  std::size_t next = 0;
  const auto at_size = [&]() -> Result<void> {
    for (; !finding && next < notes.size() && notes[next].size == replay.head().range.size(); ++next) {
      const Checkpoint& note = notes[next];
      if (note.root != replay.head().range.root())
        finding = found(note.size, "the checkpoint of size " + std::to_string(note.size) +
                                       " has another root than the events");
      else if (const auto good = verifier(note, origin); !good)
        finding = found(
            note.size, "the checkpoint of size " + std::to_string(note.size) + ": " + describe(good.error()));
      replay.note_checkpoint(note);
      ++log.checkpoints;
    }
    return {};
  };
  TRY(at_size());
  for (std::uint64_t from = 0; !finding;) {
    const std::vector<HistoryLine> chunk = TRY(history(reader, tenant, from, UINT64_MAX));
    for (const HistoryLine& line : chunk) {
      if (const auto fed = TRY(replay.feed(line))) {
        finding = found(line.seq, *fed);
        break;
      }
      TRY(at_size());
      if (finding) break;
    }
    if (chunk.size() < kHistoryChunk) break;
    from = chunk.back().seq + 1;
  }
  if (!finding && next < notes.size())
    finding = found(replay.head().range.size(), "the log ends here, but a checkpoint of size " +
                                                    std::to_string(notes[next].size) + " was signed");
  log.events = replay.head().range.size();
  log.root = replay.head().range.root();
  return finding;
}

Result<CheckedLog> check_tenant(const Reader& reader, const TenantId& tenant, const std::string& instance,
                                const CheckpointVerifier& verifier) {
  CheckedLog log{.tenant = tenant, .finding = std::nullopt};
  Replay replay = TRY(Replay::start(reader, tenant));
  log.finding = TRY(check_log(reader, tenant, instance, verifier, replay, log));
  if (log.finding) return log;
  TRY(replay.finish());
  log.finding = TRY(compare_projections(reader.db(), replay.db(), tenant.str()));
  if (!log.finding) log.finding = TRY(check_facts(reader.db(), tenant.str()));
  return log;
}

}  // namespace

bool CheckReport::ok() const {
  if (schema) return false;
  for (const CheckedLog& log : logs)
    if (log.finding) return false;
  return true;
}

Result<CheckReport> verify_history(const Ledger& ledger, const std::optional<TenantId>& only,
                                   const CheckpointVerifier& verifier) {
  // One long read on purpose: projections and events of different instants could not be compared.
  const Snapshot snapshot = TRY(ledger.snapshot());
  CheckReport report;
  report.schema = TRY(check_file(snapshot));
  if (report.schema && report.schema->tenant.empty()) return report;  // reading on would be guessing
  for (const TenantId& tenant : TRY(logged_tenants(snapshot.db())))
    if (!only || *only == tenant)
      report.logs.push_back(TRY(check_tenant(snapshot, tenant, ledger.instance(), verifier)));
  if (only && report.logs.empty()) return fail(Code::kNotFound, "tenant " + only->str() + " has no history");
  return report;
}

PastState::PastState(std::unique_ptr<sql::Connection> own) : Reader(own.get()), own_(std::move(own)) {}
PastState::PastState(PastState&&) noexcept = default;
PastState::~PastState() = default;

Result<PastState> PastState::at(const Ledger& ledger, const TenantId& tenant, std::uint64_t size) {
  Replay replay = TRY(Replay::start(ledger, tenant));
  TRY(for_each_line(ledger, tenant, 0, size, [&](const HistoryLine& line) -> Result<void> {
    if (const auto fed = TRY(replay.feed(line)))
      return fail(Code::kLedgerTampered,
                  "tenant " + tenant.str() + ", seq " + std::to_string(line.seq) + ": " + *fed);
    return {};
  }));
  if (replay.head().range.size() != size)
    return fail(Code::kUsage, "the log of tenant " + tenant.str() + " has only " +
                                  std::to_string(replay.head().range.size()) + " events");
  TRY(replay.finish());
  return PastState(replay.take());
}

}  // namespace airlock::ledger
