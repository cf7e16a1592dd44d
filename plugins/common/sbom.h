// plugins/common/sbom: CycloneDX and SPDX documents (JSON) reduced to their components.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace airlock::plugin {

struct Component {
  std::string name;
  std::string version;             // as the component states it; empty when it does not
  std::vector<std::string> purls;  // most have one; SPDX packages may have several
};

struct Sbom {
  std::string format;   // "CycloneDX 1.6", "SPDX-2.3"
  std::string serial;   // serialNumber or documentNamespace; empty when there is none
  std::string name;     // what the document describes
  std::string product;  // purl of what it describes; empty when it states none
  std::vector<Component> components;  // nested ones too, and the described product itself when it is one
};

// Tells the two formats apart by their own marker field. Not a schema validator: only what is read here must have its
// type, the rest is left alone.
Result<Sbom> parse_sbom(const Json& value, std::string_view what);

}  // namespace airlock::plugin
