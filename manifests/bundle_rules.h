// manifests/bundle_rules: what makes a bundle manifest well formed; the same for one that was read and one to be written.
#pragma once

#include "manifests/bundle.h"

namespace airlock::manifests {

// kManifestInvalid with the place, kTooLarge with the limit. Expects entries in the order they are written.
Result<void> check_bundle_rules(const BundleManifest& manifest, const Limits& limits);

}  // namespace airlock::manifests
