#include "runner/endpoints.h"

#include "ledger/airgap.h"

namespace airlock::runner {

Result<std::vector<sandbox::NetworkGrant>> grants_of(const ledger::Reader& reader, const TenantId& tenant, const PlannedStep& step, const NetworkRules& rules) {
  std::vector<sandbox::NetworkGrant> grants;
  if (step.network.empty()) return grants;
  const std::string who = "step " + step.id.str();
  if (const auto seal = TRY(ledger::seal_state(reader, tenant)); seal && seal->sealed)
    return fail(Code::kSealedNetwork, who + " declares " + step.network.front());
  for (const std::string& text : step.network) {
    const auto endpoint = TRY(manifests::Endpoint::parse(text, who + ", network"));
    std::optional<IpAddress> address;
    for (const manifests::AllowRule& rule : rules)
      if (!address) address = rule.allows(endpoint);
    if (!address) return fail(Code::kSpecNetwork, who + " declares " + text);
    grants.push_back({*address, endpoint.port(), endpoint.name()});
  }
  return grants;
}

Result<void> check_endpoints(const ledger::Reader& reader, const TenantId& tenant, const Plan& plan, const NetworkRules& rules) {
  for (const PlannedStep& step : plan.steps) TRY(grants_of(reader, tenant, step, rules));
  return {};
}

}  // namespace airlock::runner
