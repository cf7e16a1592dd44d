// bundle/freshness: how old the content of a tenant's bundles is, by category, and which categories a DAG needs.
//
// The categories of a bundle are those its manifest gives a budget ("anchor" aside, which is the anchor's own), and
// "advisories" and "mirrors" where it has members below data/<category>/. Their age counts from the bundle's time anchor.
// An input below data/<category>/ needs that category; any other input of the bundle needs every category of it that has
// no folder of its own, since nobody can say which of them it belongs to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "ledger/ledger.h"
#include "manifests/bundle.h"
#include "manifests/dag.h"
#include "verify/time/trusted_time.h"

namespace airlock::bundle {

struct ContentAge {
  BundleId bundle;
  std::uint64_t generation = 0;
  verify::Staleness staleness;
};

// Category -> budget, as above. Pure.
std::map<std::string, manifests::StalenessBudget> categories_of(const manifests::BundleManifest& manifest);

// Of every active bundle, sorted by bundle and category.
Result<std::vector<ContentAge>> content_ages(const ledger::Reader& reader, const TenantId& tenant, Instant now);
// Of what this DAG's steps read, the same order.
Result<std::vector<ContentAge>> needed_ages(const ledger::Reader& reader, const TenantId& tenant, const manifests::DagSpec& dag,
                                            Instant now);

// The tenant's newest anchor against its budget: the smallest one that an active bundle's manifest gives, else the default.
Result<verify::Staleness> anchor_age(const ledger::Reader& reader, const TenantId& tenant, Instant now);

struct FreshnessRules {
  bool sealed = false;              // then content without an anchor is refused, too
  std::set<std::string> overrides;  // categories that somebody answers for
};
// kStale with the category as suffix for the first that may not be used. Gives the overrides that were needed.
Result<std::set<std::string>> check_fresh(const std::vector<ContentAge>& needed, const FreshnessRules& rules);

}  // namespace airlock::bundle
