#include "audit/window.h"

#include <algorithm>

#include "audit/verify/previous.h"
#include "ledger/history.h"
#include "manifests/audit_line.h"
#include "manifests/audit_records.h"
#include "verify/note.h"

namespace airlock::audit {
namespace {

struct Bounds {
  std::uint64_t from, to;
};

Result<Bounds> decide(const ledger::Reader& reader, const ExportRequest& request, std::uint64_t head) {
  if ((request.from_seq || request.to_seq) && (request.since || request.until))
    return fail(Code::kUsage, "a window is given by sequence numbers or by times, not by both");
  if (head == 0) return fail(Code::kNotFound, "tenant " + request.tenant.str() + " has no history");
  Bounds bounds{request.from_seq.value_or(0), request.to_seq.value_or(head)};
  if (request.since) bounds.from = TRY(ledger::first_seq_at(reader, request.tenant, *request.since));
  if (request.until) bounds.to = TRY(ledger::first_seq_at(reader, request.tenant, *request.until));
  const std::string window = "events " + std::to_string(bounds.from) + " to " + std::to_string(bounds.to);
  if (bounds.to > head) return fail(Code::kUsage, window + ": the log has " + std::to_string(head));
  if (bounds.from >= bounds.to) return fail(Code::kUsage, window + ": the window is empty");
  return bounds;
}

// The note at `to`. At the head it becomes part of the ledger; behind the head one is signed for this export
// only, with the same bytes each time.
Result<std::string> note_at(ledger::Tx& tx, const ExportRequest& request, const std::string& instance,
                            std::uint64_t to, std::uint64_t head, const Digest& root) {
  if (to == head) return tx.checkpoint(request.tenant);
  if (const auto there = TRY(ledger::checkpoint_at(tx, request.tenant, to))) return there->note;
  const std::string name = "airlock/" + instance;
  return verify::sign_checkpoint({name + "/" + request.tenant.str(), to, root, {}}, name,
                                 *request.signers.front());
}

Result<manifests::ConsistencyDocument> prove(const ledger::Reader& reader, const ExportRequest& request,
                                             const std::string& instance, std::uint64_t to) {
  manifests::ConsistencyDocument out{to, std::nullopt, {}};
  if (!request.previous) return out;
  const std::string& path = *request.previous;
  const verify::Note note = TRY(verify::parse_note(TRY(load_checkpoint(path))));
  const verify::Checkpoint old = TRY(verify::parse_checkpoint(note.text));
  const std::string origin = "airlock/" + instance + "/" + request.tenant.str();
  if (old.origin != origin)
    return fail(Code::kAuditConsistency, path + " is of the log " + old.origin + ", this one is " + origin);
  if (old.size > to)
    return fail(Code::kAuditConsistency, path + " has " + std::to_string(old.size) +
                                             " events, this window ends at " + std::to_string(to));
  if (TRY(ledger::log_at(reader, request.tenant, old.size)).root() != old.root)
    return fail(Code::kAuditConsistency,
                "the first " + std::to_string(old.size) + " events are not those of " + path);
  out.previous = manifests::AuditTree{old.size, old.root};
  out.proof = TRY(ledger::consistency_proof(reader, request.tenant, old.size, to));
  return out;
}

Result<Instant> time_of(const ledger::Reader& reader, const TenantId& tenant, std::uint64_t seq) {
  const auto lines = TRY(ledger::history(reader, tenant, seq, seq + 1, 1));
  if (lines.empty())
    return fail(Code::kLedgerTampered,
                "event " + std::to_string(seq) + " of " + tenant.str() + " is missing");
  manifests::CanonicalLine line;
  return TRY(manifests::read_event(TRY(line.parse(lines[0].line)))).ts;
}

}  // namespace

Result<Window> open_window(ledger::Ledger& ledger, const ExportRequest& request) {
  return ledger.write(request.now, [&](ledger::Tx& tx) -> Result<Window> {
    const std::uint64_t head = TRY(ledger::log_head(tx, request.tenant)).size();
    const Bounds bounds = TRY(decide(tx, request, head));
    auto edge = TRY(ledger::log_at(tx, request.tenant, bounds.from));
    const auto whole = TRY(ledger::log_at(tx, request.tenant, bounds.to));
    auto consistency = TRY(prove(tx, request, ledger.instance(), bounds.to));
    Window window{.from = bounds.from,
                  .to = bounds.to,
                  .edge = std::move(edge),
                  .root = whole.root(),
                  .checkpoint = {},
                  .as_of = std::nullopt,
                  .consistency = std::move(consistency)};
    window.checkpoint = TRY(note_at(tx, request, ledger.instance(), window.to, head, window.root));
    window.as_of = TRY(time_of(tx, request.tenant, window.to - 1));
    return window;
  });
}

}  // namespace airlock::audit
