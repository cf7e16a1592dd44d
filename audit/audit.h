// audit: writes audit bundles from the ledger, and adds signatures to them. Reading them back is
// audit/verify.
//
// export_audit() is a function of the tenant's history and the keys: the same window gives the same bytes,
// also later, also while the ledger is written to. It reads history in chunks, so a writer is never held up,
// and spools to a folder beside the output; memory does not grow with the window. Format: docs/formats.md,
// "Audit bundle".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/signer.h"
#include "base/time.h"

namespace airlock::ledger {
class Ledger;
}

namespace airlock::audit {

struct ExportRequest {
  TenantId tenant;
  // The window: sequence numbers [from_seq, to_seq), or times [since, until); absent means from the start /
  // to the end.
  std::optional<std::uint64_t> from_seq, to_seq;
  std::optional<Instant> since, until;
  std::optional<std::string>
      previous;        // path of an earlier checkpoint or export: its consistency proof is added
  std::string output;  // FILE.tar.zst, else a folder, which must not exist yet
  std::vector<const Signer*> signers;  // the site's key first (it also speaks for the log), then any others
  Instant now;  // when the checkpoint is written, if one is; stands nowhere in the bundle
};

struct ExportResult {
  std::string path;
  std::uint64_t from_seq = 0, to_seq = 0;
  std::uint64_t events = 0, jobs = 0, runs = 0;
  std::uint64_t bytes = 0;           // of all files, unpacked
  Digest root = Digest::of_empty();  // tree head at to_seq
  Digest manifest_sha256 = Digest::of_empty();
};

// `ledger` must be writable and have the site's signer: each export writes a checkpoint at its window's end.
// Errors: kUsage for a window that is empty, beyond the head, or given twice; kNotFound for a tenant without
// history; kAlreadyExists for the output; kAuditConsistency when the log does not extend `previous`;
// kLedgerTampered when the history does not hash to its tree head; kDiskFull, kLedger*. After any of them
// nothing has its name at `output`.
Result<ExportResult> export_audit(ledger::Ledger& ledger, const ExportRequest& request);

// Adds one signature over the same payload (verify_audit() first: this signs what is there); every other byte
// of the bundle stays. Adding a key twice changes nothing. Gives the number of signatures that are now there.
// Errors: kAuditManifest when it is no audit bundle, kArchive*, kDiskFull.
Result<std::size_t> add_signature(const std::string& path, const Signer& signer);

}  // namespace airlock::audit
