// cli/time_proofs: time proofs as files and options: what `airlock time` verifies, and what it makes anchors of.
#pragma once

#include <string>
#include <vector>

#include "cli/shell.h"
#include "manifests/time_roots.h"
#include "verify/time/anchor.h"

namespace airlock::cli {

struct ProofOptions {
  std::vector<std::string> tsa, certificates, roughtime;  // PEM files, PEM files, NAME=BASE64
  std::string data, imprint, query, request, at;
};
void add_root_options(CLI::App& command, ProofOptions& options);     // --tsa, --certs, --roughtime-key
void add_subject_options(CLI::App& command, ProofOptions& options);  // --data, --imprint, --query, --request, --at

Result<manifests::TimeRoots> roots_of(const ProofOptions& options);  // of the options alone
// Those of the options, or, when there are none, the site's; kTimeRootsRequired when there are none either.
Result<verify::TimeAuthorities> authorities_for(const Shell& shell, const ProofOptions& options);

struct ProofSeen {
  Json json;
  std::string text;
};
// A report by its first byte '{'; a Roughtime answer when --request is given; else a token. kUsage when the options do not
// say what it must be about.
Result<ProofSeen> verify_proof_file(const std::string& file, const ProofOptions& options, const verify::TimeAuthorities& authorities);

struct AnchorFiles {
  std::string anchor, proof, proof_name, vouched_by;
};
Result<AnchorFiles> make_anchor(const std::string& file, const ProofOptions& options, std::string_view payload,
                                const verify::TimeAuthorities& authorities);

}  // namespace airlock::cli
