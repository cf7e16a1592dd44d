#include "ledger/airgap.h"
#include "ledger/sqlite.h"
#include "support.h"

namespace airlock::testing {
namespace {

ledger::Who reasoned() { return {"alice", "policy 7", "SEC-1"}; }

ledger::AnchorRow anchor(std::int64_t seconds, std::uint64_t generation = 1, const std::string& bundle = "acme-kit") {
  return {bundle_id(bundle), generation, Instant::from_millis(seconds * 1000), "rfc3161", Digest::of("token"), Digest::of("signer")};
}

template <class Work>
void write(Ledger& ledger, Work work) {
  value(ledger.write(kStart, work));
}

Code refused(Ledger& ledger, const std::function<Result<void>(Tx&)>& work) { return code_of(ledger.write(kStart, work)); }

}  // namespace

TEST_CASE("a tenant is sealed and unsealed by events, and the last one is what holds") {
  TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  CHECK_FALSE(value(ledger::seal_state(ledger, tenant())));
  CHECK(refused(ledger, [](Tx& tx) { return ledger::unseal(tx, tenant(), kAlice); }) == Code::kNotFound);

  write(ledger, [](Tx& tx) { return ledger::seal(tx, tenant(), Digest::of("policy"), reasoned()); });
  const auto sealed = value(ledger::seal_state(ledger, tenant()));
  REQUIRE(sealed);
  CHECK(sealed->sealed);
  CHECK(sealed->policy_hash == Digest::of("policy"));
  CHECK(sealed->actor == "alice");
  CHECK(sealed->ticket == "SEC-1");
  CHECK_FALSE(value(ledger::seal_state(ledger, tenant("globex"))));

  write(ledger, [](Tx& tx) { return ledger::unseal(tx, tenant(), kAlice); });
  const auto open = value(ledger::seal_state(ledger, tenant()));
  REQUIRE(open);
  CHECK_FALSE(open->sealed);
  CHECK_FALSE(open->ticket);
  CHECK(refused(ledger, [](Tx& tx) { return ledger::unseal(tx, tenant(), kAlice); }) == Code::kNotFound);
}

TEST_CASE("anchors are kept a bundle, and the newest of any tenant is the site's floor") {
  TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  CHECK_FALSE(value(ledger::newest_anchor_time(ledger)));
  write(ledger, [](Tx& tx) { return ledger::record_anchor(tx, tenant(), anchor(2000, 2), kAlice); });
  write(ledger, [](Tx& tx) { return ledger::record_anchor(tx, tenant(), anchor(1000, 1, "other-kit"), kAlice); });
  write(ledger, [](Tx& tx) { return ledger::record_anchor(tx, tenant("globex"), anchor(3000, 9), kAlice); });
  CHECK(value(ledger::newest_anchor(ledger, tenant()))->generation == 2);  // an older one does not take its place
  CHECK(value(ledger::newest_anchor_time(ledger)) == Instant::from_millis(3'000'000));
  CHECK(value(ledger::bundle_anchor(ledger, tenant(), bundle_id("other-kit"), 1))->time == Instant::from_millis(1'000'000));
  CHECK_FALSE(value(ledger::bundle_anchor(ledger, tenant(), bundle_id("acme-kit"), 3)));
  // Activating an older generation again, on the record, makes its age the bundle's.
  write(ledger, [](Tx& tx) { return ledger::record_anchor(tx, tenant(), anchor(500, 1), kAlice); });
  CHECK(value(ledger::bundle_anchor(ledger, tenant(), bundle_id("acme-kit"), 1))->time == Instant::from_millis(500'000));
  CHECK(value(ledger::newest_anchor(ledger, tenant()))->time == Instant::from_millis(2'000'000));
}

TEST_CASE("the high-water mark only rises, unless somebody answers for setting it back") {
  TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  const auto mark = [](std::int64_t seconds, const std::string& boot) {
    return ledger::HighWaterRow{Instant::from_millis(seconds * 1000), {boot, Millis(7)}};
  };
  const auto raise = [&](const ledger::HighWaterRow& row) { write(ledger, [&](Tx& tx) { return ledger::raise_high_water(tx, row); }); };
  CHECK_FALSE(value(ledger::high_water(ledger)));
  raise(mark(100, "a"));
  raise(mark(50, "a"));
  CHECK(value(ledger::high_water(ledger))->time == Instant::from_millis(100'000));
  raise(mark(60, "b"));  // another boot: the time stays, the clock that carries it on is the new one
  CHECK(value(ledger::high_water(ledger))->time == Instant::from_millis(100'000));
  CHECK(value(ledger::high_water(ledger))->boot.boot_id == "b");
  CHECK(refused(ledger, [&](Tx& tx) { return ledger::reset_high_water(tx, tenant(), mark(10, "b"), kAlice); }) == Code::kReasonRequired);
  write(ledger, [&](Tx& tx) { return ledger::reset_high_water(tx, tenant(), mark(10, "b"), reasoned()); });
  CHECK(value(ledger::high_water(ledger))->time == Instant::from_millis(10'000));
}

TEST_CASE("seal and anchors follow from the history: a rebuilt ledger has them, an edited one is found out") {
  TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  write(ledger, [](Tx& tx) { return ledger::seal(tx, tenant(), Digest::of("policy"), reasoned()); });
  write(ledger, [](Tx& tx) { return ledger::record_anchor(tx, tenant(), anchor(2000), kAlice); });
  write(ledger, [](Tx& tx) { return ledger::raise_high_water(tx, {kStart, {"a", Millis(1)}}); });
  require_sound(ledger);
  REQUIRE(sqlite3_program(dir / "ledger.db", "UPDATE airgap_state SET value = replace(value, '\"sealed\"', '\"unsealed\"') WHERE key = 'seal'") == 0);
  CHECK_FALSE(check(ledger).ok());
}

}  // namespace airlock::testing
