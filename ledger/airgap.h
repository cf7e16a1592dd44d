// ledger/airgap: what a tenant knows about its gap: whether it is sealed, which time was proved, and how far time has run.
//
// Events airgap.sealed, airgap.unsealed and time.anchored project into `airgap_state`, one row a key. The high-water mark
// is no event, as it moves with every command: it is the site's row, under the tenant '', and never falls but by
// reset_high_water(). Times are UTC milliseconds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/boot.h"
#include "base/digest.h"
#include "ledger/ledger.h"

namespace airlock::ledger {

struct SealRow {
  bool sealed = false;
  Digest policy_hash;  // of the last seal
  std::string actor;   // who made the last change
  std::optional<std::string> reason, ticket;
  Instant at = Instant::from_millis(0);
};
Result<std::optional<SealRow>> seal_state(const Reader& reader, const TenantId& tenant);  // absent: never sealed
Result<void> seal(Tx& tx, const TenantId& tenant, const Digest& policy_hash, const Who& who);
Result<void> unseal(Tx& tx, const TenantId& tenant, const Who& who);  // kNotFound unless it is sealed

// A time that was proved for one generation of one bundle.
struct AnchorRow {
  BundleId bundle;
  std::uint64_t generation = 0;
  Instant time = Instant::from_millis(0);
  std::string source;  // "rfc3161", "roughtime"
  Digest token_digest, signature_fingerprint;
};
Result<void> record_anchor(Tx& tx, const TenantId& tenant, const AnchorRow& anchor, const Who& who);
// The anchor of this generation; absent when the last one recorded for the bundle is of another.
Result<std::optional<AnchorRow>> bundle_anchor(const Reader& reader, const TenantId& tenant, const BundleId& bundle,
                                               std::uint64_t generation);
Result<std::optional<AnchorRow>> newest_anchor(const Reader& reader, const TenantId& tenant);
Result<std::optional<Instant>> newest_anchor_time(const Reader& reader);  // of any tenant: the site has one time

struct HighWaterRow {
  Instant time;
  BootMoment boot;
};
Result<std::optional<HighWaterRow>> high_water(const Reader& reader);
Result<void> raise_high_water(Tx& tx, const HighWaterRow& mark);  // does nothing when the row stands higher, in the same boot
// Sets it back. kReasonRequired without reason and ticket. An event of the tenant who asks, with both times.
Result<void> reset_high_water(Tx& tx, const TenantId& tenant, const HighWaterRow& mark, const Who& who);

}  // namespace airlock::ledger
