#include "manifests/audit.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/path.h"

namespace airlock::manifests {
namespace {

constexpr std::string_view kSchema = "urn:airlock:audit-manifest:v1";
constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";

struct Family {
  std::string_view prefix;  // of the event's kind
  std::string_view file;    // where its events are selected to; empty: history.jsonl only
  bool governance;
};
constexpr std::array kFamilies = {
    Family{"quota.", audit_path::kThrottles, true},       Family{"throttle.", audit_path::kThrottles, true},
    Family{"breaker.", audit_path::kThrottles, true},     Family{"source.", audit_path::kThrottles, true},
    Family{"maintenance.", audit_path::kThrottles, true}, Family{"blacklist.", audit_path::kThrottles, true},
    Family{"incident.", audit_path::kIncidents, false},   Family{"approval.", audit_path::kApprovals, false},
    Family{"bundle.", audit_path::kBundles, false},
};

const Family* family_of(std::string_view kind) {
  const auto it =
      std::ranges::find_if(kFamilies, [&](const Family& f) { return kind.starts_with(f.prefix); });
  return it == kFamilies.end() ? nullptr : &*it;
}

// How the lines of each file are sorted, as the manifest states it.
struct Ordering {
  std::string_view file, rule;
};
constexpr std::array kOrdering = {
    Ordering{audit_path::kHistory, "seq"},
    Ordering{audit_path::kJobs, "timestamp,jobId"},
    Ordering{audit_path::kRuns, "timestamp,dagId,runId"},
    Ordering{audit_path::kThrottles, "seq"},
    Ordering{audit_path::kIncidents, "seq"},
    Ordering{audit_path::kApprovals, "seq"},
    Ordering{audit_path::kBundles, "seq"},
};

Json ordering_json() {
  Json out = Json::object();
  for (const Ordering& o : kOrdering) out[std::string(o.file)] = o.rule;
  return out;
}

// Every kind of record has version 1.
Json schema_versions_json() {
  Json out = Json::object();
  for (const Ordering& o : kOrdering) out[std::string(o.file)] = 1;
  out["replay"] = 1;
  return out;
}

Json tree_json(const AuditTree& tree) { return {{"root", tree.root.hex()}, {"size", tree.size}}; }

Json digests_json(const std::vector<Digest>& digests) {
  Json out = Json::array();
  for (const Digest& d : digests) out.push_back(d.hex());
  return out;
}

std::unexpected<Error> malformed(std::string_view what, const Error& error) {
  return fail(Code::kAuditManifest, std::string(what) + ": " + describe(error));
}

Result<AuditTree> read_tree(const Json& value, std::string path) {
  ObjectReader reader = TRY(ObjectReader::of(value, std::move(path)));
  const auto size = TRY(reader.uint("size"));
  const auto root = TRY(reader.digest("root"));
  const AuditTree tree{size, root};
  TRY(reader.finish());
  return tree;
}

Result<std::vector<Digest>> read_digests(ObjectReader& reader, std::string_view key) {
  std::vector<Digest> out;
  for (const std::string& hex : TRY(reader.strings_or_empty(key))) out.push_back(TRY(Digest::parse(hex)));
  return out;
}

Result<AuditFile> read_file_entry(const Json& value, std::string path) {
  ObjectReader reader = TRY(ObjectReader::of(value, std::move(path)));
  auto file_path = TRY(reader.string("path"));
  const auto sha256 = TRY(reader.digest("sha256"));
  const auto size = TRY(reader.uint("size"));
  const auto lines = TRY(reader.uint("lines"));
  const auto line_root = TRY(reader.digest("lineDigestRoot"));
  AuditFile file{std::move(file_path), sha256, size,
                 lines, line_root};
  TRY(reader.finish());
  TRY(safe_path(file.path));
  return file;
}

Result<AuditManifest> read_manifest(std::string_view bytes) {
  const Json document = TRY(parse_json(bytes, audit_path::kManifest));
  if (canonical_json(document) != bytes) return fail(Code::kField, "not in canonical form");
  ObjectReader top = TRY(ObjectReader::of(document, ""));
  if (TRY(top.string("schema")) != kSchema)
    return fail(Code::kField, "schema: expected " + std::string(kSchema));
  ObjectReader window = TRY(ObjectReader::of(*TRY(top.object("window")), "window"));
  auto instance = TRY(top.string("instance"));
  auto tenant = TRY(top.id<TenantId>("tenant"));
  const auto from_seq = TRY(window.uint("fromSeq"));
  const auto to_seq = TRY(window.uint("toSeq"));
  auto tool_version = TRY(top.string("toolVersion"));
  AuditManifest m{.instance = std::move(instance),
                  .tenant = std::move(tenant),
                  .from_seq = from_seq,
                  .to_seq = to_seq,
                  .as_of = std::nullopt,
                  .root = Digest::of_empty(),
                  .previous = std::nullopt,
                  .tool_version = std::move(tool_version),
                  .files = {}};
  if (window.has("asOf")) m.as_of = TRY(window.instant("asOf"));
  TRY(window.finish());
  if (m.from_seq > m.to_seq) return fail(Code::kField, "window: fromSeq is after toSeq");
  const AuditTree tree = TRY(read_tree(*TRY(top.object("tree")), "tree"));
  if (tree.size != m.to_seq) return fail(Code::kField, "tree.size is not window.toSeq");
  m.root = tree.root;
  if (const Json* previous = TRY(top.object_or_null("previous")))
    m.previous = TRY(read_tree(*previous, "previous"));
  if (*TRY(top.object("ordering")) != ordering_json())
    return fail(Code::kField, "ordering: not the rule of this version");
  if (*TRY(top.object("schemaVersions")) != schema_versions_json())
    return fail(Code::kField, "schemaVersions: not those of this version");
  const Json& files = *TRY(top.array("files"));
  for (std::size_t i = 0; i < files.size(); ++i) {
    m.files.push_back(TRY(read_file_entry(files[i], "files[" + std::to_string(i) + "]")));
    if (i > 0 && m.files[i - 1].path >= m.files[i].path)
      return fail(Code::kField, "files: not sorted by path");
  }
  TRY(top.finish());
  return m;
}

}  // namespace

std::optional<std::string_view> audit_selection(std::string_view kind) {
  const Family* family = family_of(kind);
  return family == nullptr ? std::nullopt : std::optional(family->file);
}

bool is_governance(std::string_view kind) {
  const Family* family = family_of(kind);
  return family != nullptr && family->governance;
}

std::vector<std::string> audit_required_files() {
  std::vector<std::string> out;
  for (const std::string_view path :
       {audit_path::kReadme, audit_path::kCheckpoint, audit_path::kConsistency, audit_path::kCompactRange})
    out.emplace_back(path);
  for (const Ordering& o : kOrdering) {
    out.emplace_back(o.file);
    out.push_back(line_digest_path(o.file));
  }
  std::ranges::sort(out);
  return out;
}

int audit_rank(std::string_view path) {
  static constexpr std::array kFirst = {audit_path::kSignatures, audit_path::kManifest};
  static constexpr std::array kLast = {audit_path::kHistory, audit_path::kJobs, audit_path::kRuns};
  if (const auto it = std::ranges::find(kFirst, path); it != kFirst.end())
    return static_cast<int>(it - kFirst.begin());
  if (const auto it = std::ranges::find(kLast, path); it != kLast.end())
    return 10 + static_cast<int>(it - kLast.begin());
  return path.ends_with(".jsonl") || path.starts_with(audit_path::kReplayFolder) ? 20 : 5;
}

bool audit_path_less(std::string_view a, std::string_view b) {
  return std::pair(audit_rank(a), a) < std::pair(audit_rank(b), b);
}

std::string write_audit_manifest(const AuditManifest& m) {
  Json files = Json::array();
  for (const AuditFile& f : m.files)
    files.push_back({{"path", f.path},
                     {"sha256", f.sha256.hex()},
                     {"size", f.size},
                     {"lines", f.lines},
                     {"lineDigestRoot", f.line_root.hex()}});
  Json window = {{"fromSeq", m.from_seq}, {"toSeq", m.to_seq}};
  if (m.as_of) window["asOf"] = m.as_of->text();
  Json out = {{"schema", kSchema},
              {"instance", m.instance},
              {"tenant", m.tenant.str()},
              {"window", std::move(window)},
              {"tree", tree_json({m.to_seq, m.root})},
              {"ordering", ordering_json()},
              {"schemaVersions", schema_versions_json()},
              {"toolVersion", m.tool_version},
              {"files", std::move(files)}};
  if (m.previous) out["previous"] = tree_json(*m.previous);
  return canonical_json(out);
}

Result<AuditManifest> parse_audit_manifest(std::string_view bytes) {
  auto manifest = read_manifest(bytes);
  if (!manifest) return malformed(audit_path::kManifest, manifest.error());
  return manifest;
}

std::string write_audit_statement(const AuditManifest& m, const Digest& manifest_sha256) {
  std::vector<AuditSubject> subjects{{std::string(audit_path::kManifest), manifest_sha256}};
  for (const AuditFile& f : m.files) subjects.push_back({f.path, f.sha256});
  std::ranges::sort(subjects, {}, &AuditSubject::path);
  Json list = Json::array();
  for (const AuditSubject& s : subjects)
    list.push_back({{"name", s.path}, {"digest", {{"sha256", s.sha256.hex()}}}});
  return canonical_json({{"_type", kStatementType},
                         {"subject", std::move(list)},
                         {"predicateType", kAuditPredicateType},
                         {"predicate",
                          {{"instance", m.instance},
                           {"tenant", m.tenant.str()},
                           {"window", {{"fromSeq", m.from_seq}, {"toSeq", m.to_seq}}},
                           {"tree", tree_json({m.to_seq, m.root})}}}});
}

Result<std::vector<AuditSubject>> parse_audit_statement(std::string_view payload) {
  const auto read = [&]() -> Result<std::vector<AuditSubject>> {
    const Json document = TRY(parse_json(payload, "statement"));
    ObjectReader top = TRY(ObjectReader::of(document, ""));
    if (TRY(top.string("_type")) != kStatementType)
      return fail(Code::kField, "_type: not an in-toto Statement v1");
    if (TRY(top.string("predicateType")) != kAuditPredicateType)
      return fail(Code::kField, "predicateType: expected " + std::string(kAuditPredicateType));
    TRY(top.object("predicate"));
    std::vector<AuditSubject> out;
    const Json& subjects = *TRY(top.array("subject"));
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      ObjectReader subject = TRY(ObjectReader::of(subjects[i], "subject[" + std::to_string(i) + "]"));
      ObjectReader digest = TRY(ObjectReader::of(*TRY(subject.object("digest")), subject.path_of("digest")));
      auto name = TRY(subject.string("name"));
      const auto sha256 = TRY(digest.digest("sha256"));
      out.push_back({std::move(name), sha256});
      if (i > 0 && out[i - 1].path >= out[i].path) return fail(Code::kField, "subject: not sorted by name");
    }
    return out;
  };
  auto subjects = read();
  if (!subjects) return malformed("signed statement", subjects.error());
  return subjects;
}

std::string line_digest_path(std::string_view file) {
  return std::string(audit_path::kLineFolder) + std::string(file) + ".txt";
}

std::string line_digest_text(const Digest& leaf) {
  return to_hex(leaf.raw().substr(0, kLineDigestDigits / 2));
}

std::string write_compact_range(std::uint64_t size, const std::vector<Digest>& nodes) {
  return canonical_json({{"size", size}, {"nodes", digests_json(nodes)}}) + "\n";
}

std::string write_consistency(const ConsistencyDocument& document) {
  Json out = {{"treeSize", document.tree_size}, {"proof", digests_json(document.proof)}};
  if (document.previous) out["previous"] = tree_json(*document.previous);
  return canonical_json(out) + "\n";
}

Result<ConsistencyDocument> parse_consistency(std::string_view bytes) {
  const auto read = [&]() -> Result<ConsistencyDocument> {
    const Json document = TRY(parse_json(bytes, audit_path::kConsistency));
    ObjectReader top = TRY(ObjectReader::of(document, ""));
    const auto size = TRY(top.uint("treeSize"));
    auto proof = TRY(read_digests(top, "proof"));
    ConsistencyDocument out{size, std::nullopt, std::move(proof)};
    if (const Json* previous = TRY(top.object_or_null("previous")))
      out.previous = TRY(read_tree(*previous, "previous"));
    TRY(top.finish());
    if (write_consistency(out) != bytes) return fail(Code::kField, "not in canonical form");
    return out;
  };
  auto document = read();
  if (!document) return malformed(audit_path::kConsistency, document.error());
  return document;
}

Result<CompactRangeDocument> parse_compact_range(std::string_view bytes) {
  const auto read = [&]() -> Result<CompactRangeDocument> {
    const Json document = TRY(parse_json(bytes, audit_path::kCompactRange));
    ObjectReader top = TRY(ObjectReader::of(document, ""));
    const auto size = TRY(top.uint("size"));
    auto nodes = TRY(read_digests(top, "nodes"));
    CompactRangeDocument out{size, std::move(nodes)};
    TRY(top.finish());
    if (write_compact_range(out.size, out.nodes) != bytes) return fail(Code::kField, "not in canonical form");
    return out;
  };
  auto document = read();
  if (!document) return malformed(audit_path::kCompactRange, document.error());
  return document;
}

}  // namespace airlock::manifests
