#include "trust/root_change.h"

#include <algorithm>
#include <set>

namespace airlock::trust {
namespace {

namespace tuf = verify::tuf;

// One line for people: the id as the document spells it, and what kind of key stands behind it.
std::string shown(const std::string& id, const tuf::Keys& keys) {
  const auto key = keys.find(id);
  return "key " + printable(id.substr(0, 16)) + (key == keys.end() ? " (not listed)" : " (" + printable(key->second.keytype().substr(0, 40)) + ")");
}

// Another key under an old id is another key.
std::set<std::pair<std::string, std::string>> keys_of(const tuf::Role& role, const tuf::Keys& keys) {
  std::set<std::pair<std::string, std::string>> out;
  for (const std::string& id : role.keyids) {
    const auto key = keys.find(id);
    out.emplace(id, key == keys.end() ? std::string() : key->second.identity());
  }
  return out;
}

void compare_role(const std::string& name, const tuf::Root& a, const tuf::Root& b, std::vector<std::string>& out) {
  const auto before = a.roles.find(name), after = b.roles.find(name);
  const tuf::Role none{{}, 0};
  const tuf::Role& old_role = before == a.roles.end() ? none : before->second;
  const tuf::Role& new_role = after == b.roles.end() ? none : after->second;
  const std::string prefix = printable(name.substr(0, 40)) + ": ";
  if (old_role.threshold != new_role.threshold)
    out.push_back(prefix + "threshold " + std::to_string(old_role.threshold) + " -> " + std::to_string(new_role.threshold));
  const auto old_keys = keys_of(old_role, a.keys), new_keys = keys_of(new_role, b.keys);
  for (const auto& key : old_keys)
    if (!new_keys.contains(key)) out.push_back(prefix + "- " + shown(key.first, a.keys));
  for (const auto& key : new_keys)
    if (!old_keys.contains(key)) out.push_back(prefix + "+ " + shown(key.first, b.keys));
}

}  // namespace

std::vector<std::string> describe_change(const tuf::Document<tuf::Root>& before, const tuf::Document<tuf::Root>& after) {
  std::vector<std::string> out;
  std::set<std::string> names;
  for (const auto& [name, role] : before.body.roles) names.insert(name);
  for (const auto& [name, role] : after.body.roles) names.insert(name);
  for (const std::string& name : names) compare_role(name, before.body, after.body, out);
  if (before.expires != after.expires) out.push_back("expires " + before.expires.text() + " -> " + after.expires.text());
  if (before.body.consistent_snapshot != after.body.consistent_snapshot)
    out.push_back(after.body.consistent_snapshot ? "consistent snapshots begin" : "consistent snapshots end");
  return out;
}

}  // namespace airlock::trust
