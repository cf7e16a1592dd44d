#include "trust/repository.h"

#include <algorithm>
#include <filesystem>

#include "base/io.h"
#include "trust/durable_file.h"

namespace airlock::trust {
namespace {

constexpr std::string_view kConfigSchema = "airlock.tuf-repository/v1", kApprovalsSchema = "airlock.root-approvals/v1";
const std::string kConfigFile = "repository.json", kPendingFile = "pending.root.json", kApprovalsFile = "approvals.json";

Result<void> check_config(const RepositoryConfig& config) {
  if (config.bundles.empty()) return fail(Code::kField, "bundles: none");
  for (const std::string& bundle : config.bundles)
    if (bundle != "*") TRY(BundleId::parse(bundle));
  if (config.approvals < 1 || config.approvals > 2) return fail(Code::kField, "approvals: expected 1 or 2");
  return {};
}

std::string folder_of(const std::string& trust_folder, const RepositoryName& name) { return trust_folder + "/tuf/" + name.str(); }

Result<std::optional<std::string>> read_if_there(const std::string& path) {
  if (!path_exists(path)) return std::nullopt;
  return TRY(read_file(path, Limits{}.metadata_bytes));
}

Result<Approval> read_approval(const Json& value, const std::string& place) {
  ObjectReader reader = TRY(ObjectReader::of(value, place));
  const Digest root = TRY(reader.digest("rootSha256"));
  const std::uint64_t version = TRY(reader.uint("version"));
  const Instant at = TRY(reader.instant("at"));
  Approval approval{root, version, "", at, ""};
  approval.actor = TRY(reader.string("actor"));
  approval.reason = TRY(reader.string_or("reason", ""));
  TRY(reader.finish());
  return approval;
}

// Two repositories that both claim a bundle would leave open whose word counts.
Result<void> check_claims(const std::string& trust_folder, const RepositoryName& name, const RepositoryConfig& config) {
  for (const Repository& other : TRY(open_repositories(trust_folder))) {
    if (other.name() == name) continue;
    for (const std::string& bundle : config.bundles)
      if (std::ranges::find(other.config().bundles, bundle) != other.config().bundles.end())
        return fail(Code::kAlreadyExists, "repository " + other.name().str() + " speaks for \"" + bundle + "\" already");
  }
  return {};
}

}  // namespace

Result<RepositoryConfig> parse_repository_config(std::string_view text) {
  const Json document = TRY(parse_json(text, kConfigFile));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kConfigSchema) return fail(Code::kField, "schema: expected \"" + std::string(kConfigSchema) + "\"");
  RepositoryConfig config;
  config.bundles = TRY(reader.strings_or_empty("bundles"));
  config.approvals = TRY(reader.uint("approvals"));
  config.required = TRY(reader.boolean_or("required", true));
  TRY(reader.finish());
  TRY(check_config(config));
  return config;
}

Result<std::string> write_repository_config(const RepositoryConfig& config) {
  TRY(check_config(config));
  return canonical_json({{"schema", kConfigSchema}, {"bundles", config.bundles}, {"approvals", config.approvals}, {"required", config.required}}) + "\n";
}

Result<std::vector<Approval>> parse_approvals(std::string_view text) {
  const Json document = TRY(parse_json(text, kApprovalsFile));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kApprovalsSchema) return fail(Code::kField, "schema: expected \"" + std::string(kApprovalsSchema) + "\"");
  std::vector<Approval> approvals;
  for (const Json& item : *TRY(reader.array("approvals")))
    approvals.push_back(TRY(read_approval(item, "approvals[" + std::to_string(approvals.size()) + "]")));
  TRY(reader.finish());
  return approvals;
}

std::string write_approvals(const std::vector<Approval>& approvals) {
  Json items = Json::array();
  for (const Approval& a : approvals) {
    Json item = {{"rootSha256", a.root.hex()}, {"version", a.version}, {"actor", a.actor}, {"at", a.at.text()}};
    if (!a.reason.empty()) item["reason"] = a.reason;
    items.push_back(std::move(item));
  }
  return canonical_json({{"schema", kApprovalsSchema}, {"approvals", std::move(items)}}) + "\n";
}

Result<Repository> Repository::create(const std::string& trust_folder, const RepositoryName& name, const RepositoryConfig& config,
                                      std::string_view root, Instant now, bool replace, Fs& fs) {
  const std::string text = TRY(write_repository_config(config));
  TRY(check_claims(trust_folder, name, config));
  (void)TRY(verify::tuf::TrustedSet::from_root(root, now));
  const std::string folder = folder_of(trust_folder, name);
  if (!replace && path_exists(folder + "/" + kConfigFile)) return fail(Code::kAlreadyExists, folder + " (--replace overwrites it)");
  TRY(fs.make_dir(trust_folder, 0755));
  TRY(fs.make_dir(trust_folder + "/tuf", 0755));
  TRY(fs.make_dir(folder, 0755));
  Repository repository(name, config, folder, fs);
  // The root comes first: with repository.json the site is bound to it. What a replaced repository trusted below its
  // root stays, and counts only as far as the new root vouches for it.
  TRY(repository.store_.keep(verify::tuf::kRoot, root));
  TRY(remove_durably(fs, folder, kPendingFile));
  TRY(replace_durably(fs, folder, kConfigFile, text));
  TRY(sync_dir(trust_folder + "/tuf"));
  TRY(sync_dir(trust_folder));
  return repository;
}

Result<Repository> Repository::open(const std::string& trust_folder, const RepositoryName& name, Fs& fs) {
  const std::string folder = folder_of(trust_folder, name);
  if (!path_exists(folder + "/" + kConfigFile)) return fail(Code::kNotFound, "TUF repository " + name.str());
  auto config = TRY(parse_repository_config(TRY(read_file(folder + "/" + kConfigFile, Limits{}.metadata_bytes))));
  return Repository(name, std::move(config), folder, fs);
}

Result<std::optional<std::string>> Repository::pending_root() const { return read_if_there(folder_ + "/" + kPendingFile); }

Result<void> Repository::set_pending_root(std::string_view root) { return replace_durably(*fs_, folder_, kPendingFile, root); }

Result<void> Repository::clear_pending_root() { return remove_durably(*fs_, folder_, kPendingFile); }

Result<std::vector<Approval>> Repository::approvals() const {
  const auto text = TRY(read_if_there(folder_ + "/" + kApprovalsFile));
  if (!text) return std::vector<Approval>{};
  return parse_approvals(*text);
}

Result<std::set<std::string>> Repository::approvers_of(const Digest& root) const {
  std::set<std::string> people;
  for (const Approval& approval : TRY(approvals()))
    if (approval.root == root) people.insert(approval.actor);
  return people;
}

Result<Approval> Repository::approve(const Digest& root, std::string actor, Instant at, std::string reason) {
  const auto pending = TRY(pending_root());
  if (!pending || Digest::of(*pending) != root) return fail(Code::kNotFound, "no pending root has the digest " + root.hex());
  if (TRY(approvers_of(root)).contains(actor)) return fail(Code::kRotationSamePerson, actor);
  const std::uint64_t version = TRY(verify::tuf::parse_root(*pending)).version;
  std::vector<Approval> all = TRY(approvals());
  all.push_back({root, version, std::move(actor), at, std::move(reason)});
  TRY(replace_durably(*fs_, folder_, kApprovalsFile, write_approvals(all)));
  return all.back();
}

Result<std::vector<Repository>> open_repositories(const std::string& trust_folder, Fs& fs) {
  const std::string folder = trust_folder + "/tuf";
  std::vector<Repository> repositories;
  if (!path_exists(folder)) return repositories;
  std::error_code ec;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) names.push_back(entry.path().filename().string());
  if (ec) return fail(os_error("list", folder, ec.value()));
  std::ranges::sort(names);
  for (const std::string& text : names) {
    const auto name = RepositoryName::parse(text);
    if (!name || !path_exists(folder + "/" + text + "/" + kConfigFile)) continue;
    repositories.push_back(TRY(Repository::open(trust_folder, *name, fs)));
  }
  return repositories;
}

Repository* repository_for(std::vector<Repository>& repositories, const BundleId& bundle) {
  const auto claimed = [&](const std::string& id) -> Repository* {
    for (Repository& repository : repositories)
      if (std::ranges::find(repository.config().bundles, id) != repository.config().bundles.end()) return &repository;
    return nullptr;
  };
  Repository* named = claimed(bundle.str());
  return named != nullptr ? named : claimed("*");
}

}  // namespace airlock::trust
