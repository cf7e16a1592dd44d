#include <algorithm>
#include <array>

#include "base/json.h"
#include "manifests/bundle.h"
#include "manifests/bundle_rules.h"

namespace airlock::manifests {
namespace {

// Every refusal of a field is one of the manifest: the place says which.
std::unexpected<Error> invalid(const Error& error) { return fail(Code::kManifestInvalid, error.context); }
std::unexpected<Error> wrong(const std::string& place, const std::string& why) {
  return fail(Code::kManifestInvalid, place + ": " + why);
}

// One entry and one subject are compared as a digest of both fields, which is what the two lists have in
// common.
Digest link_of(std::string_view path, const Digest& sha256) {
  std::string text(sha256.raw());
  text += path;
  return Digest::of(text);
}

Result<BundleEntry> read_entry(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  auto path = TRY(reader.string("path"));
  const auto sha256 = TRY(reader.digest("sha256"));
  const auto size = TRY(reader.uint("size"));
  auto media_type = TRY(reader.string("mediaType"));
  BundleEntry entry{.path = std::move(path),
                    .sha256 = sha256,
                    .size = size,
                    .executable = false,
                    .media_type = std::move(media_type)};
  const std::string mode = TRY(reader.string("mode"));
  if (mode != "0644" && mode != "0755") return wrong(place + ".mode", "expected \"0644\" or \"0755\"");
  entry.executable = mode == "0755";
  TRY(reader.finish());
  return entry;
}

Result<Digest> read_subject(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  const std::string name = TRY(reader.string("name"));
  ObjectReader digests = TRY(ObjectReader::of(*TRY(reader.object("digest")), place + ".digest"));
  const Digest sha256 = TRY(digests.digest("sha256"));
  TRY(digests.finish());
  TRY(reader.finish());
  return link_of(name, sha256);
}

Result<BundlePatch> read_patch(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  const auto sha256 = TRY(reader.digest("sha256"));
  const auto from = TRY(reader.digest("from"));
  const auto patch_sha256 = TRY(reader.digest("patchSha256"));
  const auto patch_bytes = TRY(reader.uint("patchBytes"));
  TRY(reader.finish());
  return BundlePatch{.sha256 = sha256, .from = from, .patch_sha256 = patch_sha256, .patch_bytes = patch_bytes};
}

// The long lists, as they stream by.
struct Lists {
  std::vector<BundleEntry> entries;
  std::vector<Digest> subjects;
  std::vector<BundlePatch> patches;
};

constexpr std::array<std::string_view, 3> kListNames = {"predicate.entries", "subject", "predicate.base.patches"};
enum ListIndex : std::size_t { kEntries = 0, kSubjects = 1, kPatches = 2 };

Result<void> take(Lists& lists, std::size_t list, std::size_t index, const Json& element,
                  const Limits& limits) {
  const std::string place = std::string(kListNames[list]) + "[" + std::to_string(index) + "]";
  if (index >= limits.members)
    return fail(Code::kTooLarge, place + ": limit members " + std::to_string(limits.members));
  if (list == kEntries) {
    auto entry = read_entry(element, place);
    if (!entry) return invalid(entry.error());
    lists.entries.push_back(std::move(*entry));
  } else if (list == kPatches) {
    const auto patch = read_patch(element, place);
    if (!patch) return invalid(patch.error());
    lists.patches.push_back(*patch);
  } else {
    auto subject = read_subject(element, place);
    if (!subject) return invalid(subject.error());
    lists.subjects.push_back(std::move(*subject));
  }
  return {};
}

Result<std::optional<BundleBase>> read_base(const Json* value, std::vector<BundlePatch> patches) {
  if (value == nullptr) return std::optional<BundleBase>();
  ObjectReader reader = TRY(ObjectReader::of(*value, "predicate.base"));
  auto bundle_id = TRY(reader.id<BundleId>("bundleId"));
  const auto generation = TRY(reader.uint("generation"));
  const auto manifest_sha256 = TRY(reader.digest("manifestSha256"));
  if (TRY(reader.array_or_null("patches")) != nullptr && patches.empty())
    return wrong("predicate.base.patches", "empty: a delta without patches has no such field");
  BundleBase base{.bundle_id = std::move(bundle_id),
                  .generation = generation,
                  .manifest_sha256 = manifest_sha256,
                  .patches = std::move(patches)};
  TRY(reader.finish());
  return std::optional<BundleBase>(std::move(base));
}

Result<std::map<std::string, StalenessBudget>> read_budgets(const Json* value) {
  std::map<std::string, StalenessBudget> budgets;
  if (value == nullptr) return budgets;
  for (const auto& [category, item] : value->items()) {
    ObjectReader reader = TRY(ObjectReader::of(item, "predicate.budgets." + category));
    const auto warn_seconds = TRY(reader.uint("warn"));
    const auto breach_seconds = TRY(reader.uint("breach"));
    budgets[category] = {.warn_seconds = warn_seconds,
                         .breach_seconds = breach_seconds};
    TRY(reader.finish());
  }
  return budgets;
}

// Digests that the predicate claims of its own entries.
struct Claims {
  Digest merkle_root, checksums;
};

struct Predicate {
  BundleManifest manifest;
  Claims claims;
};

Result<Predicate> read_predicate(const Json& value, Lists lists) {
  ObjectReader reader = TRY(ObjectReader::of(value, "predicate"));
  (void)TRY(reader.array("entries"));  // its elements have streamed by; here only that it is there
  const auto kind = parse_bundle_kind(TRY(reader.string("kind")));
  if (!kind) return wrong("predicate.kind", kind.error().context);
  const auto version = SemVer::parse(TRY(reader.string("version")));
  if (!version) return wrong("predicate.version", version.error().context);
  auto bundle_id = TRY(reader.id<BundleId>("bundleId"));
  const auto generation = TRY(reader.uint("generation"));
  const auto created_at = TRY(reader.instant("createdAt"));
  auto producer = TRY(reader.string("producer"));
  auto tenants = TRY(reader.strings_or_empty("tenants"));
  auto base = TRY(read_base(TRY(reader.object_or_null("base")), std::move(lists.patches)));
  auto budgets = TRY(read_budgets(TRY(reader.object_or_null("budgets"))));
  BundleManifest manifest{.bundle_id = std::move(bundle_id),
                          .kind = *kind,
                          .version = *version,
                          .generation = generation,
                          .created_at = created_at,
                          .producer = std::move(producer),
                          .tenants = std::move(tenants),
                          .entries = std::move(lists.entries),
                          .base = std::move(base),
                          .budgets = std::move(budgets)};
  const auto merkle_root = TRY(reader.digest("merkleRoot"));
  const auto checksums = TRY(reader.digest("checksumsSha256"));
  const Claims claims{.merkle_root = merkle_root,
                      .checksums = checksums};
  TRY(reader.finish());
  return Predicate{std::move(manifest), claims};
}

// Only whether it is the right kind of statement; what is in it comes after.
Result<void> check_statement(const Json& statement) {
  const auto text_is = [&](std::string_view key, std::string_view text) {
    const auto it = statement.find(key);
    return it != statement.end() && *it == text;
  };
  if (!statement.is_object() || !text_is("_type", kStatementType))
    return fail(Code::kStatement, "_type is not " + std::string(kStatementType));
  if (!text_is("predicateType", kBundlePredicateType))
    return fail(Code::kStatement, "predicateType is not " + std::string(kBundlePredicateType));
  return {};
}

Result<void> check_subjects(const Lists& lists) {
  if (lists.entries.size() != lists.subjects.size())
    return wrong("subject", std::to_string(lists.subjects.size()) + " subjects for " +
                                std::to_string(lists.entries.size()) + " entries");
  for (std::size_t i = 0; i < lists.entries.size(); ++i)
    if (lists.subjects[i] != link_of(lists.entries[i].path, lists.entries[i].sha256))
      return wrong("subject[" + std::to_string(i) + "]", "is not predicate.entries[" + std::to_string(i) +
                                                             "], \"" + lists.entries[i].path.substr(0, 200) +
                                                             "\"");
  return {};
}

Result<void> check_claims(const BundleManifest& manifest, const Claims& claims) {
  if (const Digest root = entries_merkle_root(manifest.entries); root != claims.merkle_root)
    return fail(Code::kMerkleRoot,
                "predicate.merkleRoot: " + claims.merkle_root.hex() + ", the entries give " + root.hex());
  if (const Digest sums = entries_checksums(manifest.entries); sums != claims.checksums)
    return fail(Code::kMerkleChecksums,
                "predicate.checksumsSha256: " + claims.checksums.hex() + ", the entries give " + sums.hex());
  return {};
}

Result<Predicate> read_statement(const Json& statement, Lists lists) {
  ObjectReader reader = TRY(ObjectReader::of(statement, ""));
  (void)reader.any_or_null("_type");
  (void)reader.any_or_null("predicateType");
  (void)TRY(reader.array("subject"));
  const Json* predicate = TRY(reader.object("predicate"));
  TRY(reader.finish());
  return read_predicate(*predicate, std::move(lists));
}

}  // namespace

Result<BundleManifest> parse_bundle_statement(std::string_view payload, const Limits& limits) {
  if (payload.size() > limits.manifest_bytes)
    return fail(Code::kTooLarge, "the manifest takes " + std::to_string(payload.size()) +
                                     " bytes, limit manifestBytes " + std::to_string(limits.manifest_bytes));
  Lists lists;
  const ElementSink sink{{kListNames.begin(), kListNames.end()},
                         [&](std::size_t list, std::size_t index, const Json& element) {
                           return take(lists, list, index, element, limits);
                         }};
  const auto statement = parse_json_elements(payload, "manifest payload", sink, limits.json_depth);
  if (!statement) {
    const Error& error = statement.error();
    return fail(error.code == Code::kTooLarge ? error.code : Code::kManifestInvalid, error.context);
  }
  TRY(check_statement(*statement));
  TRY(check_subjects(lists));
  lists.subjects = {};
  auto predicate = read_statement(*statement, std::move(lists));
  if (!predicate) return invalid(predicate.error());
  std::ranges::sort(predicate->manifest.tenants);
  TRY(check_bundle_rules(predicate->manifest, limits));
  TRY(check_claims(predicate->manifest, predicate->claims));
  return std::move(predicate->manifest);
}

}  // namespace airlock::manifests
