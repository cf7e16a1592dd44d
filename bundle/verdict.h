// bundle/verdict: what was looked at, what was seen, and how it ended. The evidence of an import.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"

namespace airlock::bundle {

// The checks of the bundle format page that this version performs, by number: 1 plan, 2 archive, 3 signature, tenant,
// 4 tuf and 6 rotation (where a TUF repository speaks for the bundle), 5 base (of a delta kit), members and sigstore (where the site has rules on members), 7 generation, 8 time, 9 specs. A verdict names only
// what was done.
inline constexpr std::string_view kCheckPlan = "plan", kCheckArchive = "archive", kCheckSignature = "signature", kCheckManifest = "manifest",
                                  kCheckTenant = "tenant", kCheckMembers = "members", kCheckGeneration = "generation", kCheckSpecs = "specs",
                                  kCheckTuf = "tuf", kCheckRotation = "rotation", kCheckTime = "time", kCheckSigstore = "sigstore",
                                  kCheckBase = "base";

struct Check {
  std::string name;
  bool ok = false;
  std::string seen;  // one line for people: "2 of 2 keys: 3f2a..., 91bc..."
};

struct Verdict {
  std::vector<Check> checks;            // in the order they were made; a refusal is the last one
  std::optional<Error> refusal;         // absent = accepted
  std::string file;                     // last component of the path, as given
  std::uint64_t file_bytes = 0;
  // Known once the signature has been verified; until then nothing in the file is believed.
  std::optional<std::string> bundle_id, version;
  std::optional<std::uint64_t> generation;
  std::optional<Digest> manifest_sha256;
  bool activated = false;

  bool accepted() const { return !refusal; }
  // {accepted, code?, message?, remedy?, checks: [{name, ok, seen}], bundleId?, version?, generation?, manifestSha256?, file,
  //  fileBytes, activated}: the `data` of a bundle.* history event.
  Json to_json() const;
};

}  // namespace airlock::bundle
