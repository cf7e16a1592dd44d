// manifests/cyclonedx: is a JSON document a CycloneDX bill of materials (https://cyclonedx.org, ECMA-424), versions 1.2 to 1.6?
// Pure. `sbom.cdx.json` of a bundle is checked so before it is built in.
//
// Checked is what has one right form and what readers act on: the head, components (with their pedigree and assemblies),
// services, licences with SPDX identifiers, hashes, issues, attached texts, properties, time stamps. Fields that this list
// does not know are passed over: a document may say more than we read.
#pragma once

#include "base/json.h"
#include "base/result.h"

namespace airlock::manifests {

// kSbom, with the path of the field ("components[3].hashes[0].content").
Result<void> check_cyclonedx(const Json& document);

}  // namespace airlock::manifests
