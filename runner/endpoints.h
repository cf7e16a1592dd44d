// runner/endpoints: where a planned step may connect to, at this site and at this moment.
//
// What the DAG declares, which the plugin's ceiling has room for (planning saw to that), as far as the site's list allows
// it (manifests/endpoint.h) and the tenant is not sealed. Asked before a run starts, for all of its steps, and again when
// one of them does.
#pragma once

#include <vector>

#include "ledger/ledger.h"
#include "manifests/endpoint.h"
#include "runner/plan.h"
#include "sandbox/network.h"

namespace airlock::runner {

using NetworkRules = std::vector<manifests::AllowRule>;  // none: nothing is allowed

// kSealedNetwork; kSpecNetwork names the endpoint that no rule allows.
Result<std::vector<sandbox::NetworkGrant>> grants_of(const ledger::Reader& reader, const TenantId& tenant, const PlannedStep& step, const NetworkRules& rules);
Result<void> check_endpoints(const ledger::Reader& reader, const TenantId& tenant, const Plan& plan, const NetworkRules& rules);

}  // namespace airlock::runner
