// bundle/layout: which paths a bundle may hold, what they mean, and in which order they come. Pure.
//
// Order: manifest.dsse.json, trust/, time/, delta/, dags/, plugins/, data/, sbom.cdx.json; within each by path bytes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/semver.h"
#include "manifests/bundle.h"
#include "manifests/plugin.h"

namespace airlock::bundle {

// The place of a path's group in the archive; nullopt when no bundle may hold it. The manifest itself is 0.
std::optional<int> group_of(std::string_view path);

// Do `a` and `b`, both of some group, stand in this order?
bool in_order(std::string_view a, std::string_view b);

// Whether the manifest may list it: of some group, neither the manifest itself nor a patch. Patches are no members; they
// are what members of a delta kit are made from, and base.patches speaks for them.
bool may_be_listed(std::string_view path);
bool is_patch(std::string_view path);

struct DagPath {
  DagId dag;
  SemVer version;
};
// dags/<id>/<version>.json; kManifestInvalid for anything else below dags/.
Result<DagPath> parse_dag_path(std::string_view path);
std::string dag_path(const DagId& dag, const SemVer& version);

struct PluginPath {
  manifests::PluginRef plugin;
  std::string inner;  // below the plugin's folder
};
// plugins/<name>/<version>/<inner>; kManifestInvalid for anything else below plugins/.
Result<PluginPath> parse_plugin_path(std::string_view path);

// Members that the manifest need not list, since it cannot: they speak about it (trust/targets.json names its digest, a
// time stamp has its imprint). trust/NAME.json, time/anchor.json, time/NAME.tsr, time/NAME.roughtime.
bool may_be_unlisted(std::string_view path);
using SideFiles = std::map<std::string, std::string>;  // such members: path -> bytes. They vouch for themselves

inline constexpr std::string_view kPluginFile = "plugin.json";

// Every entry in its place, and nothing in a place of this version's format is of another form: kManifestInvalid.
Result<void> check_layout(const manifests::BundleManifest& manifest);

}  // namespace airlock::bundle
