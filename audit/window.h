// audit/window: which part of which log is exported, and the proofs that tie it to the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/audit.h"
#include "base/merkle.h"
#include "ledger/ledger.h"
#include "manifests/audit.h"

namespace airlock::audit {

struct Window {
  std::uint64_t from = 0, to = 0;    // events [from, to)
  CompactRange edge;                 // of the first `from` events
  Digest root = Digest::of_empty();  // head at `to`
  std::string checkpoint;            // the signed note of that head
  std::optional<Instant> as_of;      // time of the event before `to`
  manifests::ConsistencyDocument consistency;
};

// Decides the window and writes its checkpoint into the ledger when it ends at the head and none stands there
// yet.
Result<Window> open_window(ledger::Ledger& ledger, const ExportRequest& request);

}  // namespace airlock::audit
