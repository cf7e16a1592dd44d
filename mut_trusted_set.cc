#include "verify/tuf/trusted_set.h"

#include <algorithm>

namespace airlock::verify::tuf {
namespace {

Result<void> check_root_signatures(const Document<Root>& signed_document, const Root& by, std::string_view as) {
  return check_signatures(signed_document.canonical, signed_document.signatures, by.keys, by.roles.find(kRoot)->second, as);
}

std::string versions(std::uint64_t found, std::uint64_t expected) {
  return "version " + std::to_string(found) + ", expected " + std::to_string(expected);
}

std::string shown(std::string_view role) { return printable(role.substr(0, 80)); }

}  // namespace

Result<TrustedSet> TrustedSet::from_root(std::string_view bytes, Instant reference_time) {
  auto root = TRY(parse_root(bytes));
  TRY(check_root_signatures(root, root.body, "root, by its own keys"));
  return TrustedSet(std::move(root), reference_time);
}

Result<void> TrustedSet::check_expiry(Instant expires, std::string_view role) const {
  if (expires > reference_time_) return {};
  return fail(Code::kTufExpired, shown(role) + ": expired " + expires.text() + ", judged at " + reference_time_.text());
}

Result<void> TrustedSet::check_root_expiry() const { return check_expiry(root_.expires, kRoot); }

Result<void> TrustedSet::accept_root(std::string_view bytes) {
  if (timestamp_) return fail(Code::kInternal, "a root after the timestamp");
  auto next = TRY(parse_root(bytes));
  TRY(check_root_signatures(next, root_.body, "root, by the keys of the root before"));
  // Versions go up one by one, so that no step of a rotation can be left out.
  if (next.version != root_.version + 1)
    return fail(next.version <= root_.version ? Code::kTufRollback : Code::kTufVersion, "root: " + versions(next.version, root_.version + 1));
  TRY(check_root_signatures(next, next.body, "root, by its own keys"));
  root_ = std::move(next);
  return {};
}

Result<void> TrustedSet::check_timestamp_current() const { return check_expiry(timestamp_->expires, kTimestamp); }

Result<TrustedSet::Taken> TrustedSet::accept_timestamp(std::string_view bytes) {
  if (snapshot_) return fail(Code::kInternal, "a timestamp after the snapshot");
  auto next = TRY(parse_timestamp(bytes));
  TRY(check_signatures(next.canonical, next.signatures, root_.body.keys, root_.body.roles.find(kTimestamp)->second, kTimestamp));
  if (timestamp_) {
    if (next.version < timestamp_->version)
      return fail(Code::kTufRollback, "timestamp: version " + std::to_string(next.version) + ", trusted is " + std::to_string(timestamp_->version));
    if (next.version == timestamp_->version) {
      TRY(check_timestamp_current());
      return Taken::kSame;
    }
    const std::uint64_t before = timestamp_->body.snapshot.version, now = next.body.snapshot.version;
    if (now < before)
      return fail(Code::kTufRollback, "timestamp: names snapshot " + std::to_string(now) + ", trusted is " + std::to_string(before));
  }
  timestamp_ = std::move(next);
  TRY(check_timestamp_current());  // an expired one stays, as the mark
  return Taken::kNew;
}

Result<void> TrustedSet::check_snapshot_current() const {
  TRY(check_expiry(snapshot_->expires, kSnapshot));
  const std::uint64_t announced = timestamp_->body.snapshot.version;
  if (snapshot_->version != announced) return fail(Code::kTufVersion, "snapshot: " + versions(snapshot_->version, announced));
  return {};
}

Result<void> TrustedSet::accept_snapshot(std::string_view bytes, bool from_own_store) {
  if (!timestamp_) return fail(Code::kInternal, "a snapshot before the timestamp");
  if (!targets_.empty()) return fail(Code::kInternal, "a snapshot after targets");
  TRY(check_timestamp_current());
  const MetaFile& announced = timestamp_->body.snapshot;
  if (!from_own_store) TRY(check_content(bytes, announced.length, announced.hashes, "snapshot"));
  auto next = TRY(parse_snapshot(bytes));
  TRY(check_signatures(next.canonical, next.signatures, root_.body.keys, root_.body.roles.find(kSnapshot)->second, kSnapshot));
  if (!from_own_store && next.version != announced.version)
    return fail(Code::kTufVersion, "snapshot: " + versions(next.version, announced.version));
  if (snapshot_) {
    for (const auto& [name, before] : snapshot_->body.meta) {
      const auto now = next.body.meta.find(name);
      if (now == next.body.meta.end()) return fail(Code::kTufRollback, "snapshot: " + shown(name) + " is no longer listed");
      if (now->second.version < before.version)
        return fail(Code::kTufRollback, "snapshot: names version " + std::to_string(now->second.version) + " of " + shown(name) +
                                            ", trusted is " + std::to_string(before.version));
    }
  }
  snapshot_ = std::move(next);
  return check_snapshot_current();
}

Result<MetaFile> TrustedSet::announced(std::string_view role) const {
  if (!snapshot_) return fail(Code::kInternal, "targets before the snapshot");
  const auto it = snapshot_->body.meta.find(std::string(role) + ".json");
  if (it == snapshot_->body.meta.end()) return fail(Code::kTufMissing, "snapshot: does not list " + shown(role));
  return it->second;
}

const Document<Targets>* TrustedSet::targets(std::string_view role) const {
  const auto it = targets_.find(role);
  return it == targets_.end() ? nullptr : &it->second;
}

Result<void> TrustedSet::accept_targets(std::string_view bytes, std::string_view role, std::string_view delegator) {
  if (!snapshot_) return fail(Code::kInternal, "targets before the snapshot");
  TRY(check_snapshot_current());
  const MetaFile meta = TRY(announced(role));
  TRY(check_content(bytes, meta.length, meta.hashes, role));
  auto next = TRY(parse_targets(bytes, role));
  if (delegator == kRoot) {
    const auto it = root_.body.roles.find(role);
    if (role != kTargets || it == root_.body.roles.end()) return fail(Code::kInternal, "root delegates targets only");
    TRY(check_signatures(next.canonical, next.signatures, root_.body.keys, it->second, role));
  } else {
    const Document<Targets>* parent = targets(delegator);
    if (parent == nullptr || !parent->body.delegations) return fail(Code::kInternal, "a delegation by nobody");
    const Delegations& delegations = *parent->body.delegations;
    const auto listed = std::ranges::find(delegations.roles, role, &DelegatedRole::name);
    if (listed == delegations.roles.end() && !delegations.succinct) return fail(Code::kInternal, "a role that is not delegated");
    TRY(check_signatures(next.canonical, next.signatures, delegations.keys,
                         listed != delegations.roles.end() ? listed->role : delegations.succinct->role, role));
  }
  if (next.version != meta.version) return fail(Code::kTufVersion, shown(role) + ": " + versions(next.version, meta.version));
  TRY(check_expiry(next.expires, role));
  targets_.insert_or_assign(std::string(role), std::move(next));
  return {};
}

}  // namespace airlock::verify::tuf
