// ledger/project: what one event changes in the projections. The only code that writes them: Tx::append() calls it for
// a new event, ledger/check replays old ones through it into an empty database.
//
// kField: the event lacks what its kind needs. kLedger: the projections do not hold what the event starts from.
#pragma once

#include "ledger/event.h"
#include "ledger/sqlite.h"

namespace airlock::ledger {

Result<void> project(sql::Connection& db, const Event& event);

// One function a family of kinds; each refuses a kind it does not know.
Result<void> project_job(sql::Connection& db, const Event& event);
Result<void> project_run(sql::Connection& db, const Event& event);
Result<void> project_step(sql::Connection& db, const Event& event);
Result<void> project_bundle(sql::Connection& db, const Event& event);
Result<void> project_incident(sql::Connection& db, const Event& event);
Result<void> project_approval(sql::Connection& db, const Event& event);
Result<void> project_rule(sql::Connection& db, const Event& event);      // quota.changed, throttle.changed
Result<void> project_airgap(sql::Connection& db, const Event& event);    // airgap.sealed, airgap.unsealed
Result<void> project_time(sql::Connection& db, const Event& event);      // time.anchored, time.reset, time.stale_override

// Helpers of the families.
std::unexpected<Error> unknown_kind(const Event& event);
// kLedger unless exactly one row was changed: "job.running job:<id>: no such row in leases".
Result<void> one_row(std::int64_t changed, const Event& event, std::string_view table);
std::string generation_text(std::uint64_t generation);       // 20 digits
Result<std::uint64_t> parse_generation(std::string_view text);

}  // namespace airlock::ledger
