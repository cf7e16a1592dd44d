// manifests/bundle: the bundle manifest as a type, and the in-toto statement that carries it. Bytes in, value out:
// nothing here verifies a signature (verify/bundle_manifest.h does) or touches a file. Format: docs/formats.md, "Bundle".
//
// Statement v1: {"_type", "subject": [{name, digest: {sha256}}], "predicateType", "predicate"}. Its subjects and the
// predicate's entries are the same list, sorted by the bytes of the path, every entry of the archive but the manifest.
// Merkle root: RFC 6962 head, one leaf an entry = its canonical JSON {mediaType, mode, path, sha256, size}.
// checksumsSha256: SHA-256 of "HEX SP SP PATH LF" of every entry, as `sha256sum` writes it.
//
// Memory: a parsed entry takes about 250 bytes and its path; parsing adds 48 bytes an entry and no document tree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/semver.h"
#include "base/time.h"

namespace airlock::manifests {

inline constexpr std::string_view kManifestPath = "manifest.dsse.json";
inline constexpr std::string_view kStatementPayloadType = "application/vnd.in-toto+json";
inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kBundlePredicateType = "urn:airlock:predicate:bundle:v1";

enum class BundleKind { kOfflineKit, kDagPack, kData, kState };
std::string_view to_string(BundleKind kind);  // "offline-kit", "dag-pack", "data", "state"
Result<BundleKind> parse_bundle_kind(std::string_view text);

struct BundleEntry {
  std::string path;         // passes safe_path(), not kManifestPath
  Digest sha256;
  std::uint64_t size = 0;   // bytes
  bool executable = false;  // written as mode "0755", else "0644"
  std::string media_type;   // "application/json"
  friend bool operator==(const BundleEntry&, const BundleEntry&) = default;
};

// A member that a delta kit carries as what changed (archive/patch.h), in the archive as kPatchFolder + <sha256> + ".zst".
struct BundlePatch {
  Digest sha256;                  // of the whole member that comes out
  Digest from;                    // of the base's member that it is made from
  Digest patch_sha256;            // of the patch itself
  std::uint64_t patch_bytes = 0;
  std::string path() const;       // in the archive
  friend bool operator==(const BundlePatch&, const BundlePatch&) = default;
};
inline constexpr std::string_view kPatchFolder = "delta/";

// The bundle that a delta kit builds on. Members unchanged since then are listed, but may be absent from the archive.
struct BundleBase {
  BundleId bundle_id;
  std::uint64_t generation = 0;
  Digest manifest_sha256;         // of the base's manifest.dsse.json payload
  std::vector<BundlePatch> patches = {};  // sorted by sha256, each of a listed entry, no two alike
  const BundlePatch* find(const Digest& sha256) const;  // nullptr when there is none; O(log n)
  friend bool operator==(const BundleBase&, const BundleBase&) = default;
};

// Staleness budget of one content category, whole seconds, 0 < warn <= breach. Written {"warn": N, "breach": N}.
struct StalenessBudget {
  std::uint64_t warn_seconds = 0, breach_seconds = 0;
  friend bool operator==(const StalenessBudget&, const StalenessBudget&) = default;
};

struct BundleManifest {
  BundleId bundle_id;
  BundleKind kind;
  SemVer version;
  std::uint64_t generation;
  Instant created_at;
  std::string producer;                            // free text, no control characters, at most 1024 bytes
  std::vector<std::string> tenants;                // {"*"} alone, or tenant ids, sorted; never empty
  std::vector<BundleEntry> entries;                // sorted by path bytes; no two collide (base/path.h)
  std::optional<BundleBase> base;
  std::map<std::string, StalenessBudget> budgets;  // category (a slug) -> budget

  bool for_tenant(const TenantId& tenant) const;
  const BundleEntry* find(std::string_view path) const;  // nullptr when not listed; O(log n)
};

// Also compares the version's text: SemVer's own == ignores build metadata.
bool operator==(const BundleManifest& a, const BundleManifest& b);

std::string canonical_entry(const BundleEntry& entry);  // the leaf: canonical JSON
Digest entries_merkle_root(const std::vector<BundleEntry>& entries);
Digest entries_checksums(const std::vector<BundleEntry>& entries);

// kStatement: not an in-toto statement with the bundle predicate. kManifestInvalid: not strict JSON, or anything in it
// breaks the rules, with the place ("predicate.entries[3].path: ..."). kMerkleRoot, kMerkleChecksums: it contradicts
// itself. kTooLarge: over a limit. Fields that are not in the format are refused.
Result<BundleManifest> parse_bundle_statement(std::string_view payload, const Limits& limits = {});

// Canonical bytes of the statement; subjects, Merkle root and checksums are computed. Sorts entries, tenants, patches.
// Refuses with kManifestInvalid (or kTooLarge) what parse_bundle_statement would refuse.
Result<std::string> write_bundle_statement(BundleManifest manifest, const Limits& limits = {});

}  // namespace airlock::manifests
