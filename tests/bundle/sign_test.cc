#include <catch2/catch.hpp>

#include "bundle/sign.h"
#include "support.h"

namespace airlock::bundle::test {
namespace {

// A bundle whose payload has a few frames, signed by `a`.
std::string build(const TempDir& dir) {
  Parts p = parts();
  p.members.push_back({"data/zz-large.bin", noise(9 * kMiB), false});
  list_members(p);
  const std::string path = dir / "kit.tar.zst";
  write_file(path, p.file());
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
  struct Case {
    const char* name;
    std::function<void(Parts&)> edit;
    Code want;
  };
  const std::vector<Case> cases = {
      {"another payload type", [](Parts& p) { p.payload_type = "text/plain"; }, Code::kDssePayloadType},
      {"a statement that is no bundle manifest",
       [](Parts& p) { p.edit_statement = [](std::string) { return std::string("{}"); }; }, Code::kStatement},
      {"an envelope that is none", [](Parts& p) { p.edit_envelope = [](std::string) { return std::string("[]"); }; },
       Code::kDsseMalformed},
      {"not an archive", [](Parts& p) { p.edit_file = [](std::string) { return std::string("x"); }; }, Code::kArchiveZstd},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    Parts p = parts();
    c.edit(p);
    const std::string bad = dir / "bad.tar.zst", bytes = p.file();
    write_file(bad, bytes);
    CHECK(sign(bad, "b").error().code == c.want);
    CHECK(read_whole(bad) == bytes);
  }
}

}  // namespace airlock::bundle::test
