#include <catch2/catch.hpp>

#include "bundle/space.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

manifests::BundleEntry member(const std::string& path, const std::string& bytes) { return {path, Digest::of(bytes), bytes.size(), false, ""}; }

manifests::BundleManifest manifest_of(std::vector<manifests::BundleEntry> entries) {
  return {.bundle_id = *BundleId::parse("kit"), .kind = manifests::BundleKind::kData, .version = *SemVer::parse("1.0.0"), .generation = 1,
          .created_at = Instant::from_millis(0), .producer = "", .tenants = {"*"}, .entries = std::move(entries), .base = std::nullopt, .budgets = {}};
}

TEST_CASE("what a bundle needs is counted in blocks, each content once, without what is there already") {
  TempDir dir;
  const auto store = Store::open({dir / "cas", dir / "trees"});
  REQUIRE(store);
  REQUIRE((*store)->put("known"));
  const auto need = space_needed(
      manifest_of({member("a", "12345"), member("b", "12345"), member("c", "known"), member("d", ""), member("e", std::string(4097, 'e'))}), **store, 4096);
  CHECK(need.files == 3);
  CHECK(need.bytes == 4096 + 0 + 8192);
}

TEST_CASE("a bundle that the disk cannot hold is refused before its first member, with both numbers") {
  TempDir dir;
  const auto store = Store::open({dir / "cas", dir / "trees"});
  REQUIRE(store);
  manifests::BundleEntry huge = member("huge", "x");
  huge.size = std::uint64_t{1} << 60;
  const auto refused = check_space(manifest_of({huge}), **store);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kDiskFull);
  CHECK_THAT(refused.error().context, Catch::Contains("needs 1152921504606846976 bytes in 1 new files"));
  const auto fits = check_space(manifest_of({member("a", "1")}), **store);
  REQUIRE(fits);
  CHECK_THAT(fits->text, Catch::StartsWith("needs 4096 bytes in 1 new files"));
}

}  // namespace
