#include "verify/tuf/author.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/olpc_json.h"
#include "verify/tuf/metadata.h"

namespace airlock::verify::tuf {
namespace {

constexpr std::string_view kSpecVersion = "1.0.31";

// 2026-11-21T11:32:00Z: python-tuf reads no fraction.
std::string whole_seconds(Instant at) { return at.text().substr(0, 19) + "Z"; }

Json document(std::string_view type, std::uint64_t version, Instant expires, Json body) {
  body["_type"] = type;
  body["spec_version"] = kSpecVersion;
  body["version"] = version;
  body["expires"] = whole_seconds(expires);
  return {{"signed", std::move(body)}, {"signatures", Json::array()}};
}

Json meta_file(std::uint64_t version, std::string_view bytes) {
  return {{"version", version}, {"length", bytes.size()}, {"hashes", {{"sha256", Digest::of(bytes).hex()}}}};
}

}  // namespace

Result<Json> make_root(std::uint64_t version, Instant expires, const std::map<std::string, RoleKeys>& roles) {
  Json keys = Json::object(), listed = Json::object();
  for (const std::string_view name : {kRoot, kTimestamp, kSnapshot, kTargets}) {
    const auto role = roles.find(std::string(name));
    if (role == roles.end()) return fail(Code::kUsage, "the role " + std::string(name) + " has no keys");
    std::set<std::string> ids;
    for (const PublicKey& key : role->second.keys) {
      Json form = TRY(key_json(key));
      const std::string id = TRY(key_id_of(form));
      ids.insert(id);
      keys[id] = std::move(form);
    }
    if (role->second.threshold < 1 || role->second.threshold > ids.size())
      return fail(Code::kUsage, "the role " + std::string(name) + " has " + std::to_string(ids.size()) + " keys and a threshold of " +
                                    std::to_string(role->second.threshold));
    listed[std::string(name)] = {{"keyids", ids}, {"threshold", role->second.threshold}};
  }
  return document(kRoot, version, expires, {{"consistent_snapshot", true}, {"keys", std::move(keys)}, {"roles", std::move(listed)}});
}

Json make_targets(std::uint64_t version, Instant expires, Json targets) {
  return document(kTargets, version, expires, {{"targets", std::move(targets)}});
}

Json make_snapshot(std::uint64_t version, Instant expires, std::uint64_t targets_version, std::string_view targets_bytes) {
  return document(kSnapshot, version, expires, {{"meta", {{"targets.json", meta_file(targets_version, targets_bytes)}}}});
}

Json make_timestamp(std::uint64_t version, Instant expires, std::uint64_t snapshot_version, std::string_view snapshot_bytes) {
  return document(kTimestamp, version, expires, {{"meta", {{"snapshot.json", meta_file(snapshot_version, snapshot_bytes)}}}});
}

Json target_entry(std::string_view content, Json custom) {
  Json entry = {{"length", content.size()}, {"hashes", {{"sha256", Digest::of(content).hex()}}}};
  if (!custom.is_null()) entry["custom"] = std::move(custom);
  return entry;
}

Result<void> sign_document(Json& document, const PrivateKey& key) {
  const std::string keyid = TRY(key_id_of(TRY(key_json(key.public_key()))));
  const std::string signature = to_hex(TRY(key.sign(TRY(olpc_canonical_json(document.at("signed"))))));
  Json& list = document.at("signatures");
  const auto same = std::ranges::find_if(list, [&](const Json& s) { return s.at("keyid") == keyid; });
  if (same != list.end()) *same = {{"keyid", keyid}, {"sig", signature}};
  else list.push_back({{"keyid", keyid}, {"sig", signature}});
  return {};
}

std::string write_document(const Json& document) { return canonical_json(document) + "\n"; }

}  // namespace airlock::verify::tuf
