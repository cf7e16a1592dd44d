// Time at an import, by its number in docs/hostile-bundles.md: C085 (what a time anchor can move) and C090 (what the clock
// of the machine can). Anchors are Roughtime reports of a server of the test's own.
#include <catch2/catch.hpp>

#include "ledger/airgap.h"
#include "support.h"
#include "tests/time/roughtime_server.h"
#include "verify/time/anchor.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;
using verify::test::Server;

namespace {

constexpr Millis kHour{3'600'000};

// A site that believes the server, at a wall clock and for a time since its start that the test sets.
struct Clocked : Site {
  Server server;
  std::optional<manifests::TimeRoots> time_roots = manifests::TimeRoots{{}, {{"server", server.public_key().raw()}}};
  BootMoment boot{"00000000-0000-0000-0000-000000000001", Millis(0)};

  Clocked() {
    server.min = 0, server.max = 4'000'000'000;
    trust->valid_from = kNow - std::chrono::hours(1000);
  }
  // The bundle with an anchor that says when its manifest existed.
  Parts anchored(Parts parts, Instant when) {
    server.midpoint = static_cast<std::uint64_t>(when.millis() / 1000);
    const std::string payload = parts.statement();
    const std::string report = verify::write_roughtime_report(verify::test::ask_in_turn({server}, verify::roughtime_hash(payload, 32)));
    const auto proof = verify::verify_time_proof(manifests::AnchorSource::kRoughtime, report, payload,
                                                 verify::TimeAuthorities::read(*time_roots).value()).value();
    const manifests::TimeAnchor anchor{proof.time, proof.format, Digest::of(report), proof.signature_fingerprint};
    parts.members.insert(parts.members.begin(), {{"time/anchor.json", manifests::write_time_anchor(anchor), false}, {"time/a.roughtime", report, false}});
    std::ranges::sort(parts.members.begin(), parts.members.begin() + 2, {}, &Member::path);
    return parts;
  }
  std::string import_at(Instant wall, const Parts& parts) {
    clock.set(wall);
    const std::string path = home + "/inbox/kit.tar.zst";
    write_file(path, parts.file());
    return code_of(import_bundle(request(path), {*store, *ledger, quarantine, trust, clock, entropy, &repositories, time_roots, std::nullopt, boot}));
  }
  std::optional<Instant> anchor() const { return ledger::newest_anchor_time(*ledger).value(); }
  std::optional<Instant> mark() const {
    const auto row = ledger::high_water(*ledger).value();
    return row ? std::optional(row->time) : std::nullopt;
  }
};

}  // namespace

TEST_CASE("C085 an anchor in the future of the clock is refused, and moves nothing") {
  Clocked site;
  REQUIRE(site.import_at(kNow, site.anchored(parts(), kNow - kHour)) == "accepted");
  CHECK(site.anchor() == kNow - kHour);
  const std::string state = site.state();
  for (const Millis ahead : {Millis(6000), kHour, 24 * 365 * kHour}) {
    INFO(ahead.count());
    CHECK(site.import_at(kNow, site.anchored(parts(2, "2.0.0"), kNow + ahead)) == "time:clock-rollback");
    CHECK(site.anchor() == kNow - kHour);
    CHECK(site.mark() == kNow);
    CHECK(site.state() == state);
  }
  CHECK(site.import_at(kNow, site.anchored(parts(2, "2.0.0"), kNow + Millis(5000))) == "accepted");  // clocks slew
}

// Not refused for being older, as the row has it: a kit of another line, or one that lay longer on its disk, has an older
// anchor and is none the worse, and whether its content is too old is for its budgets to say. It moves no time back.
TEST_CASE("C085 an anchor older than the last one moves no time back, and what is too old is refused by its budget") {
  Clocked site;
  REQUIRE(site.import_at(kNow, site.anchored(parts(), kNow - kHour)) == "accepted");
  CHECK(site.import_at(kNow, site.anchored(parts(2, "2.0.0"), kNow - 10 * kHour)) == "accepted");
  CHECK(site.anchor() == kNow - kHour);
  CHECK(site.mark() == kNow);
  CHECK(site.import_at(kNow - 2 * kHour, parts(3, "3.0.0")) == "time:clock-rollback");
  Parts stale = parts(3, "3.0.0");
  stale.manifest.budgets["feeds"] = {3600, 7200};
  CHECK(site.import_at(kNow, site.anchored(stale, kNow - 10 * kHour)) == "stale");
  CHECK(site.import_at(kNow, site.anchored(stale, kNow - kHour)) == "accepted");
}

TEST_CASE("C090 a clock in 1970 or in 2099, where nothing was proved, meets the window of the trust roots") {
  Clocked site;
  for (const char* wall : {"1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"}) {
    INFO(wall);
    CHECK(site.import_at(Instant::parse(wall).value(), parts()) == "invalid-trust-window");
    CHECK_FALSE(site.mark());  // a refused import proves nothing
  }
  CHECK(site.import_at(Instant::parse("1970-01-01T00:00:00Z").value(), site.anchored(parts(), kNow)) == "invalid-trust-window");
  CHECK(site.state().empty());
  CHECK(site.import_at(kNow, parts()) == "accepted");
}

TEST_CASE("C090 a clock that is set, set back or stopped between two imports changes no decision") {
  Clocked site;
  REQUIRE(site.import_at(kNow, parts()) == "accepted");
  REQUIRE(site.mark() == kNow);
  const Parts next = parts(2, "2.0.0");
  const std::string state = site.state();
  SECTION("set back") {
    for (const Instant wall : {kNow - Millis(5001), kNow - kHour, Instant::from_millis(0)}) CHECK(site.import_at(wall, next) == "time:clock-rollback");
    CHECK(site.mark() == kNow);
    CHECK(site.state() == state);
    CHECK(site.import_at(kNow - Millis(5000), next) == "accepted");  // slewing is none
    CHECK(site.mark() == kNow);
  }
  SECTION("in 2099 for a moment") {
    CHECK(site.import_at(Instant::parse("2099-01-01T00:00:00Z").value(), next) == "invalid-trust-window");
    CHECK(site.mark() == kNow);
    CHECK(site.import_at(kNow + kHour, next) == "accepted");
  }
  SECTION("stopped: the machine's own count goes on") {
    site.boot.since_boot = Millis(5000);
    CHECK(site.import_at(kNow, next) == "accepted");
    site.boot.since_boot = 72 * kHour;
    CHECK(site.import_at(kNow, parts(3, "3.0.0")) == "time:clock-rollback");
    CHECK(site.import_at(kNow + 72 * kHour, parts(3, "3.0.0")) == "accepted");
  }
  SECTION("stopped until the trust roots have ended") {
    site.boot.since_boot = 1001 * kHour;
    CHECK(site.import_at(kNow, next) == "invalid-trust-window");
  }
  SECTION("set back while the machine was off: the mark stands where it was") {
    site.boot = {"00000000-0000-0000-0000-000000000002", Millis(0)};
    CHECK(site.import_at(kNow - kHour, next) == "time:clock-rollback");
    CHECK(site.import_at(kNow, next) == "accepted");
  }
}
