// Archive structure, paths, encodings, sizes and bombs; the numbers are those of docs/hostile-bundles.md.
#include <catch2/catch.hpp>

#include <functional>
#include <zstd.h>

#include "support.h"

using namespace airlock;
using namespace airlock::archive;
using namespace airlock::archive::test;

namespace {

std::string block_of(const std::string& path, std::size_t size = 0) { return encode_headers({path, size, false}).substr(0, kBlock); }

// A file's header with some bytes replaced, and its checksum made right again.
std::string edited(std::size_t at, const std::string& bytes, const std::string& path = "data/x") {
  std::string block = block_of(path);
  block.replace(at, bytes.size(), bytes);
  return with_checksum(block);
}

std::string typed(char type, const std::string& link = "") {
  std::string block = edited(156, std::string(1, type));
  block.replace(157, link.size(), link);
  return with_checksum(block);
}

// A pax header with this body in front of a plain member.
std::string pax(const std::string& body, const std::string& member) {
  std::string block = block_of("././@PaxHeader", body.size());
  block[156] = 'x';
  return with_checksum(block) + body + std::string(padding(body.size()), '\0') + member;
}

std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

Code read_tar(const std::string& tar, ReaderOptions options = {}) {
  const auto got = unpack(zstd(tar), options);
  return got ? Code::kInternal : got.error().code;
}

struct Case {
  std::string name, tar;
  Code want;
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.name);
    const auto got = unpack(zstd(c.tar + kTarEnd));
    REQUIRE_FALSE(got);
    INFO(describe(got.error()));
    CHECK(code_info(got.error().code).text == code_info(c.want).text);
  }
}

const std::string kFile = tar_member({"data/x", "hello"});

}  // namespace

TEST_CASE("paths that leave, alias or confuse are refused") {
  std::vector<Case> cases;
  const std::pair<const char*, std::string> paths[] = {
      {"C001 parent at the start", "../evil"}, {"C001 parent in the middle", "a/../../evil"}, {"C001 dot", "a/./b"},
      {"C002 absolute", "/etc/x"}, {"C002 two slashes", "//etc/x"}, {"C002 UNC", "\\\\server\\x"},
      {"C002 drive", "C:\\x"}, {"C002 drive without slash", "C:x"}, {"C003 stream", "a:b"},
      {"C003 trailing dot", "a."}, {"C003 trailing space", "a "}, {"C003 NUL device", "NUL"},
      {"C003 CON.txt", "d/CON.txt"}, {"C007 component of 256", std::string(256, 'a')},
      {"C007 depth 33", [] { std::string p = "a"; for (int i = 0; i < 32; ++i) p += "/a"; return p; }()},
      {"C007 over 1024", [] { std::string p = "a"; while (p.size() < 1100) p += "/" + std::string(200, 'b'); return p; }()},
      {"C015 newline", "a\nb"}, {"C015 escape", "a\033[2J"}, {"C015 bidi override", "a\xE2\x80\xAE" "b"},
      {"C015 invalid UTF-8", "a\xFF" "b"}, {"C015 over-long UTF-8", "a\xC0\xAF" "b"},
      {"C017 name ends in a slash", "a/"}, {"C017 empty component", "a//b"}, {"C017 a dot", "."}};
  for (const auto& [name, path] : paths) cases.push_back({name, tar_member({path, "x"}), Code::kArchivePath});
  check_all(cases);
}

TEST_CASE("an empty name and a NUL inside a name are refused") {
  check_all({{"C017 empty name", edited(0, std::string(6, '\0')), Code::kArchivePath},
             {"C015 NUL in a ustar name", edited(0, std::string("a\0b", 3)), Code::kArchiveHeader},
             {"C015 NUL in a pax path", pax(record("path", std::string("a\0b", 3)), kFile), Code::kArchivePath}});
}

TEST_CASE("entries that are not plain files are refused") {
  check_all({{"C004 symbolic link, then a file below it", typed('2', "/tmp") + tar_member({"data/x/y", "z"}), Code::kArchiveType},
             {"C005 C006 a folder", typed('5'), Code::kArchiveType},
             {"C008 hard link", typed('1', "/etc/passwd"), Code::kArchiveType},
             {"C008 a plain file with a link target", edited(157, "data/y"), Code::kArchiveType},
             {"C011 character device", typed('3'), Code::kArchiveType},
             {"C011 block device", typed('4'), Code::kArchiveType},
             {"C011 FIFO", typed('6'), Code::kArchiveType},
             {"C011 contiguous", typed('7'), Code::kArchiveType},
             {"C011 unknown", typed('Z'), Code::kArchiveType},
             {"C011 pre-POSIX file", typed('\0'), Code::kArchiveType},
             {"C020 GNU long name", typed('L'), Code::kArchiveType},
             {"C021 global pax header", typed('g'), Code::kArchiveType},
             {"C023 GNU sparse", typed('S'), Code::kArchiveType},
             {"C011 device numbers on a file", edited(329, "0000001"), Code::kArchiveMode}});
}

TEST_CASE("modes, owners and times other than the fixed ones are refused") {
  check_all({{"C012 set-user-id", edited(100, "0004755"), Code::kArchiveMode},
             {"C012 set-group-id", edited(100, "0002755"), Code::kArchiveMode},
             {"C012 sticky", edited(100, "0001755"), Code::kArchiveMode},
             {"C012 0777", edited(100, "0000777"), Code::kArchiveMode},
             {"C012 bits above 07777", edited(100, "0100644"), Code::kArchiveMode},
             {"C012 another owner", edited(108, "0001750"), Code::kArchiveMode},
             {"C012 an owner's name", edited(265, "root"), Code::kArchiveMode},
             {"C036 a time", edited(136, "00000000001"), Code::kArchiveMode}});
}

TEST_CASE("one name twice is refused, in every disguise") {
  const auto two = [](const std::string& a, const std::string& b) { return tar_member({a, "1"}) + tar_member({b, "2"}); };
  check_all({{"C013 identical", kFile + kFile, Code::kArchiveDuplicate},
             {"C013 other content", two("data/x", "data/x"), Code::kArchiveDuplicate},
             {"C014 upper and lower case", two("data/A", "data/a"), Code::kArchiveDuplicate},
             {"C014 sharp s", two("data/stra\xC3\x9F" "e", "data/STRASSE"), Code::kArchiveDuplicate},
             {"C014 ligature", two("data/\xEF\xAC\x81", "data/fi"), Code::kArchiveDuplicate},
             {"C014 NFC and NFD", two("data/\xC3\xA9", "data/e\xCC\x81"), Code::kArchiveDuplicate},
             {"C014 folders that differ by case", two("data/A/1", "data/a/2"), Code::kArchiveDuplicate},
             {"C016 file, then folder", two("data/x", "data/x/y"), Code::kArchiveDuplicate},
             {"C016 folder, then file", two("data/x/y", "data/x"), Code::kArchiveDuplicate},
             {"C016 file, then folder by case", two("data/X", "data/x/y"), Code::kArchiveDuplicate}});
}

TEST_CASE("numbers and pax records that two readers could read differently are refused") {
  const std::string plain = block_of("data/x", 5) + std::string("hello") + std::string(507, '\0');
  const std::string huge(5000, 'v');
  check_all({{"C019 pax size beside a ustar size", pax(record("size", "0"), plain), Code::kArchiveHeader},
             {"C019 pax size where ustar says 0", pax(record("size", "512"), block_of("data/x") + std::string(512, 'x')), Code::kArchiveHeader},
             {"C020 wrong record length", pax("99 path=a\n", plain), Code::kArchiveHeader},
             {"C020 length with a leading zero", pax("010 path=a\n", plain), Code::kArchiveHeader},
             {"C020 no line feed", pax("9 path=ab", plain), Code::kArchiveHeader},
             {"C020 empty value", pax(record("path", ""), plain), Code::kArchiveHeader},
             {"C020 no equals sign", pax("7 path\n", plain), Code::kArchiveHeader},
             {"C020 key twice", pax(record("path", "a") + record("path", "b"), plain), Code::kArchiveHeader},
             {"C020 pax header without a member", pax(record("path", std::string(101, 'a')), ""), Code::kArchiveHeader},
             {"C020 two pax headers", pax(record("path", "a"), pax(record("path", "b"), plain)), Code::kArchiveHeader},
             {"C010 extended attribute", pax(record("SCHILY.xattr.security.capability", "x"), plain), Code::kArchiveType},
             {"C010 ACL", pax(record("SCHILY.acl.access", "user::rwx"), plain), Code::kArchiveType},
             {"C008 pax link path", pax(record("linkpath", "/etc/passwd"), plain), Code::kArchiveType},
             {"C023 pax sparse map", pax(record("GNU.sparse.size", "1099511627776"), plain), Code::kArchiveType},
             {"C032 pax time", pax(record("mtime", "1"), plain), Code::kArchiveType},
             {"C021 10,000 records", pax([] { std::string b; for (int i = 0; i < 10'000; ++i) b += record("path", "a"); return b; }(), plain), Code::kArchiveLimit},
             {"C021 a pax header over 64 KiB", pax(record("path", huge + huge + huge + huge + huge + huge + huge + huge + huge + huge + huge + huge + huge + huge), plain), Code::kArchiveLimit},
             {"C022 base-256 size", edited(124, std::string("\x80\0\0\0\0\0\0\0\0\0\0\5", 12)), Code::kArchiveHeader},
             {"C022 negative size", edited(124, std::string(12, '\xFF')), Code::kArchiveHeader},
             {"C022 octal without an end", edited(124, "777777777777"), Code::kArchiveHeader},
             {"C022 not octal", edited(124, "00000000009"), Code::kArchiveHeader},
             {"C022 spaces", edited(124, "         5 "), Code::kArchiveHeader},
             {"C022 a size no archive holds", edited(124, "77777777777"), Code::kArchiveLimit},
             {"C032 wrong checksum", [] { std::string b = block_of("data/x"); b[0] = 'e'; return b; }(), Code::kArchiveHeader},
             {"C032 GNU magic", edited(257, "ustar  \0"), Code::kArchiveHeader},
             {"C032 no magic", edited(257, std::string(8, '\0')), Code::kArchiveHeader},
             {"C032 prefix field", edited(345, "etc"), Code::kArchiveHeader},
             {"C032 rest of the block", edited(500, "x"), Code::kArchiveHeader},
             {"C032 checksum spelt otherwise", [] { std::string b = block_of("data/x"); b[154] = ' '; b[155] = '\0'; return b; }(), Code::kArchiveHeader},
             {"C032 pax where none is needed", pax(record("path", "data/x"), block_of("data/x")), Code::kArchiveHeader},
             {"C032 pax path, another short name", pax(record("path", std::string(101, 'a')), block_of("evil")), Code::kArchiveHeader},
             {"C036 padding", block_of("data/x", 5) + "hello" + std::string(506, '\0') + "x", Code::kArchiveHeader}});
}

TEST_CASE("the end of an archive is two zero blocks and then nothing") {
  const auto end_with = [](const std::string& tail) { return read_tar(kFile + tail); };
  CHECK(end_with("") == Code::kArchiveTruncated);
  CHECK(end_with(std::string(512, '\0')) == Code::kArchiveTruncated);
  CHECK(end_with(std::string(512, '\0') + kFile + kTarEnd) == Code::kArchiveHeader);
  CHECK(end_with(std::string(1536, '\0')) == Code::kArchiveTrailing);        // GNU tar pads to 10 KiB: not here
  CHECK(end_with(kTarEnd + kFile + kTarEnd) == Code::kArchiveTrailing);      // C026: a second archive
  CHECK(end_with(kTarEnd + "x") == Code::kArchiveTrailing);
}

TEST_CASE("zstd streams in other forms are refused") {
  const std::string good = zstd(kFile + kTarEnd);
  const auto code = [](const std::string& bytes, ReaderOptions options = {}) {
    const auto got = unpack(bytes, options);
    return got ? std::string_view("accepted") : code_info(got.error().code).text;
  };
  REQUIRE(code(good) == "accepted");
  const std::string skippable("\x50\x2A\x4D\x18\x04\0\0\0abcd", 12), empty_frame = [] {
    char out[64];
    return std::string(out, ZSTD_compress(out, sizeof out, "", 0, 1));
  }();
  CHECK(code("") == "archive:truncated");
  CHECK(code(skippable + good) == "archive:zstd");                              // C026
  CHECK(code(good + skippable) == "archive:trailing-data");                     // C026
  CHECK(code(std::string("\x50\x2A\x4D\x18\xFF\xFF\xFF\xFF", 8)) == "archive:zstd");
  CHECK(code(good + empty_frame) == "archive:zstd");                            // nothing may follow, not even nothing
  CHECK(code(good + good) == "archive:trailing-data");                          // C026: a second tar
  CHECK(code(good + "x") == "archive:trailing-data");                           // C027
  CHECK(code(good + std::string(512, '\0')) == "archive:trailing-data");        // C027
  CHECK(code("x" + good) == "archive:zstd");                                    // C027
  CHECK(code(kFile + kTarEnd) == "archive:zstd");                               // C030: plain tar
  CHECK(code(std::string("\x1F\x8B\x08\0\0\0\0\0\0\3", 10)) == "archive:zstd");  // C030: gzip
  CHECK(code(std::string("\x27\xB5\x2F\xFD\0\0\0\0", 8)) == "archive:zstd");     // C030: legacy 0.7
  // C025: frame header: magic, descriptor (window byte follows, no content size), window.
  CHECK(code(std::string("\x28\xB5\x2F\xFD\x00\x90\x01\x00\x00", 9)) == "archive:limit");        // 256 MiB
  CHECK(code(std::string("\x28\xB5\x2F\xFD\x00\xFF\x01\x00\x00", 9)) == "archive:limit");        // 3.75 TiB
  CHECK(code(std::string("\x28\xB5\x2F\xFD\xE0\0\0\0\0\0\0\0\x80\x01\0\0", 16)) == "archive:limit");  // content 2^63
  CHECK(code(std::string("\x28\xB5\x2F\xFD\x01\x58\x07\x01\x00\x00", 10)) == "archive:zstd");    // C030: dictionary
  CHECK(code(std::string("\x28\xB5\x2F\xFD\x08\x58\x01\x00\x00", 9)) == "archive:zstd");         // reserved bit
  std::string damaged = good;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  CHECK(code(damaged) == "archive:zstd");                                       // C029: content checksum
}

TEST_CASE("C024 a bomb is stopped when it has grown past the ratio, not when it is whole") {
  std::string out(200'000, '\0');
  const std::string zeros(64 * kMiB, '\0');
  std::string tar = encode_headers({"data/zeros", zeros.size(), false}) + zeros + kTarEnd;
  const std::string bomb = zstd(tar);
  REQUIRE(bomb.size() < 20'000);
  const UniqueFd fd = file_of(bomb);
  auto reader = ArchiveReader::open(fd.get()).value();
  REQUIRE(reader.next().value());
  for (;;) {
    const auto chunk = reader.read();
    if (chunk) continue;
    CHECK(chunk.error().code == Code::kArchiveBomb);
    break;
  }
  CHECK(reader.unpacked_bytes() <= 200 * bomb.size() + kMiB + 512 * kKiB);  // one buffer more
}

TEST_CASE("C031 limits hold while streaming") {
  const std::string packed = pack({{"data/a", std::string(5000, 'x')}, {"data/b", "y"}});
  const auto code = [&](Limits limits) {
    const auto got = unpack(packed, {limits, false});
    return got ? std::string_view("accepted") : code_info(got.error().code).text;
  };
  Limits limits;
  CHECK(code(limits) == "accepted");
  limits.members = 1;
  CHECK(code(limits) == "archive:limit");
  limits = {};
  limits.member_bytes = 4999;
  CHECK(code(limits) == "archive:limit");
  limits = {};
  limits.bundle_bytes = packed.size() - 1;
  CHECK(code(limits) == "archive:limit");
  limits = {};
  limits.path_bytes = 5;
  CHECK(code(limits) == "archive:path");
}

TEST_CASE("C028 an archive cut anywhere is refused") {
  const std::string packed = pack({{"data/a", std::string(3000, 'x')}, {"data/b", "y"}, {"data/c", std::string(700, 'z')}}, {.level = 1, .frame_bytes = 1024});
  for (std::size_t size = 0; size < packed.size(); ++size) {
    INFO("cut to " << size << " of " << packed.size());
    const auto got = unpack(packed.substr(0, size));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::kArchiveTruncated);
  }
  // The same for the tar inside a whole zstd stream: at every 512-byte block.
  const std::string tar = tar_member({"data/a", std::string(3000, 'x')}) + tar_member({std::string(150, 'n'), "y"}) + kTarEnd;
  for (std::size_t size = 0; size < tar.size(); size += 256) {
    if (size == 0) continue;  // a stream of nothing is an empty frame, refused as such above
    INFO("tar cut to " << size);
    CHECK(read_tar(tar.substr(0, size)) == Code::kArchiveTruncated);
  }
}

TEST_CASE("C036 no bit of headers and padding can be flipped") {
  const std::vector<File> files = {{"data/a", "hello"}, {"data/" + std::string(120, 'n'), "x", true}};
  std::string tar;
  for (const File& file : files) tar += tar_member(file);
  tar += kTarEnd;
  const std::size_t data_a = 512, data_b = tar.size() - 1024 - 512;  // the two places where data stands
  // The part of a pax path that the ustar name does not repeat: another name, which the manifest then does not list.
  const std::size_t path_tail = tar.find(std::string(120, 'n')) + 95;
  for (std::size_t at = 0; at < tar.size(); ++at) {
    if ((at >= data_a && at < data_a + 5) || at == data_b || (at >= path_tail && at < path_tail + 25)) continue;
    for (const int bit : {0, 3, 7}) {
      std::string flipped = tar;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const auto got = unpack(zstd(flipped));
      INFO("byte " << at << " bit " << bit);
      REQUIRE_FALSE(got);
    }
  }
}
