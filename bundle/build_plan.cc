#include "bundle/build_plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>

#include "base/io.h"
#include "base/json.h"
#include "base/path.h"
#include "bundle/image_store.h"
#include "bundle/layout.h"
#include "bundle/specs.h"
#include "manifests/cyclonedx.h"
#include "manifests/dag.h"
#include "manifests/document.h"

namespace airlock::bundle {
namespace {

constexpr std::string_view kDescriptor = "bundle.json";
constexpr std::string_view kSbomPath = "sbom.cdx.json";
constexpr std::string_view kUnknownType = "application/octet-stream";
constexpr auto kTypes = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{".cdx.json", "application/vnd.cyclonedx+json"}, {".spdx.json", "application/spdx+json"},
     {".csv", "text/csv"}, {".gz", "application/gzip"}, {".html", "text/html"}, {".json", "application/json"},
     {".md", "text/markdown"}, {".ndjson", "application/x-ndjson"}, {".tar", "application/x-tar"},
     {".txt", "text/plain"}, {".xml", "application/xml"}, {".yaml", "application/yaml"},
     {".yml", "application/yaml"}, {".zip", "application/zip"}, {".zst", "application/zstd"}});

struct Descriptor {
  manifests::BundleManifest manifest;
  std::map<std::string, std::string> media_types;  // suffix (".x") or exact path -> type
};

class MediaTypes {
 public:
  explicit MediaTypes(const std::map<std::string, std::string>& own) : own_(own) {}
  // Exact path first, then the longest suffix, the descriptor's before ours.
  std::string of(const std::string& path) const {
    if (const auto it = own_.find(path); it != own_.end()) return it->second;
    std::string_view best_suffix, best = kUnknownType;
    const auto offer = [&](std::string_view suffix, std::string_view type, bool wins_ties) {
      if (!suffix.starts_with('.') || !path.ends_with(suffix)) return;
      if (suffix.size() > best_suffix.size() || (wins_ties && suffix.size() == best_suffix.size())) {
        best_suffix = suffix;
        best = type;
      }
    };
    for (const auto& [suffix, type] : kTypes) offer(suffix, type, false);
    for (const auto& [suffix, type] : own_) offer(suffix, type, true);
    return std::string(best);
  }

 private:
  const std::map<std::string, std::string>& own_;
};

Result<std::map<std::string, manifests::StalenessBudget>> read_budgets(const Json* value) {
  std::map<std::string, manifests::StalenessBudget> budgets;
  if (value == nullptr) return budgets;
  for (const auto& [category, limits] : value->items()) {
    ObjectReader reader = TRY(ObjectReader::of(limits, "budgets." + category));
    const auto warn = TRY(reader.uint("warn"));
    const auto breach = TRY(reader.uint("breach"));
    budgets[category] = {warn, breach};
    TRY(reader.finish());
  }
  return budgets;
}

Result<std::map<std::string, std::string>> read_media_types(const Json* value) {
  std::map<std::string, std::string> types;
  if (value == nullptr) return types;
  for (const auto& [key, type] : value->items()) {
    if (!type.is_string()) return fail(Code::kField, "mediaTypes." + key + ": expected a string");
    types[key] = type.get<std::string>();
  }
  return types;
}

Result<Descriptor> read_descriptor(const BuildRequest& request) {
  const std::string path = request.folder + "/" + std::string(kDescriptor);
  const std::string text = TRY(read_file(path, request.limits.metadata_bytes));
  const Json json = TRY(parse_json(text, path));
  const auto read = [&]() -> Result<Descriptor> {
    ObjectReader reader = TRY(ObjectReader::of(json, ""));
    std::optional<Instant> created = request.created_at;
    if (reader.has("createdAt")) {
      const Instant stated = TRY(reader.instant("createdAt"));
      if (!created) created = stated;
    }
    if (!created)
      return fail(Code::kUsage, "when was it created? Give createdAt in bundle.json, --created-at, or SOURCE_DATE_EPOCH");
    auto kind = manifests::parse_bundle_kind(TRY(reader.string("kind")));
    if (!kind) return fail(kind.error().code, "kind: " + kind.error().context);
    auto version = SemVer::parse(TRY(reader.string("version")));
    if (!version) return fail(version.error().code, "version: " + version.error().context);
    auto bundle_id = TRY(reader.id<BundleId>("bundleId"));
    const auto generation = TRY(reader.uint("generation"));
    auto producer = TRY(reader.string("producer"));
    auto tenants = TRY(reader.strings_or_empty("tenants"));
    auto budgets = TRY(read_budgets(TRY(reader.object_or_null("budgets"))));
    auto media_types = TRY(read_media_types(TRY(reader.object_or_null("mediaTypes"))));
    Descriptor out{{.bundle_id = std::move(bundle_id),
                    .kind = *kind,
                    .version = std::move(*version),
                    .generation = request.generation.value_or(generation),
                    .created_at = *created,
                    .producer = std::move(producer),
                    .tenants = std::move(tenants),
                    .entries = {},
                    .base = std::nullopt,
                    .budgets = std::move(budgets)},
                   std::move(media_types)};
    TRY(reader.finish());
    return out;
  }();
  if (!read) return fail(read.error().code, path + ": " + read.error().context);
  return read;
}

// The open file, and what the tar header will say of it.
struct Source {
  UniqueFd file;
  std::uint64_t size = 0;
  bool executable = false;
};
Result<Source> open_source(const std::string& path) {
  UniqueFd file = TRY(open_read(path));
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return os_fail("fstat", path);
  return Source{std::move(file), static_cast<std::uint64_t>(st.st_size), (st.st_mode & S_IXUSR) != 0};
}

// The bill of materials of the bundle itself is what it says it is; those under data/ are the publisher's business.
Result<void> check_sbom(const std::string& source, const Limits& limits) {
  const std::string text = TRY(read_file(source, limits.manifest_bytes));
  const auto good = manifests::check_cyclonedx(TRY(parse_json(text, source)));
  if (!good) return fail(good.error().code, source + ": " + good.error().context);
  return {};
}

class Planner {
 public:
  Planner(const BuildRequest& request, Descriptor descriptor)
      : request_(request), manifest_(std::move(descriptor.manifest)), own_types_(std::move(descriptor.media_types)), types_(own_types_) {}

  Result<BuildPlan> run() {
    TRY(walk(request_.folder, ""));
    if (files_.size() > request_.limits.members)
      return fail(Code::kArchiveLimit, std::to_string(files_.size()) + " files, limit members " + std::to_string(request_.limits.members));
    std::ranges::sort(files_, [](const PlannedFile& a, const PlannedFile& b) { return in_order(a.path, b.path); });
    std::ranges::sort(manifest_.entries, {}, &manifests::BundleEntry::path);
    TRY(check_layout(manifest_));
    TRY(specs_.check(manifest_, std::nullopt, nullptr));
    for (const auto& [path, plugin] : specs_.rootfs_paths())
      if (const auto sound = check_image_folder(request_.folder + "/" + path); !sound)
        return fail(sound.error().code, plugin + ": rootfs " + path + ": " + sound.error().context);
    return BuildPlan{std::move(manifest_), std::move(files_), std::move(side_files_)};
  }

 private:
  // A name that a bundle cannot hold is refused where it stands, before anything of it is read.
  Result<void> walk(const std::string& folder, const std::string& prefix) {
    std::error_code ec;
    std::vector<std::filesystem::directory_entry> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) found.push_back(entry);
    if (ec) return fail(os_error("list", folder, ec.value()));
    std::ranges::sort(found, {}, [](const auto& entry) { return entry.path().filename().string(); });
    for (const auto& entry : found) {
      const std::string path = prefix + entry.path().filename().string(), source = entry.path().string();
      if (path == kDescriptor) continue;
      TRY(safe_path(path, request_.limits));
      const auto status = entry.symlink_status(ec);
      if (ec) return fail(os_error("stat", source, ec.value()));
      if (status.type() == std::filesystem::file_type::directory) {
        if (prefix.empty() && !may_be_listed(path + "/x")) return fail(Code::kManifestInvalid, source + ": a bundle holds dags/, plugins/, data/ and sbom.cdx.json");
        TRY(walk(source, path + "/"));
      } else if (status.type() == std::filesystem::file_type::regular) {
        TRY(add(path, source));
      } else {
        return fail(Code::kArchiveType, source + ": not a plain file or folder");
      }
    }
    return {};
  }

  Result<void> add(const std::string& path, const std::string& source) {
    if (path.starts_with("dags/")) return add_dag(path, source);
    if (may_be_unlisted(path)) {
      side_files_[path] = TRY(read_file(source, request_.limits.metadata_bytes));
      return {};
    }
    if (!may_be_listed(path))
      return fail(Code::kManifestInvalid, source + ": a bundle holds dags/, plugins/, data/ and sbom.cdx.json beside " + std::string(kDescriptor));
    const Source in = TRY(open_source(source));
    if (in.size > request_.limits.member_bytes)
      return fail(Code::kArchiveLimit, source + ": " + std::to_string(in.size) + " bytes, limit memberBytes " + std::to_string(request_.limits.member_bytes));
    if (path == kSbomPath) TRY(check_sbom(source, request_.limits));
    std::string document;
    const Digest digest = TRY(hash(in, source, SpecSet::wants(path) ? &document : nullptr));
    if (SpecSet::wants(path)) TRY(specs_.add(path, std::move(document), request_.limits));
    manifest_.entries.push_back({path, digest, in.size, in.executable, types_.of(path)});
    files_.push_back({path, source, ""});
    return {};
  }

  Result<Digest> hash(const Source& in, const std::string& source, std::string* document) {
    if (document != nullptr) {
      *document = TRY(read_fd(in.file.get(), request_.limits.metadata_bytes, source));
      return Digest::of(*document);
    }
    Sha256 hasher;
    for (;;) {
      const ssize_t n = ::read(in.file.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_fail("read", source);
      if (n == 0) return hasher.finish();
      hasher.update(std::string_view(buffer_).substr(0, static_cast<std::size_t>(n)));
    }
  }

  // Authored in YAML or JSON, carried in the one canonical form, under the name its own metadata gives it.
  Result<void> add_dag(const std::string& path, const std::string& source) {
    if (!path.ends_with(".yaml") && !path.ends_with(".yml") && !path.ends_with(".json"))
      return fail(Code::kManifestInvalid, source + ": dags/ holds .yaml and .json only");
    const std::string text = TRY(read_file(source, request_.limits.metadata_bytes));
    const auto dag = TRY(manifests::parse_dag(TRY(manifests::load_authored(text, source))));
    std::string canonical = manifests::write_dag(dag);
    const std::string target = dag_path(dag.id, dag.version);
    TRY(specs_.add(target, canonical, request_.limits));
    if (std::ranges::find(files_, target, &PlannedFile::path) != files_.end()) return fail(Code::kArchiveDuplicate, source + ": " + target + " is there already");
    manifest_.entries.push_back({target, Digest::of(canonical), canonical.size(), false, types_.of(target)});
    files_.push_back({target, "", std::move(canonical)});
    return {};
  }

  const BuildRequest& request_;
  manifests::BundleManifest manifest_;
  std::map<std::string, std::string> own_types_;
  MediaTypes types_;
  std::vector<PlannedFile> files_;
  SideFiles side_files_;
  SpecSet specs_;
  std::string buffer_ = std::string(kMiB, '\0');
};

}  // namespace

Result<BuildPlan> plan_build(const BuildRequest& request) {
  Planner planner(request, TRY(read_descriptor(request)));
  return planner.run();
}

}  // namespace airlock::bundle
