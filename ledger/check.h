// ledger/check: finds any edit made under the program's feet, and shows any past state of a log.
//
// A log is replayed from its first event into an empty database with the code that projects live events; what comes
// out must be what the ledger holds. Memory does not grow with the log: the replay is a temporary file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/history.h"

namespace airlock::ledger {

// Checks the signature and the text of one checkpoint note. Gets the origin the note must have.
using CheckpointVerifier = std::function<Result<void>(const Checkpoint& checkpoint, const std::string& origin)>;

struct Finding {
  std::string tenant;                  // empty when the whole file is meant
  std::optional<std::uint64_t> seq;    // where in the log, if it is in the log
  std::string what;                    // "leaf hash does not follow from the line"
};

struct CheckedLog {
  TenantId tenant;
  std::uint64_t events = 0, checkpoints = 0;
  Digest root = Digest::of_empty();
  std::optional<Finding> finding;      // the first one
};

struct CheckReport {
  std::vector<CheckedLog> logs;
  std::optional<Finding> schema;       // a table or trigger changed, a projection row of no log, a damaged page
  bool ok() const;
};

// Every log (or one tenant's): lines canonical, seq without gaps, leaf hashes, inner nodes, head, each checkpoint's
// root and signature, projections, documents; the schema itself. An error is one of reading, never of content; kNotFound
// when the one tenant asked for has no log.
Result<CheckReport> verify_history(const Ledger& ledger, const std::optional<TenantId>& only,
                                   const CheckpointVerifier& verifier);

// The projections as they were when the log had `size` events: runs.h, jobs.h and governance.h read from it, but
// artifacts and documents, which are not in events. Costs a replay of `size` events.
class PastState : public Reader {
 public:
  static Result<PastState> at(const Ledger& ledger, const TenantId& tenant, std::uint64_t size);
  PastState(PastState&&) noexcept;
  PastState& operator=(PastState&&) = delete;
  ~PastState();

 private:
  explicit PastState(std::unique_ptr<sql::Connection> own);
  std::unique_ptr<sql::Connection> own_;
};

}  // namespace airlock::ledger
