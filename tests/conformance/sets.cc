#include "sets.h"

#include <utility>

namespace airlock::conformance {

RunCase runner_of(std::string_view set) {
  static constexpr std::pair<std::string_view, RunCase> kSets[] = {
      {"dsse", run_dsse},
      {"json-canonical", run_json_canonical},
      {"json-parsing", run_json_parsing},
      {"keys", run_keys},
      {"merkle", run_merkle},
      {"oci-layout", run_oci_layout},
      {"payload", run_payload},
      {"rfc3161", run_rfc3161},
      {"roughtime", run_roughtime},
      {"sigstore-bundle", run_sigstore_bundle},
      {"tar", run_tar},
      {"tlog-note", run_tlog_note},
      {"trace-context", run_trace_context},
      {"tuf", run_tuf},
      {"workflows", run_workflows},
      {"wycheproof", run_wycheproof},
      {"zstd", run_zstd},
  };
  for (const auto& [name, run] : kSets)
    if (name == set) return run;
  return nullptr;
}

}  // namespace airlock::conformance
