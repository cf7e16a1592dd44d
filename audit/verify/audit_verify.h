// audit/verify: checks an audit bundle with nothing but public keys. No ledger, no sandbox, no sockets, no
// clock.
//
// verify_audit() reads the archive (or folder) once, in order, and keeps an index of the jobs, runs and steps
// of the window (docs/performance.md says how much a record costs). It stops at the first thing that does not
// hold and names file, line and reason. What each check means: docs/formats.md, "Audit bundle", "Verify".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/result.h"
#include "verify/keys.h"

namespace airlock::audit {

struct VerifyOptions {
  std::vector<verify::PublicKey>
      keys;                   // who may sign; the site's own key must be among them (it signs checkpoints)
  std::size_t threshold = 1;  // how many distinct keys must have signed the manifest
  std::optional<std::string>
      previous;  // path of an earlier checkpoint, or of an earlier export (archive or folder)
  std::uint64_t max_line_bytes = 16ULL << 20;
};

struct Check {
  std::string name;  // stable: "signatures", "manifest", "files", "canonical-form", "order", "merkle-root",
                     // "checkpoint", "consistency", "cross-checks"
  bool ok = false;
  std::string seen;  // "2 of 2 signatures by ...", "12 files, 1,204,331 bytes"
};

struct Failure {
  Code code = Code::kInternal;  // kAudit*, or kArchive* when the archive itself is malformed
  std::string file;             // path inside the bundle; empty: the archive as a whole
  std::uint64_t line = 0;       // 1-based; 0: the file as a whole
  std::string reason;
};

struct Report {
  bool accepted = false;
  std::vector<Check> checks;       // in the order they are made; the first that fails is the last one listed
  std::optional<Failure> failure;  // set exactly when not accepted
  // What was verified; meaningful when accepted.
  std::string instance, tenant, root;  // root: hex
  std::uint64_t from_seq = 0, to_seq = 0;
  std::uint64_t events = 0, jobs = 0, runs = 0, steps = 0, bytes = 0;
  std::vector<std::string> signers;  // key ids that signed the manifest
};

// An error only where nothing could be judged: no such path, unreadable, no keys, threshold 0 or above the
// number of keys. Everything else is a report.
Result<Report> verify_audit(const std::string& path, const VerifyOptions& options);

Json report_json(const Report& report);      // for --json
std::string failure_text(const Failure& f);  // "history.jsonl line 17: ...", one line, printable

}  // namespace airlock::audit
