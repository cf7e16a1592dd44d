// bundle/specs: check 9 of the format page: DAG specs and plugin descriptors parse, and refer only to what the bundle
// or the tenant's active bundles hold. Judged once every member has been proven.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "ledger/catalog.h"
#include "manifests/bundle.h"
#include "manifests/dag.h"
#include "manifests/plugin.h"

namespace airlock::bundle {

// What else the tenant holds.
class SpecCatalog {
 public:
  virtual ~SpecCatalog() = default;
  // nullopt: no active bundle other than `except` has it.
  virtual Result<std::optional<manifests::PluginDescriptor>> plugin(const manifests::PluginRef& ref, const BundleId& except) = 0;
  // Whether that bundle is active and has a member or folder of this name ("" = anything).
  virtual Result<bool> holds(const BundleId& bundle, const std::string& path) = 0;
};

class SpecSet {
 public:
  // Whether a member of this path is to be read whole and given to add().
  static bool wants(std::string_view path);
  Result<void> add(const std::string& path, std::string bytes, const Limits& limits);

  struct Summary {
    std::size_t dags = 0, plugins = 0;
  };
  // `catalog` null: references to what the bundle itself does not hold are let through.
  // kSpec*, kField, kTenantMismatch (a DAG of another tenant), each with the member's path.
  Result<Summary> check(const manifests::BundleManifest& manifest, const std::optional<TenantId>& tenant,
                        SpecCatalog* catalog) const;
  Result<std::vector<ledger::NewDag>> take_dags();  // sorted by path
  // Of the OCI image layouts that are root file systems of plugins: path in the bundle -> the plugin.json that says so.
  std::map<std::string, std::string> rootfs_paths() const;

 private:
  struct Dag {
    manifests::DagSpec spec;
    std::string bytes;
  };
  Result<void> check_plugin(const manifests::BundleManifest& manifest, const std::string& path,
                            const manifests::PluginDescriptor& plugin) const;
  Result<void> check_dag(const manifests::BundleManifest& manifest, const manifests::DagSpec& dag, SpecCatalog* catalog) const;
  Result<void> check_data(const manifests::BundleManifest& manifest, const manifests::StepSpec& step, SpecCatalog* catalog) const;

  std::map<std::string, Dag> dags_;                             // by member path
  std::map<std::string, manifests::PluginDescriptor> plugins_;  // by member path of plugin.json
};

}  // namespace airlock::bundle
