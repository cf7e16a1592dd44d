// bundle/build: a folder becomes a signed bundle file. Deterministic: same folder, same createdAt, same keys, same bytes.
//
// DIR/bundle.json   {bundleId, kind, version, generation, producer, tenants, createdAt?, budgets?, mediaTypes?}
//                   tenants: names or ["*"]; budgets: {category: {warn, breach}} seconds; mediaTypes: {".json" or
//                   "data/exact/path": type}, on top of the defaults by suffix
// DIR/dags/*        authored DAGs, YAML or JSON, any file name: packed as dags/<id>/<version>.json, canonical
// DIR/plugins/<name>/<version>/**   with a plugin.json each;  DIR/data/**;  DIR/sbom.cdx.json
// DIR/trust/*.json, DIR/time/anchor.json, *.tsr, *.roughtime   stand beside the manifest, unlisted (bundle/layout.h)
// Anything else in DIR, and anything that is not a plain file or folder, is refused by name. Executable = the owner's
// x bit. Files are read twice (hash, then pack); one that changed in between is refused. Memory does not grow with
// the input. The result appears by one rename, next to nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/digest.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/signer.h"
#include "base/time.h"
#include "bundle/layout.h"
#include "manifests/trust_roots.h"

namespace airlock::bundle {

// Makes a delta kit: what an older bundle has is not carried, and large members that changed are carried as what changed
// (bundle/build_delta.h). Sites that hold that bundle can import it.
struct BuildBase {
  std::string file;                          // the older bundle, whole: read to its end and checked
  std::vector<manifests::TrustedKey> keys;   // one of which must have signed it
};

struct BuildRequest {
  std::string folder;
  std::string output;                        // replaced if it exists
  std::span<const Signer* const> signers;    // at least one
  std::optional<Instant> created_at;         // wins over bundle.json; one of the two is needed: kUsage
  std::optional<std::uint64_t> generation = {};  // wins over bundle.json
  int zstd_level = 3;
  Limits limits;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes packed; may be empty
  std::optional<BuildBase> base = {};
  // What goes beside the manifest and speaks about it: asked for when the statement that will be signed is known.
  std::function<Result<SideFiles>(const manifests::BundleManifest& manifest, const std::string& statement)> side_files = {};
};

struct BuiltDelta {
  manifests::BundleBase base;
  std::uint64_t carried = 0, patched = 0, unchanged = 0;  // members; together all of them
  std::uint64_t patch_bytes = 0;
  std::uint64_t saved_bytes = 0;             // of members that are not carried, less those of the patches
};

struct Built {
  std::string bundle_id, version;
  std::uint64_t generation = 0, entries = 0, unpacked_bytes = 0, file_bytes = 0;
  Digest manifest_sha256;                    // of the signed statement
  Digest file_sha256;                        // of the whole file, for people who check a copy
  std::optional<BuiltDelta> delta = {};
};

// Errors name file and field: kField, kSpec*, kArchivePath, kArchiveType, kArchiveDuplicate, kArchiveLimit,
// kArchiveBomb (it would be refused on import: the data is too compressible), kManifestInvalid, kIo... With a base: kField
// when it is another bundle or not an older generation, kDsseThreshold when none of its keys signed it, and whatever is
// wrong with it (kArchive*, kMember*...), with its path.
Result<Built> build_bundle(const BuildRequest& request);

}  // namespace airlock::bundle
