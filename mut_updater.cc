#include "verify/tuf/updater.h"

#include <algorithm>
#include <set>
#include <vector>

#include "verify/tuf/paths.h"

namespace airlock::verify::tuf {

Result<Updater> Updater::start(Source& source, Keeper& keeper, Instant reference_time, const UpdateLimits& limits) {
  const auto root = TRY(keeper.load(kRoot));
  if (!root) return fail(Code::kTufMissing, "no root is trusted yet");
  return Updater(source, keeper, TRY(TrustedSet::from_root(*root, reference_time)), limits);
}

Result<void> Updater::refresh() {
  TRY(walk_roots());
  TRY(trusted_.check_root_expiry());
  TRY(update_timestamp());
  TRY(update_snapshot());
  return update_targets(kTargets, kRoot);
}

Result<std::optional<std::string>> Updater::look_up(const std::string& name, std::uint64_t limit) {
  auto bytes = source_.metadata(name, limit);
  if (!bytes && bytes.error().code == Code::kTooLarge)
    return fail(Code::kTufLimit, printable(name) + ": longer than " + std::to_string(limit) + " bytes");
  return bytes;
}

Result<std::string> Updater::require(const std::string& name, std::uint64_t limit) {
  auto bytes = TRY(look_up(name, limit));
  if (!bytes) return fail(Code::kTufMissing, printable(name));
  return std::move(*bytes);
}

std::string Updater::versioned(std::string_view role, std::uint64_t version) const {
  return trusted_.root().body.consistent_snapshot ? file_name(role, version) : file_name(role);
}

Result<void> Updater::walk_roots() {
  for (std::uint64_t step = 0; step < limits_.root_updates; ++step) {
    const auto next = TRY(look_up(file_name(kRoot, trusted_.root().version + 1), limits_.root_bytes));
    if (!next) return {};
    TRY(keeper_.keep(kRoot, *next));
    TRY(trusted_.accept_root(*next));
  }
  return {};  // section 5.3.3: enough for once; the next refresh goes on from here, if this root may still be used
}

Result<void> Updater::update_timestamp() {
  // What was kept matters as the mark for rollbacks, if the root of today still vouches for it; if it does not (its
  // keys were rotated away), or it is damaged, it is as if nothing had been kept. That is the recovery from a
  // fast-forward attack (section 5.3.11).
  if (const auto kept = TRY(keeper_.load(kTimestamp))) (void)trusted_.accept_timestamp(*kept);
  const std::string bytes = TRY(require(file_name(kTimestamp), limits_.timestamp_bytes));
  if (TRY(trusted_.accept_timestamp(bytes)) == TrustedSet::Taken::kSame) return {};
  return keeper_.keep(kTimestamp, bytes);
}

Result<void> Updater::update_snapshot() {
  if (const auto kept = TRY(keeper_.load(kSnapshot)); kept && trusted_.accept_snapshot(*kept, true)) return {};
  const MetaFile announced = trusted_.timestamp()->body.snapshot;
  const std::string bytes = TRY(require(versioned(kSnapshot, announced.version),
                                        std::min(announced.length.value_or(limits_.snapshot_bytes), limits_.snapshot_bytes)));
  TRY(trusted_.accept_snapshot(bytes, false));
  return keeper_.keep(kSnapshot, bytes);
}

Result<void> Updater::update_targets(std::string_view role, std::string_view delegator) {
  if (trusted_.targets(role) != nullptr) return {};
  if (const auto kept = TRY(keeper_.load(role)); kept && trusted_.accept_targets(*kept, role, delegator)) return {};
  const MetaFile announced = TRY(trusted_.announced(role));
  const std::string bytes = TRY(require(versioned(role, announced.version),
                                        std::min(announced.length.value_or(limits_.targets_bytes), limits_.targets_bytes)));
  TRY(trusted_.accept_targets(bytes, role, delegator));
  return keeper_.keep(role, bytes);
}

Result<FoundTarget> Updater::find(std::string_view target_path) {
  struct Visit {
    std::string role, delegator;
  };
  std::vector<Visit> to_visit = {{std::string(kTargets), std::string(kRoot)}};  // the last one is next
  std::set<std::string> visited;
  while (!to_visit.empty() && visited.size() <= limits_.delegations) {
    const Visit visit = std::move(to_visit.back());
    to_visit.pop_back();
    if (!visited.insert(visit.role).second) continue;  // delegations may run in circles
    TRY(update_targets(visit.role, visit.delegator));
    const Targets& targets = trusted_.targets(visit.role)->body;
    if (const auto found = targets.targets.find(target_path); found != targets.targets.end())
      return FoundTarget{std::string(target_path), found->second, visit.role};
    if (!targets.delegations) continue;
    std::vector<Visit> children;
    if (targets.delegations->succinct) children.push_back({succinct_role_of(*targets.delegations->succinct, target_path), visit.role});
    for (const DelegatedRole& child : targets.delegations->roles) {
      if (!is_delegated(child, target_path)) continue;
      children.push_back({child.name, visit.role});
      if (child.terminating) {  // its answer is final: nobody of lower precedence is asked
        to_visit.clear();
        break;
      }
    }
    to_visit.insert(to_visit.end(), std::make_move_iterator(children.rbegin()), std::make_move_iterator(children.rend()));
  }
  return fail(Code::kTufTarget, "\"" + printable(target_path.substr(0, 200)) + "\" in " + std::to_string(visited.size()) + " roles");
}

Result<std::string> Updater::fetch(const FoundTarget& target) {
  std::vector<std::string> names;
  if (trusted_.root().body.consistent_snapshot) {
    for (const auto& [algorithm, hex] : target.file.hashes) names.push_back(with_hash(target.path, hex));
  } else {
    names.push_back(target.path);
  }
  for (const std::string& name : names) {
    auto bytes = source_.target(name, target.file.length);
    if (!bytes && bytes.error().code == Code::kTooLarge)
      return fail(Code::kTufHash, printable(name) + ": longer than " + std::to_string(target.file.length) + " bytes");
    if (!bytes) return fail(bytes.error());
    if (!*bytes) continue;
    TRY(check_content(**bytes, target.file.length, target.file.hashes, target.path));
    return std::move(**bytes);
  }
  return fail(Code::kTufMissing, printable(names.front()));
}

}  // namespace airlock::verify::tuf
