#include "trust/tuf_repo.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/io.h"
#include "trust/durable_file.h"
#include "verify/tuf/paths.h"

namespace airlock::trust {
namespace {

namespace tuf = verify::tuf;

constexpr std::string_view kSchema = "airlock.tuf-repo/v1";
constexpr std::int64_t kDay = 86'400'000;  // milliseconds
const std::string kRepoFile = "repo.json";
constexpr std::array kOrder = {tuf::kRoot, tuf::kTargets, tuf::kSnapshot, tuf::kTimestamp};

std::string staged_name(std::string_view role) { return std::string(role) + ".json"; }

Result<Lifetimes> parse_lifetimes(std::string_view text) {
  const Json document = TRY(parse_json(text, kRepoFile));
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  if (TRY(reader.string("schema")) != kSchema) return fail(Code::kField, "schema: expected \"" + std::string(kSchema) + "\"");
  ObjectReader values = TRY(ObjectReader::of(*TRY(reader.object("lifetimes")), "lifetimes"));
  TRY(reader.finish());
  Lifetimes out;
  for (const std::string_view role : kOrder) {
    const std::uint64_t seconds = TRY(values.uint(role));
    if (seconds == 0 || seconds > 100ULL * 366 * 86'400) return fail(Code::kField, values.path_of(role) + ": expected seconds, up to 100 years");
    out[std::string(role)] = Millis(static_cast<std::int64_t>(seconds) * 1000);
  }
  TRY(values.finish());
  return out;
}

// The same content as the version after it, unsigned.
Json as_version(Json document, std::uint64_t version, Instant expires) {
  document["signed"]["version"] = version;
  document["signed"]["expires"] = expires.text().substr(0, 19) + "Z";
  document["signatures"] = Json::array();
  return document;
}

// People may have edited it: from here on its fields are what they should be.
Result<void> check_form(std::string_view role, std::string_view bytes) {
  if (role == tuf::kRoot) (void)TRY(tuf::parse_root(bytes));
  else if (role == tuf::kTargets) (void)TRY(tuf::parse_targets(bytes, role));
  else if (role == tuf::kSnapshot) (void)TRY(tuf::parse_snapshot(bytes));
  else (void)TRY(tuf::parse_timestamp(bytes));
  return {};
}

bool is_key(const std::string& id, const std::string& keyid, const Json& key) {
  if (id == keyid) return true;
  const auto parsed = tuf::Key::parse(key, keyid);
  return parsed && parsed->usable() && parsed->identity() == id;
}

}  // namespace

Lifetimes default_lifetimes() {
  return {{"root", Millis(365 * kDay)}, {"targets", Millis(180 * kDay)}, {"snapshot", Millis(60 * kDay)}, {"timestamp", Millis(30 * kDay)}};
}

Instant TufRepo::expiry(std::string_view role, Instant now) const { return now + lifetimes_.at(std::string(role)); }

Result<TufRepo> TufRepo::create(const std::string& folder, const std::map<std::string, tuf::RoleKeys>& roles, const Lifetimes& lifetimes,
                                Instant now, Fs& fs) {
  if (path_exists(folder + "/" + kRepoFile)) return fail(Code::kAlreadyExists, folder);
  TufRepo repo(folder, lifetimes, fs);
  const Json root = TRY(tuf::make_root(1, repo.expiry(tuf::kRoot, now), roles));
  TRY(make_dirs(folder));
  for (const char* inner : {"/staged", "/metadata", "/targets"}) TRY(fs.make_dir(folder + inner, 0755));
  TRY(repo.stage(tuf::kRoot, root));
  TRY(repo.stage(tuf::kTargets, tuf::make_targets(1, repo.expiry(tuf::kTargets, now), Json::object())));
  Json values = Json::object();
  for (const auto& [role, lifetime] : lifetimes) values[role] = lifetime.count() / 1000;
  TRY(replace_durably(fs, folder, kRepoFile, canonical_json({{"schema", kSchema}, {"lifetimes", values}}) + "\n"));
  return repo;
}

Result<TufRepo> TufRepo::open(const std::string& folder, Fs& fs) {
  if (!path_exists(folder + "/" + kRepoFile)) return fail(Code::kNotFound, folder + ": no " + kRepoFile);
  auto lifetimes = TRY(parse_lifetimes(TRY(read_file(folder + "/" + kRepoFile, Limits{}.metadata_bytes))));
  return TufRepo(folder, std::move(lifetimes), fs);
}

Result<std::optional<TufRepo::Published>> TufRepo::newest(std::string_view role) const {
  const std::string metadata = folder_ + "/metadata";
  if (role == tuf::kTimestamp) {
    if (!path_exists(metadata + "/timestamp.json")) return std::nullopt;
    Published out;
    out.bytes = TRY(read_file(metadata + "/timestamp.json", Limits{}.metadata_bytes));
    out.version = TRY(tuf::parse_timestamp(out.bytes)).version;
    return out;
  }
  std::uint64_t version = 0;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(metadata, ec)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t found = 0;
    std::from_chars(name.data(), name.data() + name.size(), found);
    if (name == tuf::file_name(role, found)) version = std::max(version, found);
  }
  if (ec) return fail(os_error("list", metadata, ec.value()));
  if (version == 0) return std::nullopt;
  Published out;
  out.version = version;
  out.bytes = TRY(read_file(metadata + "/" + tuf::file_name(role, version), Limits{}.metadata_bytes));
  return out;
}

Result<std::optional<Json>> TufRepo::staged(std::string_view role) const {
  const std::string path = folder_ + "/staged/" + staged_name(role);
  if (!path_exists(path)) return std::nullopt;
  const std::string bytes = TRY(read_file(path, Limits{}.metadata_bytes));
  TRY(check_form(role, bytes));
  return std::optional(TRY(parse_json(bytes, path)));
}

Result<Json> TufRepo::latest(std::string_view role) const {
  if (auto document = TRY(staged(role))) return std::move(*document);
  const auto published = TRY(newest(role));
  if (!published) return fail(Code::kNotFound, folder_ + ": no " + std::string(role) + " yet");
  return parse_json(published->bytes, role);
}

Result<void> TufRepo::stage(std::string_view role, const Json& document) {
  return replace_durably(*fs_, folder_ + "/staged", staged_name(role), tuf::write_document(document));
}

Result<void> TufRepo::add(const std::string& path, std::string_view content, Json custom, Instant now) {
  Json targets = TRY(latest(tuf::kTargets));
  Json entry = tuf::target_entry(content, std::move(custom));
  Json& listed = targets.at("signed").at("targets");
  if (listed.contains(path)) {
    if (listed.at(path).at("hashes") == entry.at("hashes")) return {};
    return fail(Code::kAlreadyExists, "target " + path + " with other content");
  }
  const std::string file = tuf::with_hash(path, Digest::of(content).hex());
  const auto slash = file.rfind('/');
  const std::string folder = folder_ + "/targets" + (slash == std::string::npos ? "" : "/" + file.substr(0, slash));
  TRY(make_dirs(folder));
  TRY(replace_durably(*fs_, folder, file.substr(slash == std::string::npos ? 0 : slash + 1), content));
  listed[path] = std::move(entry);
  const auto published = TRY(newest(tuf::kTargets));
  return stage(tuf::kTargets, as_version(std::move(targets), published ? published->version + 1 : 1, expiry(tuf::kTargets, now)));
}

Result<void> TufRepo::renew(const std::string& role, Instant now) {
  if (!tuf::is_top_level(role)) return fail(Code::kUsage, "role " + role);
  Json document = TRY(latest(role));
  const auto published = TRY(newest(role));
  return stage(role, as_version(std::move(document), published ? published->version + 1 : 1, expiry(role, now)));
}

Result<void> TufRepo::rotate(const Rotation& rotation, Instant now) {
  if (!tuf::is_top_level(rotation.role)) return fail(Code::kUsage, "role " + rotation.role);
  Json root = TRY(latest(tuf::kRoot));
  Json& body = root.at("signed");
  Json& role = body.at("roles").at(rotation.role);
  const Json before = role;
  auto ids = role.at("keyids").get<std::set<std::string>>();
  for (const std::string& id : rotation.remove)
    if (std::erase_if(ids, [&](const std::string& keyid) { return is_key(id, keyid, body.at("keys").at(keyid)); }) == 0)
      return fail(Code::kNotFound, "the role " + rotation.role + " has no key " + id);
  for (const verify::PublicKey& key : rotation.add) {
    Json form = TRY(tuf::key_json(key));
    const std::string id = TRY(tuf::key_id_of(form));
    ids.insert(id);
    body.at("keys")[id] = std::move(form);
  }
  role = {{"keyids", ids}, {"threshold", rotation.threshold.value_or(before.at("threshold").get<std::uint64_t>())}};
  if (role.at("threshold") == 0 || role.at("threshold") > ids.size())
    return fail(Code::kUsage, "the role " + rotation.role + " would have " + std::to_string(ids.size()) + " keys and a threshold of " + role.at("threshold").dump());
  if (role == before) return fail(Code::kRotationNoChange, "role " + rotation.role);
  std::set<std::string> used;
  for (const auto& [name, other] : body.at("roles").items()) used.merge(other.at("keyids").get<std::set<std::string>>());
  Json kept = Json::object();
  for (const auto& [id, key] : body.at("keys").items())
    if (used.contains(id)) kept[id] = key;
  body["keys"] = std::move(kept);
  const auto published = TRY(newest(tuf::kRoot));
  return stage(tuf::kRoot, as_version(std::move(root), published ? published->version + 1 : 1, expiry(tuf::kRoot, now)));
}

Result<std::map<std::string, std::string>> TufRepo::published_files() const {
  const std::string metadata = folder_ + "/metadata/";
  const auto root = TRY(newest(tuf::kRoot));
  const auto timestamp = TRY(newest(tuf::kTimestamp));
  if (!root || !timestamp) return fail(Code::kNotFound, folder_ + ": nothing is published yet; `airlock trust repo sign` publishes");
  std::map<std::string, std::string> files;
  for (std::uint64_t version = 1; version <= root->version; ++version) {
    const std::string name = tuf::file_name(tuf::kRoot, version);
    files[name] = TRY(read_file(metadata + name, Limits{}.metadata_bytes));
  }
  // What the timestamp leads to, which need not be the newest: a state is published when its timestamp is.
  const std::uint64_t snapshot_version = TRY(tuf::parse_timestamp(timestamp->bytes)).body.snapshot.version;
  const std::string snapshot = TRY(read_file(metadata + tuf::file_name(tuf::kSnapshot, snapshot_version), Limits{}.metadata_bytes));
  for (const auto& [name, file] : TRY(tuf::parse_snapshot(snapshot)).body.meta) {
    const std::string role = name.substr(0, name.size() - std::string_view(".json").size());
    files[tuf::file_name(role)] = TRY(read_file(metadata + tuf::file_name(role, file.version), Limits{}.metadata_bytes));
  }
  files["snapshot.json"] = snapshot;
  files["timestamp.json"] = timestamp->bytes;
  return files;
}

}  // namespace airlock::trust
