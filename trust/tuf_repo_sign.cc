// Signing and publishing: the half of TufRepo that moves staged documents forward.
#include <algorithm>
#include <array>

#include "base/io.h"
#include "trust/durable_file.h"
#include "trust/tuf_repo.h"
#include "verify/tuf/paths.h"

namespace airlock::trust {
namespace {

namespace tuf = verify::tuf;

constexpr std::array kOrder = {tuf::kRoot, tuf::kTargets, tuf::kSnapshot, tuf::kTimestamp};

// Signs where the key is one of the role's and has not signed yet.
Result<bool> sign_with(Json& document, const verify::PrivateKey& key, const Json& keyids) {
  const std::string keyid = TRY(tuf::key_id_of(TRY(tuf::key_json(key.public_key()))));
  const auto is_it = [&](const Json& s) { return s.at("keyid") == keyid; };
  if (std::find(keyids.begin(), keyids.end(), keyid) == keyids.end() || std::ranges::any_of(document.at("signatures"), is_it)) return false;
  TRY(tuf::sign_document(document, key));
  return true;
}

const Json& keyids_in(const Json& root, std::string_view role) { return root.at("signed").at("roles").at(std::string(role)).at("keyids"); }

Result<void> check_by(const tuf::Root& root, std::string_view role, std::string_view canonical, const tuf::Signatures& signatures) {
  return tuf::check_signatures(canonical, signatures, root.keys, root.roles.find(role)->second, role);
}

}  // namespace

// Would a client take it? By the published root; a root also by itself, which is all there is for the first one.
Result<void> TufRepo::check_complete(std::string_view role, const std::string& bytes) const {
  const auto published = TRY(newest(tuf::kRoot));
  if (role == tuf::kRoot) {
    const auto next = TRY(tuf::parse_root(bytes));
    if (published) TRY(check_by(TRY(tuf::parse_root(published->bytes)).body, role, next.canonical, next.signatures));
    return check_by(next.body, role, next.canonical, next.signatures);
  }
  if (!published) return fail(Code::kTufSignatures, std::string(role) + ": waits for the first root");
  const auto root = TRY(tuf::parse_root(published->bytes)).body;
  if (role == tuf::kTargets) {
    const auto document = TRY(tuf::parse_targets(bytes, role));
    return check_by(root, role, document.canonical, document.signatures);
  }
  if (role == tuf::kSnapshot) {
    const auto document = TRY(tuf::parse_snapshot(bytes));
    return check_by(root, role, document.canonical, document.signatures);
  }
  const auto document = TRY(tuf::parse_timestamp(bytes));
  return check_by(root, role, document.canonical, document.signatures);
}

Result<void> TufRepo::stage_follower(std::string_view role, Instant now) {
  if (role == tuf::kTargets) {
    const auto targets = TRY(newest(tuf::kTargets)), snapshot = TRY(newest(tuf::kSnapshot));
    return stage(tuf::kSnapshot, tuf::make_snapshot(snapshot ? snapshot->version + 1 : 1, expiry(tuf::kSnapshot, now), targets->version, targets->bytes));
  }
  if (role == tuf::kSnapshot) {
    const auto snapshot = TRY(newest(tuf::kSnapshot)), timestamp = TRY(newest(tuf::kTimestamp));
    return stage(tuf::kTimestamp,
                 tuf::make_timestamp(timestamp ? timestamp->version + 1 : 1, expiry(tuf::kTimestamp, now), snapshot->version, snapshot->bytes));
  }
  return role == tuf::kRoot ? restage_unvouched(now) : Result<void>{};
}

// A new root may have taken the keys away under which published metadata was signed: it needs new signatures.
Result<void> TufRepo::restage_unvouched(Instant now) {
  for (const std::string_view role : {tuf::kTargets, tuf::kSnapshot, tuf::kTimestamp}) {
    const auto published = TRY(newest(role));
    if (published && !TRY(staged(role)) && !check_complete(role, published->bytes)) TRY(renew(std::string(role), now));
  }
  return {};
}

Result<bool> TufRepo::publish(std::string_view role, const std::string& bytes, std::uint64_t version, Instant now, SignReport& report) {
  const std::string name = role == tuf::kTimestamp ? tuf::file_name(role) : tuf::file_name(role, version);
  // The follower is staged before what was published leaves the stage: whoever stops in between finds it there, and
  // publishes the same bytes again. What a client sees moves with timestamp.json alone.
  TRY(replace_durably(*fs_, folder_ + "/metadata", name, bytes));
  TRY(stage_follower(role, now));
  TRY(remove_durably(*fs_, folder_ + "/staged", std::string(role) + ".json"));
  report.published.push_back(name);
  return true;
}

Result<bool> TufRepo::sign_role(std::string_view role, std::span<const verify::PrivateKey> keys, Instant now, SignReport& report) {
  auto document = TRY(staged(role));
  if (!document) return false;
  const std::uint64_t version = document->at("signed").at("version").get<std::uint64_t>();
  const std::string shown = std::string(role) + " " + std::to_string(version);
  const auto published = TRY(newest(tuf::kRoot));
  std::optional<Json> root;
  if (published) root = TRY(parse_json(published->bytes, tuf::kRoot));
  bool signed_now = false;
  for (const verify::PrivateKey& key : keys) {
    // A new root must be signed as the old one demands and as it demands itself.
    if (root && TRY(sign_with(*document, key, keyids_in(*root, role)))) signed_now = true;
    if (role == tuf::kRoot && TRY(sign_with(*document, key, keyids_in(*document, role)))) signed_now = true;
  }
  if (signed_now) {
    TRY(stage(role, *document));
    report.signed_files.push_back(shown);
  }
  const std::string bytes = tuf::write_document(*document);
  if (const auto complete = check_complete(role, bytes)) return publish(role, bytes, version, now, report);
  else report.waiting.push_back(shown + ": " + complete.error().context);
  return signed_now;
}

Result<SignReport> TufRepo::sign(std::span<const verify::PrivateKey> keys, Instant now) {
  SignReport report;
  for (bool progress = true; progress;) {
    progress = false;
    report.waiting.clear();
    for (const std::string_view role : kOrder) progress = TRY(sign_role(role, keys, now, report)) || progress;
  }
  return report;
}

}  // namespace airlock::trust
