#include "manifests/bundle.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/merkle.h"
#include "manifests/bundle_rules.h"

namespace airlock::manifests {
namespace {

struct KindName {
  BundleKind kind;
  std::string_view text;
};
constexpr std::array<KindName, 4> kKinds{{{BundleKind::kOfflineKit, "offline-kit"},
                                          {BundleKind::kDagPack, "dag-pack"},
                                          {BundleKind::kData, "data"},
                                          {BundleKind::kState, "state"}}};

std::string json_text(std::string_view text) { return canonical_json(Json(text)); }

// {"k":v,...} of values that are canonical already. The keys are ASCII, so map order is the canonical order.
std::string object_of(const std::map<std::string_view, std::string>& fields) {
  std::size_t size = 2;
  for (const auto& [key, value] : fields) size += key.size() + value.size() + 4;
  std::string out = "{";
  out.reserve(size);
  for (const auto& [key, value] : fields) {
    if (out.size() > 1) out += ',';
    out += json_text(key);
    out += ':';
    out += value;
  }
  return out += '}';
}

std::string base_text(const BundleBase& base) {
  Json out{{"bundleId", base.bundle_id.str()},
           {"generation", base.generation},
           {"manifestSha256", base.manifest_sha256.hex()}};
  for (const BundlePatch& patch : base.patches)
    out["patches"].push_back({{"from", patch.from.hex()},
                              {"patchBytes", patch.patch_bytes},
                              {"patchSha256", patch.patch_sha256.hex()},
                              {"sha256", patch.sha256.hex()}});
  return canonical_json(out);
}

std::string budgets_text(const std::map<std::string, StalenessBudget>& budgets) {
  Json out = Json::object();
  for (const auto& [category, b] : budgets)
    out[category] = {{"warn", b.warn_seconds}, {"breach", b.breach_seconds}};
  return canonical_json(out);
}

std::string entries_text(const std::vector<BundleEntry>& entries) {
  std::string out = "[";
  for (const BundleEntry& entry : entries) {
    if (out.size() > 1) out += ',';
    out += canonical_entry(entry);
  }
  return out += ']';
}

std::string subjects_text(const std::vector<BundleEntry>& entries) {
  std::string out = "[";
  for (const BundleEntry& entry : entries) {
    if (out.size() > 1) out += ',';
    out += "{\"digest\":{\"sha256\":\"" + entry.sha256.hex() + "\"},\"name\":" + json_text(entry.path) + "}";
  }
  return out += ']';
}

std::string predicate_text(const BundleManifest& m) {
  std::map<std::string_view, std::string> fields = {
      {"bundleId", json_text(m.bundle_id.str())},
      {"checksumsSha256", json_text(entries_checksums(m.entries).hex())},
      {"createdAt", json_text(m.created_at.text())},
      {"entries", entries_text(m.entries)},
      {"generation", std::to_string(m.generation)},
      {"kind", json_text(to_string(m.kind))},
      {"merkleRoot", json_text(entries_merkle_root(m.entries).hex())},
      {"producer", json_text(m.producer)},
      {"tenants", canonical_json(Json(m.tenants))},
      {"version", json_text(m.version.str())}};
  if (m.base) fields.emplace("base", base_text(*m.base));
  if (!m.budgets.empty()) fields.emplace("budgets", budgets_text(m.budgets));
  return object_of(fields);
}

}  // namespace

std::string_view to_string(BundleKind kind) { return std::ranges::find(kKinds, kind, &KindName::kind)->text; }

Result<BundleKind> parse_bundle_kind(std::string_view text) {
  const auto found = std::ranges::find(kKinds, text, &KindName::text);
  if (found == kKinds.end()) return fail(Code::kField, "expected offline-kit, dag-pack, data or state");
  return found->kind;
}

std::string BundlePatch::path() const { return std::string(kPatchFolder) + sha256.hex() + ".zst"; }

const BundlePatch* BundleBase::find(const Digest& sha256) const {
  const auto at = std::ranges::lower_bound(patches, sha256, {}, &BundlePatch::sha256);
  return at == patches.end() || at->sha256 != sha256 ? nullptr : &*at;
}

bool BundleManifest::for_tenant(const TenantId& tenant) const {
  return std::ranges::any_of(tenants, [&](const std::string& t) { return t == "*" || t == tenant.str(); });
}

const BundleEntry* BundleManifest::find(std::string_view path) const {
  const auto at = std::ranges::lower_bound(entries, path, {}, &BundleEntry::path);
  return at == entries.end() || at->path != path ? nullptr : &*at;
}

bool operator==(const BundleManifest& a, const BundleManifest& b) {
  return a.bundle_id == b.bundle_id && a.kind == b.kind && a.version.str() == b.version.str() &&
         a.generation == b.generation && a.created_at == b.created_at && a.producer == b.producer &&
         a.tenants == b.tenants && a.entries == b.entries && a.base == b.base && a.budgets == b.budgets;
}

std::string canonical_entry(const BundleEntry& entry) {
  std::string out = "{\"mediaType\":" + json_text(entry.media_type);
  out += entry.executable ? ",\"mode\":\"0755\"" : ",\"mode\":\"0644\"";
  out += ",\"path\":" + json_text(entry.path);
  out += ",\"sha256\":\"" + entry.sha256.hex();
  out += "\",\"size\":" + std::to_string(entry.size) + "}";
  return out;
}

Digest entries_merkle_root(const std::vector<BundleEntry>& entries) {
  CompactRange tree;
  for (const BundleEntry& entry : entries) tree.append(merkle_leaf(canonical_entry(entry)));
  return tree.root();
}

Digest entries_checksums(const std::vector<BundleEntry>& entries) {
  Sha256 hasher;
  for (const BundleEntry& entry : entries) hasher.update(entry.sha256.hex() + "  " + entry.path + "\n");
  return hasher.finish();
}

Result<std::string> write_bundle_statement(BundleManifest manifest, const Limits& limits) {
  std::ranges::sort(manifest.entries, {}, &BundleEntry::path);
  std::ranges::sort(manifest.tenants);
  if (manifest.base) std::ranges::sort(manifest.base->patches, {}, &BundlePatch::sha256);
  TRY(check_bundle_rules(manifest, limits));
  std::string text = object_of({{"_type", json_text(kStatementType)},
                                {"predicate", predicate_text(manifest)},
                                {"predicateType", json_text(kBundlePredicateType)},
                                {"subject", subjects_text(manifest.entries)}});
  if (text.size() > limits.manifest_bytes)
    return fail(Code::kTooLarge, "the statement of " + std::to_string(manifest.entries.size()) +
                                     " entries takes " + std::to_string(text.size()) +
                                     " bytes, limit manifestBytes " + std::to_string(limits.manifest_bytes));
  return text;
}

}  // namespace airlock::manifests
