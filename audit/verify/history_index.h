// audit/verify/history_index: what the events of a window say about each job, run and step, kept as
// fingerprints.
//
// About 280 bytes a job, 330 a run and 270 a step, whatever the events carry. The rules that an event itself
// must keep (states follow each other, attempts have evidence, governance has its reason and ticket) are
// checked on the way in.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/verify/fingerprint.h"
#include "base/result.h"
#include "manifests/audit_records.h"

namespace airlock::audit {

using manifests::AuditState;

// What is common to jobs, runs and steps; `Fields` is the number of projected members.
template <std::size_t Fields>
struct Track {
  std::optional<std::uint64_t> first_seq;  // absent: it began before the window
  std::optional<std::uint64_t> last_seq;   // absent: only steps of it have events in the window
  std::optional<Instant> created, started, ended;
  std::optional<AuditState> state;
  bool recorded = false;                     // its line has been seen
  std::array<Fingerprint, Fields> fields{};  // kFromFirst, then the data table (steps: the data table)
};

using JobTrack = Track<manifests::kFromFirst.size() + manifests::kJobData.size()>;
struct StepTrack : Track<manifests::kStepData.size()> {
  std::uint32_t attempts = 0;
  Fingerprint attempts_chain;  // over the data of each attempt, in order
  bool last_attempt_succeeded = false;
};
struct RunTrack : Track<manifests::kFromFirst.size() + manifests::kRunData.size()> {
  Fingerprint replay;
  std::map<std::string, StepTrack, std::less<>> steps;
};

// Folds one more attempt into a chain: history and record must give the same.
Fingerprint chain_attempt(const Fingerprint& chain, std::string_view data);

using UuidKey = std::array<char, 16>;
std::optional<UuidKey> uuid_key(std::string_view text);
struct UuidHash {
  std::size_t operator()(const UuidKey& key) const {
    return std::hash<std::string_view>{}({key.data(), key.size()});
  }
};

class HistoryIndex {
 public:
  // `whole`: the window begins with the log, so nothing can have begun before it.
  explicit HistoryIndex(bool whole) : whole_(whole) {}

  Result<void> add(const manifests::EventView& event);  // kAuditCrossCheck with the reason

  bool whole() const { return whole_; }
  std::unordered_map<UuidKey, JobTrack, UuidHash> jobs;
  std::unordered_map<UuidKey, RunTrack, UuidHash> runs;

 private:
  Result<void> add_step(const manifests::EventView& event, RunTrack& run, std::string_view step);
  bool whole_;
};

}  // namespace airlock::audit
