// bundle/build_plan: a folder read into the list of what goes into a bundle. Reads names, descriptor and specs; the
// bytes of data and plugins are only hashed.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "bundle/build.h"
#include "manifests/bundle.h"

namespace airlock::bundle {

struct PlannedFile {
  std::string path;                  // in the bundle
  std::string source;                // on disk; empty when `content` is it (DAGs in canonical form)
  std::string content;
};

struct BuildPlan {
  manifests::BundleManifest manifest;  // entries complete
  std::vector<PlannedFile> files;      // in archive order (bundle/layout.h)
  SideFiles side_files;                // of the folder; not among entries and files
};

// Errors as build_bundle.
Result<BuildPlan> plan_build(const BuildRequest& request);

}  // namespace airlock::bundle
