// conformance/sets: which function runs the cases of which set. One file a set; each dispatches on the fields that the
// set's `about` describes, never on the name of a case.
#pragma once

#include <string_view>

#include "isolate.h"

namespace airlock::conformance {

void run_dsse(const Case& c, Report& report);
void run_json_canonical(const Case& c, Report& report);
void run_json_parsing(const Case& c, Report& report);
void run_keys(const Case& c, Report& report);
void run_merkle(const Case& c, Report& report);
void run_oci_layout(const Case& c, Report& report);
void run_payload(const Case& c, Report& report);
void run_rfc3161(const Case& c, Report& report);
void run_roughtime(const Case& c, Report& report);
void run_sigstore_bundle(const Case& c, Report& report);
void run_tar(const Case& c, Report& report);
void run_tlog_note(const Case& c, Report& report);
void run_trace_context(const Case& c, Report& report);
void run_tuf(const Case& c, Report& report);
void run_workflows(const Case& c, Report& report);
void run_wycheproof(const Case& c, Report& report);
void run_zstd(const Case& c, Report& report);

// nullptr: no such set is known.
RunCase runner_of(std::string_view set);

}  // namespace airlock::conformance
