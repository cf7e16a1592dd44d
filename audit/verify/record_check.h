// audit/verify/record_check: holds the lines of jobs.jsonl, runs.jsonl and replay/ against the index of the
// history.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "audit/verify/findings.h"
#include "audit/verify/history_index.h"
#include "base/digest.h"
#include "manifests/audit_line.h"

namespace airlock::audit {

class RecordCheck {
 public:
  RecordCheck(HistoryIndex& index, std::string tenant, Findings& findings)
      : index_(index), tenant_(std::move(tenant)), findings_(findings) {}

  // One line each, in file order. Shape goes to canonical-form, sorting to order, all else to cross-checks.
  void job(const manifests::LineValue& line, std::uint64_t number);
  void run(const manifests::LineValue& line, std::uint64_t number);
  void finish_jobs();  // every job with an event has a line
  void finish_runs();

  // The replay files that runs.jsonl calls for, by path, with the digest that each must have.
  const std::map<std::string, Digest, std::less<>>& replays() const { return replays_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t attempts() const { return attempts_; }
  std::uint64_t begun_before() const {
    return begun_before_;
  }  // records whose beginning lies before the window

 private:
  Result<void> check_job(const manifests::LineValue& line);
  Result<void> check_run(const manifests::LineValue& line);
  Result<void> check_steps(const manifests::LineValue& steps, RunTrack& run);
  Result<void> require_sorted(std::string& previous, std::string key);
  void report(std::string_view file, std::uint64_t number, const Error& error);

  HistoryIndex& index_;
  std::string tenant_;
  Findings& findings_;
  std::string previous_job_, previous_run_;  // sort keys
  std::map<std::string, Digest, std::less<>> replays_;
  std::uint64_t steps_ = 0, attempts_ = 0, begun_before_ = 0;
};

}  // namespace airlock::audit
