#include "sets.h"

#include <utility>

namespace airlock::conformance {

RunCase runner_of(std::string_view set) {
  static constexpr std::pair<std::string_view, RunCase> kSets[] = {
      {"json-canonical", run_json_canonical},
      {"json-parsing", run_json_parsing},
      {"merkle", run_merkle},
      {"oci-layout", run_oci_layout},
      {"payload", run_payload},
      {"tar", run_tar},
      {"trace-context", run_trace_context},
      {"workflows", run_workflows},
      {"zstd", run_zstd},
  };
  for (const auto& [name, run] : kSets)
    if (name == set) return run;
  return nullptr;
}

}  // namespace airlock::conformance
