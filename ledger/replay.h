// ledger/replay: a log, event by event, into an empty ledger, inside the ledger.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ledger/history.h"
#include "ledger/log.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

class Replay {
 public:
  // Planned steps are facts, not events: they are copied from `source` as their runs are created.
  static Result<Replay> start(const Reader& source, const TenantId& tenant);

  // What is wrong with this line, if anything: its place, its bytes, its hash, or that it does not fit what came before.
  Result<std::optional<std::string>> feed(const HistoryLine& line);
  void note_checkpoint(const Checkpoint& checkpoint);

  Result<void> finish();                     // stores the head; after the last line
  const LogHead& head() const { return head_; }
  sql::Connection& db() { return *scratch_; }
  std::unique_ptr<sql::Connection> take() { return std::move(scratch_); }

 private:
  Replay(const Reader& source, const TenantId& tenant, std::unique_ptr<sql::Connection> scratch);
  Result<std::optional<std::string>> copy_steps(const std::string& run, const Digest& steps_digest);
  const Reader* source_;
  TenantId tenant_;
  std::unique_ptr<sql::Connection> scratch_;
  LogHead head_;
};

}  // namespace airlock::ledger
