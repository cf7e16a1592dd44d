// ledger: the durable store of a site. One SQLite file, one Merkle log of events a tenant, projections of that log.
//
// Start at Ledger::open(). Reads take a `const Reader&`: a Ledger (each read sees the last commit), a Snapshot (all
// reads see one instant) or a Tx (sees its own writes). Writes take a `Tx&`. Every change of state is an event:
// Tx::append() writes the event into the tenant's log and brings the projections after it, in one transaction, so the
// two can never part (formats page 05, "History"). The tables by family:
//   ledger/history.h    reading the logs, checkpoints, proofs
//   ledger/runs.h       runs, steps, attempts, artifacts
//   ledger/jobs.h       job records and projections (decisions stand in jobs/)
//   ledger/catalog.h    bundles, their items, DAGs
//   ledger/airgap.h     sealed mode, time anchors, the high-water mark
//   ledger/governance.h incidents, approvals, throttles, quotas, dead letters
//   ledger/check.h      verify, rebuild
// One Ledger serves one thread; other threads and processes open their own. Errors everywhere: kLedgerBusy (locked
// longer than the busy timeout), kLedgerCorrupt, kDiskFull, kStateReadOnly, kLedger; each leaves the ledger unchanged.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/signer.h"
#include "base/time.h"

namespace airlock::sql {
class Connection;
}

namespace airlock::ledger {

struct Options {
  bool create = false;                  // make the file (mode 0600) when missing; without it a missing file is kNotFound
  bool read_only = false;               // for lists and exports; works on a read-only folder too
  const Signer* signer = nullptr;       // the site key; without it no checkpoint is written. Must outlive the Ledger.
  Millis busy_timeout{2000};            // how long to wait for another writer before kLedgerBusy
  std::uint64_t checkpoint_events = 1000;  // a commit that takes a log this far past its checkpoint writes the next one
  Millis checkpoint_age{60'000};           // ... as does one that finds the last checkpoint this old
  std::string vfs;                      // name of a registered sqlite3_vfs, empty for the default (fault tests)
};

// Who does something, and why. Stands in the event.
struct Who {
  std::string actor;
  std::optional<std::string> reason = std::nullopt, ticket = std::nullopt, trace_id = std::nullopt;
};

// One event before it has a place in the log. `kind` as "run.running"; `subject` as "run:<id>".
struct NewEvent {
  std::string kind, subject;
  Who who;
  std::optional<Json> before = std::nullopt, after = std::nullopt;  // {"state": "..."} for things with states
  Json data = Json::object();
};

class Reader {
 public:
  sql::Connection& db() const { return *db_; }   // for the family files of ledger/ and jobs/ only

 protected:
  explicit Reader(sql::Connection* db) : db_(db) {}
  sql::Connection* db_;
};

// A write transaction (BEGIN IMMEDIATE). Rolls back when destroyed without commit(). When a write returns an error, let
// the Tx go: what was written before stays uncommitted.
class Tx : public Reader {
 public:
  Tx(Tx&& other) noexcept;
  Tx& operator=(Tx&&) = delete;
  ~Tx();

  Instant now() const { return now_; }

  // Appends to the tenant's log and projects. Gives the event's seq. Its ts is now(), but never before the ts of the
  // event ahead of it: a clock set back does not reorder a log. Errors: kField for an unknown kind or missing data.
  Result<std::uint64_t> append(const TenantId& tenant, const NewEvent& event);

  // Keeps bytes under their SHA-256 (plans, payloads, manifests, DAG specs); the same bytes are kept once.
  Result<Digest> put_document(std::string_view bytes);

  // The signed note of the log's head, written now unless it stands. kLedger without a signer, kNotFound without events.
  Result<std::string> checkpoint(const TenantId& tenant);

  // Durable on return. Writes the checkpoints that are due first.
  Result<void> commit();

 private:
  friend class Ledger;
  struct State;
  Tx(sql::Connection* db, std::unique_ptr<State> state, Instant now);
  std::unique_ptr<State> state_;
  Instant now_;
};

// A read transaction on a connection of its own. Keep it short: while it lives the write-ahead log cannot shrink.
class Snapshot : public Reader {
 public:
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  friend class Ledger;
  explicit Snapshot(std::unique_ptr<sql::Connection> own);
  std::unique_ptr<sql::Connection> own_;
};

class Ledger : public Reader {
 public:
  // kLedgerSchema when a newer airlock wrote it; kLedgerCorrupt when it is no ledger or is cut.
  static Result<Ledger> open(const std::string& path, const Options& options);
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) = delete;
  ~Ledger();

  Result<Tx> begin(Instant now);
  Result<Snapshot> snapshot() const;

  // Runs `work` in a transaction and commits when it succeeds.
  template <class Work>
  auto write(Instant now, Work&& work) -> decltype(work(std::declval<Tx&>())) {
    Tx tx = TRY(begin(now));
    auto result = work(tx);
    if (!result) return result;
    TRY(tx.commit());
    return result;
  }

  // 16 hex digits that name this site in checkpoint origins: the start of the signer's key id, kept once written.
  const std::string& instance() const;

  Result<void> quick_check() const;                        // SQLite's own structure check; kLedgerCorrupt
  Result<void> backup(const std::string& to) const;        // a whole copy, made while writers go on; `to` must not exist

 private:
  struct Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Bytes put with put_document; kNotFound, or kLedgerTampered when they no longer hash to their name.
Result<std::string> document(const Reader& reader, const Digest& digest);

}  // namespace airlock::ledger
