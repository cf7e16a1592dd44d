#include "ledger/airgap.h"

#include "ledger/sqlite.h"

namespace airlock::ledger {
namespace {

constexpr std::string_view kSeal = "seal", kAnchor = "anchor", kAnchorOf = "anchor:", kHighWater = "time.high_water";
constexpr std::string_view kSite = "";  // the tenant of what belongs to no tenant

Result<std::optional<Json>> value_of(const Reader& reader, std::string_view tenant, std::string_view key) {
  sql::Statement row = TRY(reader.db().query("SELECT value FROM airgap_state WHERE tenant = ?1 AND key = ?2", tenant, key));
  if (!TRY(row.step())) return std::optional<Json>();
  return std::optional(TRY(row.json(0)));
}

Result<AnchorRow> read_anchor(const Json& value) {
  auto reader = TRY(ObjectReader::of(value, "airgap_state"));
  BundleId bundle = TRY(reader.id<BundleId>("bundleId"));
  const std::uint64_t generation = TRY(reader.uint("generation"));
  const Instant time = TRY(reader.instant("anchorTime"));
  std::string source = TRY(reader.string("source"));
  const Digest token = TRY(reader.digest("tokenDigest")), signature = TRY(reader.digest("signatureFingerprint"));
  return AnchorRow{std::move(bundle), generation, time, std::move(source), token, signature};
}

Result<std::optional<AnchorRow>> anchor_at(const Reader& reader, const TenantId& tenant, std::string_view key) {
  const auto value = TRY(value_of(reader, tenant.str(), key));
  if (!value) return std::optional<AnchorRow>();
  return std::optional(TRY(read_anchor(*value)));
}

Json mark_json(const HighWaterRow& mark) {
  return {{"time", mark.time.text()}, {"bootId", mark.boot.boot_id}, {"sinceBoot", mark.boot.since_boot.count()}};
}

Result<void> write_mark(Tx& tx, const HighWaterRow& mark) {
  TRY(tx.db().run("INSERT INTO airgap_state VALUES (?1, ?2, ?3, 0) ON CONFLICT DO UPDATE SET value = excluded.value", kSite, kHighWater,
                  mark_json(mark)));
  return {};
}

std::optional<std::string> text_or_none(const Json& value, const char* key) {
  const auto at = value.find(key);
  return at == value.end() || !at->is_string() ? std::nullopt : std::optional(at->get<std::string>());
}

}  // namespace

Result<std::optional<SealRow>> seal_state(const Reader& reader, const TenantId& tenant) {
  const auto value = TRY(value_of(reader, tenant.str(), kSeal));
  if (!value) return std::optional<SealRow>();
  auto fields = TRY(ObjectReader::of(*value, "airgap_state"));
  const bool sealed = TRY(fields.string("state")) == "sealed";
  const Digest policy = TRY(fields.digest("policyHash"));
  std::string actor = TRY(fields.string("actor"));
  const Instant at = TRY(fields.instant("at"));
  return std::optional(SealRow{sealed, policy, std::move(actor), text_or_none(*value, "reason"), text_or_none(*value, "ticket"), at});
}

Result<void> seal(Tx& tx, const TenantId& tenant, const Digest& policy_hash, const Who& who) {
  const auto before = TRY(seal_state(tx, tenant));
  TRY(tx.append(tenant, {"airgap.sealed",
                         "airgap:" + tenant.str(),
                         who,
                         Json{{"state", before && before->sealed ? "sealed" : "unsealed"}},
                         Json{{"state", "sealed"}},
                         {{"policyHash", policy_hash.prefixed()}}}));
  return {};
}

Result<void> unseal(Tx& tx, const TenantId& tenant, const Who& who) {
  const auto before = TRY(seal_state(tx, tenant));
  if (!before || !before->sealed) return fail(Code::kNotFound, "tenant " + tenant.str() + " is not sealed");
  TRY(tx.append(tenant, {"airgap.unsealed",
                         "airgap:" + tenant.str(),
                         who,
                         Json{{"state", "sealed"}},
                         Json{{"state", "unsealed"}},
                         {{"policyHash", before->policy_hash.prefixed()}}}));
  return {};
}

Result<void> record_anchor(Tx& tx, const TenantId& tenant, const AnchorRow& anchor, const Who& who) {
  TRY(tx.append(tenant, {"time.anchored",
                         "bundle:" + anchor.bundle.str() + "@" + std::to_string(anchor.generation),
                         who,
                         std::nullopt,
                         std::nullopt,
                         {{"bundleId", anchor.bundle.str()},
                          {"generation", anchor.generation},
                          {"anchorTime", anchor.time.text()},
                          {"source", anchor.source},
                          {"tokenDigest", anchor.token_digest.prefixed()},
                          {"signatureFingerprint", anchor.signature_fingerprint.prefixed()}}}));
  return {};
}

Result<std::optional<AnchorRow>> bundle_anchor(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                               std::uint64_t generation) {
  auto anchor = TRY(anchor_at(reader, tenant, std::string(kAnchorOf) + bundle.str()));
  if (anchor && anchor->generation != generation) anchor.reset();
  return anchor;
}

Result<std::optional<AnchorRow>> newest_anchor(const Reader& reader, const TenantId& tenant) {
  return anchor_at(reader, tenant, kAnchor);
}

Result<std::optional<Instant>> newest_anchor_time(const Reader& reader) {
  sql::Statement rows = TRY(reader.db().query("SELECT value FROM airgap_state WHERE key = ?1", kAnchor));
  std::optional<Instant> newest;
  while (TRY(rows.step())) {
    const Json value = TRY(rows.json(0));
    const Instant time = TRY(read_anchor(value)).time;
    if (!newest || time > *newest) newest = time;
  }
  return newest;
}

Result<std::optional<HighWaterRow>> high_water(const Reader& reader) {
  const auto value = TRY(value_of(reader, kSite, kHighWater));
  if (!value) return std::optional<HighWaterRow>();
  auto fields = TRY(ObjectReader::of(*value, "airgap_state"));
  const Instant time = TRY(fields.instant("time"));
  std::string boot = TRY(fields.string("bootId"));
  const auto since = static_cast<std::int64_t>(TRY(fields.uint("sinceBoot")));
  return std::optional(HighWaterRow{time, {std::move(boot), Millis(since)}});
}

Result<void> raise_high_water(Tx& tx, const HighWaterRow& mark) {
  const auto before = TRY(high_water(tx));
  // A mark of another boot is written again even where it stands higher: from now on it is carried on by this boot's clock.
  if (before && before->time >= mark.time && before->boot.boot_id == mark.boot.boot_id) return {};
  HighWaterRow raised = mark;
  if (before && before->time > mark.time) raised.time = before->time;
  return write_mark(tx, raised);
}

Result<void> reset_high_water(Tx& tx, const TenantId& tenant, const HighWaterRow& mark, const Who& who) {
  if (!who.reason || !who.ticket) return fail(Code::kReasonRequired, "to set trusted time back");
  const auto before = TRY(high_water(tx));
  TRY(tx.append(tenant, {"time.reset",
                         "site",
                         who,
                         before ? std::optional(Json{{"highWater", before->time.text()}}) : std::nullopt,
                         Json{{"highWater", mark.time.text()}},
                         Json::object()}));
  return write_mark(tx, mark);
}

}  // namespace airlock::ledger
