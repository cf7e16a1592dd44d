// manifests/audit: what an audit bundle's files are called and mean; shared by the side that writes and the
// side that checks, and nothing else is. Pure: bytes in, values out. Format: docs/formats.md, "Audit bundle".
//
// Every file but manifest.json and the signature envelope ends in LF. A line's digest is the RFC 6962 leaf
// hash of its bytes without the LF, so that the leaf of a history line is the leaf of the tenant's log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace airlock::manifests {

inline constexpr std::string_view kAuditPredicateType = "urn:airlock:predicate:audit:v1";

namespace audit_path {
inline constexpr std::string_view kSignatures = "signatures/manifest.dsse.json";
inline constexpr std::string_view kManifest = "manifest.json";
inline constexpr std::string_view kReadme = "README.txt";
inline constexpr std::string_view kCheckpoint = "proofs/checkpoint";
inline constexpr std::string_view kConsistency = "proofs/consistency.json";
inline constexpr std::string_view kCompactRange = "proofs/compact-range.json";
inline constexpr std::string_view kHistory = "history.jsonl";
inline constexpr std::string_view kJobs = "jobs.jsonl";
inline constexpr std::string_view kRuns = "runs.jsonl";
inline constexpr std::string_view kThrottles = "throttles.jsonl";
inline constexpr std::string_view kIncidents = "incidents.jsonl";
inline constexpr std::string_view kApprovals = "approvals.jsonl";
inline constexpr std::string_view kBundles = "bundles.jsonl";
inline constexpr std::string_view kReplayFolder = "replay/";
inline constexpr std::string_view kSchemaFolder = "schemas/";
inline constexpr std::string_view kLineFolder = "proofs/lines/";  // one FILE.txt for each .jsonl file
}  // namespace audit_path

// Files that are one selection of history.jsonl: the very lines whose kind is of that family, in the same
// order. nullopt: the event stands in history.jsonl only.
std::optional<std::string_view> audit_selection(std::string_view kind);
inline constexpr std::string_view kAuditSelections[] = {audit_path::kThrottles, audit_path::kIncidents,
                                                        audit_path::kApprovals, audit_path::kBundles};

// What every audit bundle must list, sorted.
std::vector<std::string> audit_required_files();

// Position of a file in the archive: first what is needed to judge the rest, then history before what follows
// from it. Files of equal rank stand in byte order of their paths.
int audit_rank(std::string_view path);
bool audit_path_less(std::string_view a, std::string_view b);  // by rank, then bytes

struct AuditFile {
  std::string path;
  Digest sha256;
  std::uint64_t size = 0;  // bytes
  std::uint64_t lines = 0;
  Digest line_root;  // RFC 6962 tree head over the lines
};

struct AuditTree {
  std::uint64_t size = 0;
  Digest root;
};

struct AuditManifest {
  std::string instance;  // first 16 hex digits of the site's key id
  TenantId tenant;
  std::uint64_t from_seq = 0;         // first event of the window
  std::uint64_t to_seq = 0;           // one past the last; the checkpoint's tree size
  std::optional<Instant> as_of;       // time of the last event before to_seq; absent when the log is empty
  Digest root;                        // tree head at to_seq
  std::optional<AuditTree> previous;  // what the export given with --previous committed to
  std::string tool_version;
  std::vector<AuditFile> files;  // every file but manifest.json and signatures/, sorted by path bytes
};

std::string write_audit_manifest(const AuditManifest& manifest);     // canonical JSON, no LF
Result<AuditManifest> parse_audit_manifest(std::string_view bytes);  // kAuditManifest; canonical form only

// The in-toto statement that the envelope carries: subjects are manifest.json and every file it lists.
std::string write_audit_statement(const AuditManifest& manifest, const Digest& manifest_sha256);

struct AuditSubject {
  std::string path;
  Digest sha256;
};
Result<std::vector<AuditSubject>> parse_audit_statement(std::string_view payload);  // kAuditManifest

// proofs/lines/FILE.txt holds, for each line of FILE, the first eight hex digits of its digest, sixteen to a
// line. It proves nothing (the tree head does); it lets a reader of a damaged file say which line is the
// damaged one.
std::string line_digest_path(std::string_view file);
std::string line_digest_text(const Digest& leaf);  // the eight digits
inline constexpr std::size_t kLineDigestDigits = 8, kLineDigestsPerLine = 16;

// proofs/compact-range.json: the left edge of the window's tree, {size, nodes: [hex]}.
std::string write_compact_range(std::uint64_t size, const std::vector<Digest>& nodes);
// proofs/consistency.json: {treeSize, previous?: {size, root}, proof: [hex]}.
struct ConsistencyDocument {
  std::uint64_t tree_size = 0;
  std::optional<AuditTree> previous;
  std::vector<Digest> proof;
};
std::string write_consistency(const ConsistencyDocument& document);
Result<ConsistencyDocument> parse_consistency(std::string_view bytes);  // kAuditManifest
struct CompactRangeDocument {
  std::uint64_t size = 0;
  std::vector<Digest> nodes;
};
Result<CompactRangeDocument> parse_compact_range(std::string_view bytes);  // kAuditManifest

// A person's change to how the site works: needs actor, reason and ticket. What the program does by itself
// (actor "system" or "system:...") needs actor and reason.
bool is_governance(std::string_view kind);

}  // namespace airlock::manifests
