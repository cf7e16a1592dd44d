// ledger/governance: incidents, approvals, throttles, quotas and dead letters, as lists for people and exports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace airlock::ledger {

struct IncidentRow {
  std::string id;                        // "incident:<n>" is its subject, n the seq that opened it
  std::string code;                      // dead_letter, stale, breaker_open ...
  std::string state;                     // open | acknowledged | resolved
  std::string subject;                   // what it is about: "job:<id>"
  std::string detail;
  std::uint64_t opened_seq = 0;
  Instant opened_at = Instant::from_millis(0);
};

struct ApprovalRow {
  RunId run;
  StepId gate;
  std::string state;                     // pending | approved | rejected | expired
  Digest plan_hash;
  Json decisions = Json::array();
  std::uint64_t requested_seq = 0;
  Instant requested_at = Instant::from_millis(0);
};

// A throttle, quota, breaker or pause as it stands: scope "source:x", "type:y", "tenant"; body as its event's `after`.
struct GovernanceRow {
  std::string scope, kind;
  Json body = Json::object();
  std::uint64_t changed_seq = 0;
  Instant changed_at = Instant::from_millis(0);
};

struct DeadLetterRow {
  JobId job;
  std::string reason;
  std::uint64_t seq = 0;
  Instant at = Instant::from_millis(0);
};

// incident.opened; gives the incident's id.
Result<std::string> open_incident(Tx& tx, const TenantId& tenant, const std::string& code, const std::string& about,
                                  const std::string& detail, const Who& who);

Result<std::vector<IncidentRow>> list_incidents(const Reader& reader, const TenantId& tenant);     // by opened_seq
Result<std::vector<ApprovalRow>> list_approvals(const Reader& reader, const TenantId& tenant);     // by requested_seq
Result<std::vector<GovernanceRow>> list_throttles(const Reader& reader, const TenantId& tenant);   // by scope, kind
Result<std::vector<GovernanceRow>> list_quotas(const Reader& reader, const TenantId& tenant);      // by scope, kind
Result<std::vector<DeadLetterRow>> list_dead_letters(const Reader& reader, const TenantId& tenant);  // by seq

}  // namespace airlock::ledger
