// A repository in memory, edited by assignment: change a document, publish, see what the client says.
#pragma once

#include <functional>
#include <set>

#include "memory.h"
#include "verify/keys.h"
#include "verify/tuf/author.h"

namespace airlock::verify::tuf::test {

inline const Instant kNow = Instant::parse("2026-11-21T12:00:00Z").value();
inline const Instant kLater = kNow + Millis(30LL * 86'400'000), kBefore = kNow - Millis(1000);

inline PrivateKey key(char letter) { return PrivateKey::from_seed(std::string(32, letter)).value(); }
inline std::string id_of(char letter) { return key_id_of(key_json(key(letter).public_key()).value()).value(); }

class Simulator {
 public:
  // One letter a key: r, t, s, m for root, targets, snapshot, timestamp. Root signs with all letters of root_signers.
  std::string root_signers = "r", targets_signers = "t", snapshot_signers = "s", timestamp_signers = "m";
  Json root, targets, snapshot, timestamp;            // the "signed" parts, as the next publish_*() signs them
  std::map<std::string, Json> delegated;              // role -> "signed"
  std::map<std::string, std::string> delegated_signers;
  MemorySource source;
  MemoryKeeper keeper;

  Simulator() {
    std::map<std::string, RoleKeys> roles;
    for (const auto& [name, letter] : std::map<std::string, char>{{"root", 'r'}, {"targets", 't'}, {"snapshot", 's'}, {"timestamp", 'm'}}) {
      RoleKeys role;
      role.keys.push_back(key(letter).public_key());
      roles.emplace(name, role);
    }
    root = make_root(1, kLater, roles).value()["signed"];
    targets = make_targets(1, kLater, Json::object())["signed"];
    snapshot = make_snapshot(1, kLater, 1, "")["signed"];
    timestamp = make_timestamp(1, kLater, 1, "")["signed"];
    snapshot["meta"]["targets.json"] = {{"version", 1}};
    timestamp["meta"]["snapshot.json"] = {{"version", 1}};
    publish_root();
    publish();
    keeper.files["root"] = source.files.at("1.root.json");
  }

  static std::string sign(const Json& signed_part, std::string_view letters) {
    Json document = {{"signed", signed_part}, {"signatures", Json::array()}};
    for (const char letter : letters) REQUIRE(sign_document(document, key(letter)));
    return write_document(document);
  }
  void publish_root() { source.files[std::to_string(version(root)) + ".root.json"] = sign(root, root_signers); }
  // The next version of everything below the root, each naming the one before it.
  void bump() {
    for (Json* document : {&targets, &snapshot, &timestamp}) (*document)["version"] = version(*document) + 1;
    snapshot["meta"]["targets.json"]["version"] = version(targets);
    timestamp["meta"]["snapshot.json"]["version"] = version(snapshot);
  }
  void publish() {
    source.files[std::to_string(version(targets)) + ".targets.json"] = sign(targets, targets_signers);
    for (const auto& [role, document] : delegated)
      source.files[std::to_string(version(document)) + "." + role + ".json"] = sign(document, delegated_signers[role]);
    source.files[std::to_string(version(snapshot)) + ".snapshot.json"] = sign(snapshot, snapshot_signers);
    source.files["timestamp.json"] = sign(timestamp, timestamp_signers);
  }
  // Role `name`, delegated by `parent` ("signed" of targets or another role) to the key `letter`.
  void delegate(Json& parent, const std::string& name, char letter, Json paths, bool terminating = false) {
    Json& delegations = parent["delegations"];
    delegations["keys"][id_of(letter)] = key_json(key(letter).public_key()).value();
    delegations["roles"].push_back({{"name", name}, {"keyids", {id_of(letter)}}, {"threshold", 1}, {"terminating", terminating}, {"paths", paths}});
    if (!delegated.contains(name)) delegated[name] = make_targets(1, kLater, Json::object())["signed"];
    delegated_signers[name] = std::string(1, letter);
    snapshot["meta"][name + ".json"] = {{"version", 1}};
  }
  static std::uint64_t version(const Json& signed_part) { return signed_part.at("version").get<std::uint64_t>(); }

  // "ok", or the code.
  std::string refresh(Instant now = kNow, const UpdateLimits& limits = {}) { return find("", now, limits); }
  // Also looks for a target, and gives the role that named it.
  std::string find(const std::string& target, Instant now = kNow, const UpdateLimits& limits = {}) {
    source.looked_up.clear();
    const auto done = [&]() -> Result<std::string> {
      Updater updater = TRY(Updater::start(source, keeper, now, limits));
      TRY(updater.refresh());
      if (target.empty()) return std::string("ok");
      return TRY(updater.find(target)).role;
    }();
    last = done ? "" : describe(done.error());
    return done ? *done : std::string(code_info(done.error().code).text);
  }
  std::uint64_t trusted(const std::string& role) const {
    const auto it = keeper.files.find(role);
    return it == keeper.files.end() ? 0 : version(parse_json(it->second, role).value().at("signed"));
  }
  std::string last;  // what the last refusal said
};

// The next root, edited and signed by these letters.
inline void new_root(Simulator& s, const std::function<void(Json&)>& edit, const std::string& signers = "r") {
  s.root["version"] = Simulator::version(s.root) + 1;
  edit(s.root);
  s.root_signers = signers;
  s.publish_root();
}

// `role` is from now on for the keys of these letters.
inline void set_role_key(Json& root, const std::string& role, std::string_view letters, std::uint64_t threshold = 1) {
  Json ids = Json::array();
  for (const char letter : letters) {
    ids.push_back(id_of(letter));
    root["keys"][id_of(letter)] = key_json(key(letter).public_key()).value();
  }
  root["roles"][role] = {{"keyids", ids}, {"threshold", threshold}};
}

}  // namespace airlock::verify::tuf::test
