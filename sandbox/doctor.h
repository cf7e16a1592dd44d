// sandbox/doctor: what `airlock doctor` says of a host beyond its layers, and how it says all of it.
#pragma once

#include <string>

#include "base/json.h"
#include "sandbox/sandbox.h"

namespace airlock::sandbox {

// Whether steps can be given endpoints here: starts one that connects to the runner's own loopback. No layer: where it
// does not hold, steps that declare endpoints are refused, and all others run.
struct EndpointStatus {
  bool ok = false;
  std::string detail, remedy;
};
EndpointStatus probe_endpoints(const Host& host);

// For `airlock doctor`: {"ok": bool, "summary": text, "profile": digest, "layers": [{name, ok, detail, remedy?}],
// "endpoints": {ok, detail, remedy?}}. `ok` is of the layers.
Json doctor_json(const Host& host, const EndpointStatus& endpoints);

}  // namespace airlock::sandbox
