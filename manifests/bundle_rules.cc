#include "manifests/bundle_rules.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/path.h"

namespace airlock::manifests {
namespace {

constexpr std::size_t kMaxProducerBytes = 1024, kMaxMediaTypeBytes = 127, kMaxTenants = 10'000,
                      kMaxBudgets = 256;

std::unexpected<Error> wrong(const std::string& place, const std::string& why) {
  return fail(Code::kManifestInvalid, "predicate." + place + ": " + why);
}

std::string entry_place(std::size_t index) { return "entries[" + std::to_string(index) + "]"; }

// RFC 6838 section 4.2 "restricted-name", twice; no parameters.
bool media_type_ok(std::string_view text) {
  const auto name_ok = [](std::string_view name) {
    const auto ok = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$&-^_.+").contains(c);
    };
    return !name.empty() && std::ranges::all_of(name, ok);
  };
  const auto slash = text.find('/');
  return text.size() <= kMaxMediaTypeBytes && slash != std::string_view::npos &&
         name_ok(text.substr(0, slash)) && name_ok(text.substr(slash + 1));
}

// Sixteen bytes of a digest of the collision key stand for a path: enough that no two meet by chance or by
// design, and a million of them are 16 MB.
using PathKey = std::array<char, 16>;

PathKey path_key(std::string_view path) {
  const Digest digest = Digest::of(collision_key(path));
  PathKey key{};
  std::memcpy(key.data(), digest.raw().data(), key.size());
  return key;
}

// No two files may be one file, and no file a folder of another, where a file system folds case or normalises.
Result<void> check_collisions(const std::vector<BundleEntry>& entries) {
  std::vector<PathKey> files;
  files.reserve(entries.size());
  for (const BundleEntry& entry : entries) files.push_back(path_key(entry.path));
  std::ranges::sort(files);
  if (std::ranges::adjacent_find(files) != files.end()) {
    const PathKey twice = *std::ranges::adjacent_find(files);
    std::string names;
    for (const BundleEntry& entry : entries)
      if (path_key(entry.path) == twice) names += (names.empty() ? "\"" : "\", \"") + entry.path;
    return wrong("entries", names + "\" differ only in case or in Unicode form");
  }
  std::string_view last_folder;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view path = entries[i].path;
    const std::string_view folder =
        path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/'));
    if (folder == last_folder) continue;  // entries are sorted: most stand beside their neighbour
    last_folder = folder;
    for (auto end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1))
      if (std::ranges::binary_search(files, path_key(path.substr(0, end))))
        return wrong(entry_place(i) + ".path",
                     "\"" + std::string(path.substr(0, end)) + "\" is a file and a folder");
  }
  return {};
}

Result<void> check_entry(const BundleEntry& entry, std::size_t index, const Limits& limits) {
  const std::string place = entry_place(index);
  if (const auto safe = safe_path(entry.path, limits); !safe)
    return wrong(place + ".path", safe.error().context);
  const std::string top = collision_key(entry.path.substr(0, entry.path.find('/')));
  if (top == kManifestPath) return wrong(place + ".path", "stands in the place of the manifest");
  if (entry.size > limits.member_bytes)
    return fail(Code::kTooLarge, "predicate." + place + ".size: " + std::to_string(entry.size) +
                                     " bytes, limit member_bytes " + std::to_string(limits.member_bytes));
  if (!media_type_ok(entry.media_type)) return wrong(place + ".mediaType", "expected type/subtype");
  return {};
}

Result<void> check_entries(const std::vector<BundleEntry>& entries, const Limits& limits) {
  if (entries.empty()) return wrong("entries", "a bundle holds at least one member");
  if (entries.size() > limits.members)
    return fail(Code::kTooLarge, "predicate.entries: limit members " + std::to_string(limits.members));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    TRY(check_entry(entries[i], i, limits));
    if (i == 0 || entries[i - 1].path < entries[i].path) continue;
    return wrong(entry_place(i) + ".path",
                 entries[i - 1].path == entries[i].path ? "listed twice" : "entries are not sorted by path");
  }
  return check_collisions(entries);
}

Result<void> check_tenants(const std::vector<std::string>& tenants) {
  if (tenants.empty()) return wrong("tenants", "expected [\"*\"] or tenant ids");
  if (tenants.size() > kMaxTenants) return wrong("tenants", "more than " + std::to_string(kMaxTenants));
  if (tenants == std::vector<std::string>{"*"}) return {};
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    const std::string place = "tenants[" + std::to_string(i) + "]";
    if (tenants[i] == "*") return wrong(place, "\"*\" stands alone");
    if (const auto id = TenantId::parse(tenants[i]); !id) return wrong(place, id.error().context);
    if (i > 0 && tenants[i - 1] >= tenants[i]) return wrong(place, "listed twice, or not sorted");
  }
  return {};
}

Result<void> check_budgets(const std::map<std::string, StalenessBudget>& budgets) {
  if (budgets.size() > kMaxBudgets) return wrong("budgets", "more than " + std::to_string(kMaxBudgets));
  for (const auto& [category, budget] : budgets) {
    if (!id_rule::Slug::ok(category))
      return wrong("budgets",
                   "category \"" + category.substr(0, 200) + "\" is not " + std::string(id_rule::Slug::form));
    if (budget.warn_seconds == 0 || budget.warn_seconds > budget.breach_seconds)
      return wrong("budgets." + category, "expected 0 < warn <= breach");
  }
  return {};
}

// Each patch makes content that an entry lists.
Result<void> check_patches(const BundleManifest& manifest, const Limits& limits) {
  const std::vector<BundlePatch>& patches = manifest.base->patches;
  std::vector<bool> listed(patches.size(), false);
  for (std::size_t i = 0; i < patches.size(); ++i) {
    const std::string place = "base.patches[" + std::to_string(i) + "]";
    if (i > 0 && patches[i - 1].sha256 >= patches[i].sha256) return wrong(place + ".sha256", "listed twice, or not sorted");
    if (patches[i].from == patches[i].sha256) return wrong(place + ".from", "is what comes out");
    if (patches[i].patch_bytes == 0) return wrong(place + ".patchBytes", "expected at least 1");
    if (patches[i].patch_bytes > limits.member_bytes)
      return fail(Code::kTooLarge, "predicate." + place + ".patchBytes: " + std::to_string(patches[i].patch_bytes) +
                                       " bytes, limit member_bytes " + std::to_string(limits.member_bytes));
  }
  if (patches.empty()) return {};
  for (const BundleEntry& entry : manifest.entries)
    if (const BundlePatch* patch = manifest.base->find(entry.sha256); patch != nullptr)
      listed[static_cast<std::size_t>(patch - patches.data())] = true;
  if (const auto none = std::ranges::find(listed, false); none != listed.end())
    return wrong("base.patches[" + std::to_string(none - listed.begin()) + "].sha256", "is not the digest of an entry");
  return {};
}

}  // namespace

Result<void> check_bundle_rules(const BundleManifest& manifest, const Limits& limits) {
  if (manifest.producer.empty() || manifest.producer.size() > kMaxProducerBytes ||
      !valid_utf8(manifest.producer) || printable(manifest.producer) != manifest.producer)
    return wrong("producer",
                 "expected 1 to " + std::to_string(kMaxProducerBytes) + " bytes of printable text");
  TRY(check_tenants(manifest.tenants));
  TRY(check_budgets(manifest.budgets));
  if (manifest.base && manifest.base->bundle_id == manifest.bundle_id &&
      manifest.base->generation >= manifest.generation)
    return wrong("base.generation", "a delta builds on an older generation");
  TRY(check_entries(manifest.entries, limits));
  if (manifest.base) TRY(check_patches(manifest, limits));
  return {};
}

}  // namespace airlock::manifests
