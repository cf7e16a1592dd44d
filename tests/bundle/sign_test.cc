#include <catch2/catch.hpp>

#include <algorithm>

#include "archive/archive.h"
#include "bundle/layout.h"
#include "bundle/sign.h"
#include "support.h"
#include "verify/dsse.h"

namespace airlock::bundle::test {
namespace {

// As `bundle build` packs: the envelope in frames of its own, then the members.
std::string packed(const Parts& p, const std::string& envelope) {
  std::string out;
  archive::ArchiveWriter writer([&out](std::string_view bytes) -> Result<void> {
    out += bytes;
    return {};
  });
  REQUIRE(writer.add(manifests::kManifestPath, envelope));
  REQUIRE(writer.begin_frame());
  for (const Member& m : p.members) REQUIRE(writer.add(m.path, m.bytes, m.executable));
  REQUIRE(writer.finish());
  return out;
}

std::string envelope_of(const std::string& statement, std::string_view type = manifests::kStatementPayloadType) {
  const Signer* signer = &key('a');
  return verify::sign_envelope(type, statement, {&signer, 1}).value();
}

// A bundle whose payload has a few frames, signed by `a`.
Parts large_parts() {
  Parts p = parts();
  p.members.push_back({"data/zz-large.bin", noise(9 * kMiB), false});
  std::ranges::sort(p.members, [](const Member& a, const Member& b) { return in_order(a.path, b.path); });
  list_members(p);
  return p;
}

std::string build(const TempDir& dir) {
  const Parts p = large_parts();
  const std::string path = dir / "kit.tar.zst";
  write_file(path, packed(p, envelope_of(p.statement())));
  return path;
}

Result<Signed> sign(const std::string& path, std::string_view letters, const Limits& limits = {}) {
  std::vector<const Signer*> signers;
  for (const char letter : letters) signers.push_back(&key(letter));
  return sign_bundle({path, signers, limits});
}

Code verify(const std::string& path, std::string_view keys, std::uint64_t threshold) {
  const Verdict verdict = verify_bundle({path, {}, {}}, roots(keys, threshold), kNow);
  return verdict.refusal ? verdict.refusal->code : Code{-1};
}

}  // namespace

TEST_CASE("a second signature makes a threshold of two, and every frame behind the manifest stays byte for byte") {
  const TempDir dir;
  const std::string path = build(dir), before = read_whole(path);
  REQUIRE(verify(path, "ab", 2) == Code::kDsseThreshold);
  const auto done = sign(path, "b");
  REQUIRE(done);
  CHECK(done->signatures == 2);
  CHECK(done->file_sha256 == Digest::of(read_whole(path)));
  CHECK(verify(path, "ab", 2) == Code{-1});
  const std::string after = read_whole(path);
  REQUIRE(done->copied_bytes > 9 * kMiB);
  CHECK(after.substr(after.size() - done->copied_bytes) == before.substr(before.size() - done->copied_bytes));
  CHECK(done->manifest_sha256 == inspect_untrusted(path, {}).value().manifest_sha256);
}

TEST_CASE("signing again with the same key changes nothing, and three at once are three") {
  const TempDir dir;
  const std::string path = build(dir);
  REQUIRE(sign(path, "b"));
  const std::string once = read_whole(path);
  CHECK(sign(path, "b").value().signatures == 2);
  CHECK(read_whole(path) == once);
  CHECK(sign(path, "bcd").value().signatures == 4);
  CHECK(verify(path, "abcd", 4) == Code{-1});
}

TEST_CASE("signing that is refused leaves the bundle as it was and nothing beside it") {
  const TempDir dir;
  const std::string path = build(dir), before = read_whole(path);
  CHECK(sign(path, "").error().code == Code::kUsage);
  CHECK(sign(dir / "none", "b").error().code == Code::kNotFound);
  Limits narrow;
  narrow.signatures = 1;
  CHECK(sign(path, "b", narrow).error().code == Code::kDsseMalformed);
  CHECK(read_whole(path) == before);
  const Parts p = large_parts();
  Parts empty = p;
  empty.members.clear();
  struct Case {
    const char* name;
    std::string bytes;
    Code want;
  };
  const std::vector<Case> cases = {
      {"another payload type", packed(p, envelope_of(p.statement(), "text/plain")), Code::kDssePayloadType},
      {"a statement that is no bundle manifest", packed(p, envelope_of("{}")), Code::kStatement},
      {"an envelope that is none", packed(p, "[]"), Code::kDsseMalformed},
      {"no members", packed(empty, envelope_of(p.statement())), Code::kManifestInvalid},
      {"the manifest in one frame with members", p.file(), Code::kManifestInvalid},
      {"not an archive", "x", Code::kArchiveZstd},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const std::string bad = dir / "bad.tar.zst";
    write_file(bad, c.bytes);
    CHECK(sign(bad, "b").error().code == c.want);
    CHECK(read_whole(bad) == c.bytes);
  }
}

}  // namespace airlock::bundle::test
