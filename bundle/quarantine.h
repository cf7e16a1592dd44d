// bundle/quarantine: refused bundles, kept as evidence under quarantine/<tenant>/<utc>-<reason>-<id>/:
//   bundle.tar.zst       a copy of the refused file (never a link: its owner could change it later); not executable
//   manifest.json        the statement, if the envelope could be taken apart; its signature may be wrong
//   verification.json    the verdict
//   failure-reason.txt   one line: code, what, where
// Folders are 0700, files 0600. A folder appears complete, by one rename. When a tenant is over its budget the
// oldest entries go, and their removal is a history event (quarantine.removed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "bundle/verdict.h"

namespace airlock::ledger {
class Ledger;
}

namespace airlock::bundle {

struct QuarantineBudget {  // for each tenant
  std::uint64_t bytes = 8 * kGiB;     // a file that alone is larger is not copied; the reason says so
  Millis age = std::chrono::days(90);
  std::uint64_t entries = 1000;
};

struct QuarantineEntry {
  std::string name;         // of the folder
  std::string path;
  std::uint64_t bytes = 0;  // of all its files
  std::string reason;       // the content of failure-reason.txt, one line
};

struct Refused {
  const UniqueFd& file;                         // the refused bundle, still open: the very bytes that were judged
  std::optional<std::string> manifest_untrusted;
  const Verdict& verdict;                       // refused
};

class Quarantine {
 public:
  explicit Quarantine(std::string folder, QuarantineBudget budget = {})
      : folder_(std::move(folder)), budget_(budget) {}

  // The path of the new folder. Then trims to the budget; what went is in `removed`.
  struct Kept {
    std::string path;
    std::vector<QuarantineEntry> removed;
  };
  Result<Kept> keep(const TenantId& tenant, const Refused& refused, Instant now, Entropy& entropy);

  Result<std::vector<QuarantineEntry>> list(const TenantId& tenant) const;  // oldest first
  Result<QuarantineEntry> find(const TenantId& tenant, const std::string& name) const;  // kNotFound
  Result<Json> verification(const QuarantineEntry& entry) const;            // verification.json

  struct Removal {
    std::string actor, reason;             // reason must not be empty: kReasonRequired
    std::optional<std::string> ticket;
  };
  // Records first, removes then: what a crash leaves is a record of a removal that the next call completes.
  Result<void> remove(const TenantId& tenant, const std::string& name, const Removal& why, ledger::Ledger& ledger,
                      Instant now);

 private:
  std::string folder_;
  QuarantineBudget budget_;
};

}  // namespace airlock::bundle
