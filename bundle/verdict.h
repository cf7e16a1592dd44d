// bundle/verdict: what was looked at, what was seen, and how it ended. The evidence of an import.
#pragma once

#include <cstdint>
#include <functional>
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

// What a check saw: a line for people, and the same in parts for programs.
//
//   plan        {validUntil}                                  signature   {keyIds, threshold}
//   tenant      {tenants}                                     space       {bytesNeeded, filesNeeded, bytesFree, filesFree?}
//   tuf         {repository, root, newRoots, timestamp, timestampExpires, snapshot, role, target}
//   base        {bundleId, generation, manifestSha256}        archive     {fileBytes, unpackedBytes}
//   members     {listed, carried, bytes, patched, inBase}, or {listed: null} when they were not read again
//   generation  {generation, version, step: first|newer|already-active|forced}
//   time        {trustedNow, anchoredAt?, vouchedBy?, ages?: [{category, state, secondsRemaining}]}
//   specs       {dags, plugins}                               rotation, sigstore  none
struct Seen {
  Seen(std::string line) : text(std::move(line)) {}  // NOLINT: a line is something seen
  Seen(const char* line) : text(line) {}             // NOLINT
  Seen(std::string line, Json parts) : text(std::move(line)), facts(std::move(parts)) {}
  std::string text;  // "2 trusted keys signed, 2 needed: 3f2a..., 91bc..."
  Json facts = Json::object();
};

struct Check {
  std::string name;
  bool ok = false;
  Seen seen;  // of a refusal: what was wrong
};

using CheckObserver = std::function<void(const Check&)>;  // told each check as it ends; may be empty

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
  // {accepted, code?, message?, remedy?, checks: [{name, ok, seen, facts?}], bundleId?, version?, generation?, manifestSha256?, file,
  //  fileBytes, activated}: the `data` of a bundle.* history event.
  Json to_json() const;
};

}  // namespace airlock::bundle
