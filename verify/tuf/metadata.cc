#include "verify/tuf/metadata.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/olpc_json.h"

namespace airlock::verify::tuf {
namespace {

std::unexpected<Error> malformed(const std::string& place, std::string_view why) {
  return fail(Code::kTufMalformed, place + ": " + std::string(why));
}

// Fields that a document must have, read by name; what else stands in an object is nobody's business.
Result<const Json*> field(const Json& object, std::string_view name, const std::string& place, Json::value_t type) {
  const auto it = object.find(name);
  if (it == object.end()) return malformed(place + "." + std::string(name), "missing");
  const bool fits = it->type() == type;
  if (!fits) return malformed(place + "." + std::string(name), "is of another type");
  return &*it;
}

Result<const Json*> object_in(const Json& object, std::string_view name, const std::string& place) {
  return field(object, name, place, Json::value_t::object);
}

Result<std::string> text_in(const Json& object, std::string_view name, const std::string& place) {
  return TRY(field(object, name, place, Json::value_t::string))->get<std::string>();
}

Result<std::uint64_t> number_in(const Json& object, std::string_view name, const std::string& place, std::uint64_t at_least) {
  const std::uint64_t value = TRY(field(object, name, place, Json::value_t::number_unsigned))->get<std::uint64_t>();
  if (value < at_least) return malformed(place + "." + std::string(name), "must be at least " + std::to_string(at_least));
  return value;
}

Result<std::vector<std::string>> texts_in(const Json& object, std::string_view name, const std::string& place) {
  std::vector<std::string> out;
  for (const Json& item : *TRY(field(object, name, place, Json::value_t::array))) {
    if (!item.is_string()) return malformed(place + "." + std::string(name), "expected a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<Role> read_role(const Json& object, const std::string& place) {
  Role role;
  role.threshold = TRY(number_in(object, "threshold", place, 1));
  role.keyids = TRY(texts_in(object, "keyids", place));
  if (std::set<std::string>(role.keyids.begin(), role.keyids.end()).size() != role.keyids.size())
    return malformed(place + ".keyids", "the same id twice");
  return role;
}

Result<Keys> read_keys(const Json& object, const std::string& place) {
  Keys keys;
  for (const auto& [id, value] : object.items()) keys.emplace(id, TRY(Key::parse(value, place + "." + id.substr(0, 80))));
  return keys;
}

Result<std::map<std::string, std::string>> read_hashes(const Json& object, const std::string& place) {
  std::map<std::string, std::string> hashes;
  for (const auto& [algorithm, hex] : object.items()) {
    // A hash becomes part of a file's name, too: nothing but hex may come through here.
    if (!hex.is_string() || !from_hex(hex.get_ref<const std::string&>())) return malformed(place, "expected lower-case hex for each algorithm");
    hashes.emplace(algorithm, hex.get<std::string>());
  }
  if (hashes.empty()) return malformed(place, "none");
  return hashes;
}

Result<MetaFile> read_meta_file(const Json& value, const std::string& place) {
  if (!value.is_object()) return malformed(place, "expected an object");
  MetaFile file;
  file.version = TRY(number_in(value, "version", place, 1));
  if (value.contains("length")) file.length = TRY(number_in(value, "length", place, 0));
  if (value.contains("hashes")) file.hashes = TRY(read_hashes(*TRY(object_in(value, "hashes", place)), place + ".hashes"));
  return file;
}

Result<TargetFile> read_target(const Json& value, const std::string& place) {
  if (!value.is_object()) return malformed(place, "expected an object");
  TargetFile file;
  file.length = TRY(number_in(value, "length", place, 0));
  file.hashes = TRY(read_hashes(*TRY(object_in(value, "hashes", place)), place + ".hashes"));
  return file;
}

Result<DelegatedRole> read_delegated(const Json& value, const std::string& place) {
  if (!value.is_object()) return malformed(place, "expected an object");
  DelegatedRole role;
  role.name = TRY(text_in(value, "name", place));
  if (role.name.empty() || is_top_level(role.name)) return malformed(place + ".name", "not a name for a delegated role");
  role.role = TRY(read_role(value, place));
  role.terminating = TRY(field(value, "terminating", place, Json::value_t::boolean))->get<bool>();
  const bool paths = value.contains("paths"), prefixes = value.contains("path_hash_prefixes");
  if (paths == prefixes) return malformed(place, "expected one of paths and path_hash_prefixes");
  if (paths) role.paths = TRY(texts_in(value, "paths", place));
  else role.hash_prefixes = TRY(texts_in(value, "path_hash_prefixes", place));
  return role;
}

Result<Delegations> read_delegations(const Json& value, const std::string& place) {
  Delegations out;
  out.keys = TRY(read_keys(*TRY(object_in(value, "keys", place)), place + ".keys"));
  const bool listed = value.contains("roles"), succinct = value.contains("succinct_roles");
  if (listed == succinct) return malformed(place, "expected one of roles and succinct_roles");
  if (succinct) {
    const Json& object = *TRY(object_in(value, "succinct_roles", place));
    const std::string inner = place + ".succinct_roles";
    SuccinctRoles roles;
    roles.role = TRY(read_role(object, inner));
    roles.bit_length = TRY(number_in(object, "bit_length", inner, 1));
    roles.name_prefix = TRY(text_in(object, "name_prefix", inner));
    if (roles.bit_length > 32) return malformed(inner + ".bit_length", "must be at most 32");
    out.succinct = std::move(roles);
    return out;
  }
  std::set<std::string> names;
  for (const Json& item : *TRY(field(value, "roles", place, Json::value_t::array))) {
    out.roles.push_back(TRY(read_delegated(item, place + ".roles[" + std::to_string(out.roles.size()) + "]")));
    if (!names.insert(out.roles.back().name).second) return malformed(place + ".roles", "the same name twice");
  }
  return out;
}

Result<Signatures> read_signatures(const Json& document, const std::string& place) {
  Signatures out;
  for (const Json& item : *TRY(field(document, "signatures", place, Json::value_t::array))) {
    const std::string at = place + ".signatures[" + std::to_string(out.size()) + "]";
    if (!item.is_object()) return malformed(at, "expected an object");
    const std::string keyid = TRY(text_in(item, "keyid", at));
    const auto raw = from_hex(TRY(text_in(item, "sig", at)));
    // Which of two would count is a question that two clients may answer differently.
    if (!out.emplace(keyid, raw ? *raw : std::string()).second) return malformed(at, "a second signature under the same id");
  }
  return out;
}

// 1.x and 1.x.y; the minor and patch numbers promise compatibility (specification section 4.3).
Result<void> check_spec_version(const std::string& text, const std::string& place) {
  const auto numeric = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  const auto dots = std::ranges::count(text, '.');
  if (!text.starts_with("1.") || dots > 2 || !std::ranges::all_of(text, numeric) || text.back() == '.')
    return malformed(place + ".spec_version", "expected 1.x, found " + printable(text.substr(0, 20)));
  return {};
}

// The frame that all roles share; `read` fills the body from "signed".
template <class T, class Read>
Result<Document<T>> parse_document(std::string_view bytes, std::string_view type, std::string_view name, const Read& read) {
  const std::string place = printable(name.substr(0, 80));
  const auto json = parse_json(bytes, place);
  if (!json) return fail(Code::kTufMalformed, json.error().context);
  if (!json->is_object()) return malformed(place, "expected an object");
  const Json& signed_part = *TRY(object_in(*json, "signed", place));
  if (const std::string found = TRY(text_in(signed_part, "_type", place)); found != type)
    return malformed(place, "is of type \"" + printable(found.substr(0, 40)) + "\"");
  TRY(check_spec_version(TRY(text_in(signed_part, "spec_version", place)), place));
  const auto expires = Instant::parse(TRY(text_in(signed_part, "expires", place)));
  if (!expires) return malformed(place + ".expires", expires.error().context);
  auto canonical = olpc_canonical_json(signed_part);
  if (!canonical) return malformed(place, canonical.error().context);
  const std::uint64_t version = TRY(number_in(signed_part, "version", place, 1));
  Signatures signatures = TRY(read_signatures(*json, place));
  T body = TRY(read(signed_part, place));
  return Document<T>{version, *expires, std::move(body), std::move(*canonical), std::move(signatures)};
}

Result<Root> read_root(const Json& value, const std::string& place) {
  Root root;
  root.keys = TRY(read_keys(*TRY(object_in(value, "keys", place)), place + ".keys"));
  for (const auto& [name, role] : TRY(object_in(value, "roles", place))->items()) {
    if (!role.is_object()) return malformed(place + ".roles", "expected an object for each role");
    root.roles.emplace(name, TRY(read_role(role, place + ".roles." + printable(name.substr(0, 80)))));
  }
  for (const std::string_view name : {kRoot, kTimestamp, kSnapshot, kTargets})
    if (!root.roles.contains(name)) return malformed(place + ".roles", std::string(name) + " is missing");
  // Before 1.0 the field could be left out, and meant false.
  root.consistent_snapshot =
      value.contains("consistent_snapshot") && TRY(field(value, "consistent_snapshot", place, Json::value_t::boolean))->get<bool>();
  return root;
}

Result<Targets> read_targets(const Json& value, const std::string& place) {
  Targets out;
  for (const auto& [path, file] : TRY(object_in(value, "targets", place))->items())
    out.targets.emplace(path, TRY(read_target(file, place + ".targets[\"" + printable(path.substr(0, 80)) + "\"]")));
  if (value.contains("delegations") && !value["delegations"].is_null())
    out.delegations = TRY(read_delegations(*TRY(object_in(value, "delegations", place)), place + ".delegations"));
  return out;
}

}  // namespace

bool is_top_level(std::string_view role) {
  return role == kRoot || role == kTimestamp || role == kSnapshot || role == kTargets;
}

Result<Document<Root>> parse_root(std::string_view bytes) { return parse_document<Root>(bytes, kRoot, kRoot, read_root); }

Result<Document<Timestamp>> parse_timestamp(std::string_view bytes) {
  return parse_document<Timestamp>(bytes, kTimestamp, kTimestamp, [](const Json& value, const std::string& place) -> Result<Timestamp> {
    const Json& meta = *TRY(object_in(value, "meta", place));
    return Timestamp{TRY(read_meta_file(*TRY(object_in(meta, "snapshot.json", place + ".meta")), place + ".meta[\"snapshot.json\"]"))};
  });
}

Result<Document<Snapshot>> parse_snapshot(std::string_view bytes) {
  return parse_document<Snapshot>(bytes, kSnapshot, kSnapshot, [](const Json& value, const std::string& place) -> Result<Snapshot> {
    Snapshot out;
    for (const auto& [name, file] : TRY(object_in(value, "meta", place))->items())
      out.meta.emplace(name, TRY(read_meta_file(file, place + ".meta[\"" + printable(name.substr(0, 80)) + "\"]")));
    return out;
  });
}

Result<Document<Targets>> parse_targets(std::string_view bytes, std::string_view role) {
  return parse_document<Targets>(bytes, kTargets, role, read_targets);
}

Result<void> check_signatures(std::string_view canonical, const Signatures& signatures, const Keys& keys,
                              const Role& role, std::string_view name) {
  std::set<std::string> signed_by;
  for (const std::string& keyid : role.keyids) {
    const auto key = keys.find(keyid);
    if (key == keys.end() || !key->second.usable() || signed_by.contains(key->second.identity())) continue;
    const auto signature = signatures.find(keyid);
    if (signature != signatures.end() && key->second.verify(canonical, signature->second)) signed_by.insert(key->second.identity());
  }
  if (signed_by.size() >= role.threshold) return {};
  return fail(Code::kTufSignatures, printable(name.substr(0, 80)) + ": " + std::to_string(signed_by.size()) + " of " +
                                        std::to_string(role.keyids.size()) + " keys signed it, " + std::to_string(role.threshold) + " needed");
}

Result<void> check_content(std::string_view bytes, std::optional<std::uint64_t> length,
                           const std::map<std::string, std::string>& hashes, std::string_view what) {
  const std::string name = printable(what.substr(0, 200));
  if (length && *length != bytes.size())
    return fail(Code::kTufHash, name + ": " + std::to_string(bytes.size()) + " bytes, expected " + std::to_string(*length));
  bool known = hashes.empty();
  for (const auto& [algorithm, hex] : hashes) {
    std::string actual;
    if (algorithm == "sha256") actual = to_hex(hash_of(HashAlgorithm::kSha256, bytes));
    else if (algorithm == "sha384") actual = to_hex(hash_of(HashAlgorithm::kSha384, bytes));
    else if (algorithm == "sha512") actual = to_hex(hash_of(HashAlgorithm::kSha512, bytes));
    else continue;  // one that we know is enough
    known = true;
    if (actual != hex) return fail(Code::kTufHash, name + ": " + algorithm + " " + actual + ", expected " + printable(hex.substr(0, 130)));
  }
  if (!known) return fail(Code::kTufHash, name + ": no hash of a known algorithm");
  return {};
}

}  // namespace airlock::verify::tuf
