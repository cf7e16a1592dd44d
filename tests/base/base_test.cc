#include <catch2/catch.hpp>
#include <set>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/entropy.h"
#include "base/ids.h"
#include "base/merkle.h"
#include "base/path.h"
#include "base/semver.h"
#include "base/time.h"
#include "base/tree.h"

using namespace airlock;

TEST_CASE("SHA-256 of the empty string and of abc") {
  CHECK(Digest::of("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 h;
  h.update("a");
  h.update("bc");
  CHECK(h.finish().hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(h.finish() == Digest::of(""));  // ready for the next message
}

TEST_CASE("digests are lower-case hex of the right length and nothing else") {
  const std::string hex = Digest::of("x").hex();
  CHECK(Digest::parse(hex));
  CHECK(Digest::parse("sha256:" + hex));
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(!Digest::parse(upper));
  CHECK(!Digest::parse(hex.substr(1)));
  CHECK(!Digest::parse("sha1:" + hex));
  CHECK(!Digest::parse(""));
}

TEST_CASE("base64 has one spelling") {
  CHECK(to_base64("f") == "Zg==");
  CHECK(*from_base64("Zm8=") == "fo");
  CHECK(*from_base64("-_-_") == *from_base64("+/+/"));
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Z===", "+_+_", "Zm 8", "Zg==\n", "===="}) {
    INFO(bad);
    CHECK(!from_base64(bad));
  }
}

TEST_CASE("instants round-trip and refuse impossible dates") {
  const auto t = Instant::parse("2026-11-21T11:32:05.120Z");
  REQUIRE(t);
  CHECK(t->text() == "2026-11-21T11:32:05.120Z");
  CHECK(t->compact() == "20261121T113205Z");
  CHECK(Instant::parse("1970-01-01T00:00:00Z")->millis() == 0);
  for (const char* bad : {"2026-02-30T00:00:00Z", "2026-11-21 11:32:05Z", "2026-11-21T11:32:05z", "2026-11-21T24:00:00Z",
                          "2026-11-21T11:32:60Z", "2026-11-21T11:32:05+00:00", "2026-11-21T11:32:05.Z", "0000-01-01T00:00:00Z"}) {
    INFO(bad);
    CHECK(!Instant::parse(bad));
  }
}

TEST_CASE("durations and sizes are a whole number and a unit") {
  CHECK(parse_duration("5m")->count() == 300'000);
  CHECK(format_duration(Millis(90'000)) == "90s");
  CHECK(*parse_size("256MiB") == 268'435'456);
  for (const char* bad : {"", "5", "m", "-1s", "1.5s", "5 m", "99999999999999999999s"}) CHECK(!parse_duration(bad));
  for (const char* bad : {"", "MiB", "1MB", "1.5GiB", "99999999TiB"}) CHECK(!parse_size(bad));
}

TEST_CASE("ids accept their alphabet and nothing that could be a path or an escape") {
  CHECK(TenantId::parse("acme"));
  for (const char* bad : {"", "Acme", ".acme", "a/b", "../x", "a b", "a\n", "\xc3\xa9"}) CHECK(!TenantId::parse(bad));
  CHECK(!TenantId::parse(std::string(129, 'a')));
  CHECK(StepId::parse("fan[12]"));
  for (const char* bad : {"fan[]", "fan[x]", "fan[123456]", "[1]", "fan]"}) CHECK(!StepId::parse(bad));
}

TEST_CASE("uuid7 sorts by time and is well formed") {
  SeededEntropy e(1);
  const auto a = uuid7(Instant::from_millis(1000), e), b = uuid7(Instant::from_millis(2000), e);
  CHECK(RunId::parse(a));
  CHECK(a < b);
  CHECK(a[14] == '7');
}

TEST_CASE("SemVer precedence is that of section 11") {
  const char* ordered[] = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
                           "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0"};
  for (std::size_t i = 0; i + 1 < std::size(ordered); ++i) CHECK(*SemVer::parse(ordered[i]) < *SemVer::parse(ordered[i + 1]));
  CHECK(*SemVer::parse("1.0.0+a") == *SemVer::parse("1.0.0+b"));
  for (const char* bad : {"1", "1.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0", "1.0.0-a..b"}) CHECK(!SemVer::parse(bad));
}

TEST_CASE("paths that are not safe everywhere are refused") {
  for (const char* good : {"a", "data/osv/GO-2020-0001.json", "a.b/c-d_e", "\xc3\xa9/x", "fan[3].txt"}) {
    INFO(good);
    CHECK(safe_path(good));
  }
  const std::string deep(200, 'a');
  for (const std::string& bad :
       {std::string(""), std::string("/a"), std::string("../a"), std::string("a/../b"), std::string("a/./b"), std::string("a//b"),
        std::string("a/"), std::string("a\\b"), std::string("C:x"), std::string("a\nb"), std::string("a\x1b[2J"),
        std::string("a\0b", 3), std::string("a\xff"), std::string("\xc0\xaf"), std::string("NUL"), std::string("x/con.txt"),
        std::string("a."), std::string("a "), std::string("a\xe2\x80\xae" "b"), std::string(256, 'a'),
        deep + "/" + deep + "/" + deep + "/" + deep + "/" + deep + "/" + deep}) {
    INFO(bad);
    CHECK((safe_path(bad) ? Code::kInternal : safe_path(bad).error().code) == Code::kArchivePath);
  }
}

TEST_CASE("names that one file system may hold as one file collide") {
  CHECK(collision_key("A/b") == collision_key("a/B"));
  CHECK(collision_key("stra\xc3\x9f" "e") == collision_key("STRASSE"));
  CHECK(collision_key("\xef\xac\x81") == collision_key("fi"));
  CHECK(collision_key("e\xcc\x81") == collision_key("\xc3\xa9"));
  CHECK(collision_key("a") != collision_key("b"));
}

TEST_CASE("Merkle tree heads are those of RFC 6962") {
  // Roots of the reference trees of Certificate Transparency's test data (leaves of increasing size).
  const std::string leaves[] = {"", std::string("\x00", 1), "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43",
                                "\x50\x51\x52\x53\x54\x55\x56\x57", "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  CompactRange range;
  CHECK(range.root() == Digest::of(""));
  for (std::size_t i = 0; i < std::size(leaves); ++i) {
    range.append(merkle_leaf(leaves[i]));
    CHECK(range.root().hex() == roots[i]);
    const auto again = CompactRange::restore(range.size(), range.nodes());
    REQUIRE(again);
    CHECK(again->root() == range.root());
  }
  CHECK(!CompactRange::restore(3, {Digest::of("")}));
}

TEST_CASE("tree digests depend on path, mode and content, and can be made with coreutils") {
  const Tree tree = {{"a.txt", Digest::of("x"), 1, false}, {"bin/run", Digest::of("y"), 1, true}};
  CHECK(tree_digest(tree) ==
        Digest::of("644 " + Digest::of("x").hex() + "  a.txt\n755 " + Digest::of("y").hex() + "  bin/run\n"));
}

TEST_CASE("every code has its own text, a title, a remedy and a known exit status") {
  std::set<std::string_view> seen;
  const std::set<int> exits = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130};
  for (const CodeInfo& info : all_codes()) {
    INFO(info.text);
    CHECK(seen.insert(info.text).second);
    CHECK(!info.title.empty());
    CHECK(info.remedy.ends_with("."));
    CHECK(exits.contains(info.exit_status));
  }
}

TEST_CASE("text from outside cannot move the terminal's cursor") {
  CHECK(printable("a\x1b[2J\nb\x7f") == "a\\x1b[2J\\x0ab\\x7f");
  CHECK(printable("\xc3\xa9") == "\xc3\xa9");
  CHECK(printable("\xc2\x9b" "31m") == "\\xc2\x9b" "31m");
}
