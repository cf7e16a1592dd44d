#include "ledger/tx.h"

#include <algorithm>

#include "base/note_text.h"
#include "base/path.h"
#include "ledger/event.h"
#include "ledger/project.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

bool kind_ok(std::string_view kind) {
  const std::size_t dot = kind.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < kind.size() &&
         kind.find('.', dot + 1) == std::string_view::npos &&
         std::ranges::all_of(kind, [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '.'; });
}

Result<void> check_form(const NewEvent& event) {
  if (!kind_ok(event.kind)) return fail(Code::kField, "event kind \"" + event.kind + "\"");
  if (event.subject.empty()) return fail(Code::kField, event.kind + " without a subject");
  if (event.who.actor.empty())
    return fail(Code::kField, event.kind + " " + event.subject + " without an actor");
  if (!event.data.is_object())
    return fail(Code::kField, event.kind + " " + event.subject + ": data must be an object");
  return {};
}

Result<LogHead*> head_for_write(sql::Connection& db, std::map<std::string, LogHead>& heads,
                                const std::string& tenant, Instant now) {
  const auto known = heads.find(tenant);
  if (known != heads.end()) return &known->second;
  std::optional<LogHead> stored = TRY(load_head(db, tenant));
  if (!stored) stored = LogHead{CompactRange(), now, 0, now};
  return &heads.emplace(tenant, std::move(*stored)).first->second;
}

}  // namespace

Tx::Tx(sql::Connection* db, std::unique_ptr<State> state, Instant now)
    : Reader(db), state_(std::move(state)), now_(now) {}
Tx::Tx(Tx&& other) noexcept = default;

Tx::~Tx() {
  if (state_ && state_->open && db_->in_transaction())
    (void)db_->script("ROLLBACK");  // ignoring: closing rolls back too
}

Result<std::uint64_t> Tx::append(const TenantId& tenant, const NewEvent& event) {
  TRY(check_form(event));
  LogHead* head = TRY(head_for_write(*db_, state_->heads, tenant.str(), now_));
  Event placed{head->range.size(), std::max(now_, head->last_ts),
               tenant.str(),       event.kind,
               event.subject,      event.who,
               event.before,       event.after,
               event.data};
  const std::string line = event_line(placed);
  if (!valid_utf8(line))
    return fail(Code::kField, event.kind + " " + printable(event.subject) + " is not valid UTF-8");
  const Digest leaf = merkle_leaf(line);
  const auto written = [&]() -> Result<void> {
    TRY(db_->run("INSERT INTO job_history VALUES (?1, ?2, ?3, ?4, ?5, ?6)", tenant, placed.seq, placed.ts,
                 placed.subject, line, leaf));
    TRY(grow(*db_, tenant.str(), *head, leaf));
    head->last_ts = placed.ts;
    TRY(store_head(*db_, tenant.str(), *head));
    return project(*db_, placed);
  }();
  if (!written) {
    state_->broken = true;
    return fail(written.error());
  }
  return placed.seq;
}

Result<Digest> Tx::put_document(std::string_view bytes) {
  const Digest digest = Digest::of(bytes);
  TRY(db_->run("INSERT INTO documents VALUES (?1, ?2) ON CONFLICT DO NOTHING", digest,
               sql::Connection::Blob{bytes}));
  return digest;
}

Result<std::string> Tx::checkpoint(const TenantId& tenant) {
  if (state_->options->signer == nullptr) return fail(Code::kLedger, "no site key to sign a checkpoint with");
  LogHead* head = TRY(head_for_write(*db_, state_->heads, tenant.str(), now_));
  const std::uint64_t size = head->range.size();
  if (size == 0) return fail(Code::kNotFound, "tenant " + tenant.str() + " has no history");
  sql::Statement stored =
      TRY(db_->query("SELECT note FROM checkpoints WHERE tenant = ?1 AND size = ?2", tenant, size));
  if (TRY(stored.step())) return stored.text(0);
  const std::string name = "airlock/" + *state_->instance;
  const Digest root = head->range.root();
  const std::string note =
      TRY(signed_checkpoint(name, name + "/" + tenant.str(), size, root, *state_->options->signer));
  const Instant at = std::max(now_, head->last_ts);
  TRY(db_->run("INSERT INTO checkpoints VALUES (?1, ?2, ?3, ?4, ?5)", tenant, size, at, root, note));
  head->checkpoint_size = size;
  head->checkpoint_at = at;
  TRY(store_head(*db_, tenant.str(), *head));
  return note;
}

Result<void> Tx::commit() {
  if (!state_->open) return fail(Code::kLedger, "the transaction has ended already");
  if (state_->broken)
    return fail(Code::kLedger, "an event of this transaction failed half-way: it is rolled back");
  // SQLite itself rolls back after some errors; a COMMIT would then succeed and mean nothing.
  if (!db_->in_transaction())
    return fail(Code::kLedger, "the transaction was rolled back by an earlier error");
  if (state_->options->signer != nullptr)
    for (auto& [tenant, head] : state_->heads) {
      const std::uint64_t news = head.range.size() - head.checkpoint_size;
      if (news >= state_->options->checkpoint_events ||
          (news > 0 && now_ - head.checkpoint_at >= state_->options->checkpoint_age))
        TRY(checkpoint(TRY(TenantId::parse(tenant))));
    }
  // COMMIT POINT: a crash leaves before: nothing of the transaction; after: events, projections and
  // checkpoints together; test: crash_test.cc
  TRY(db_->script("COMMIT"));
  state_->open = false;
  return {};
}

}  // namespace airlock::ledger
