// The general readers: what other writers make is read as they meant it, and what is damaged is refused.
#include <catch2/catch.hpp>

#include <zlib.h>

#include "archive/decode.h"
#include "archive/foreign_tar.h"
#include "archive/pax_records.h"
#include "support.h"

using namespace airlock;
using namespace airlock::archive;
using namespace airlock::archive::test;

namespace {

// One header block of another writer: fields are put in as they are, then the checksum.
struct Block {
  std::string bytes = std::string(kBlock, '\0');
  explicit Block(const std::string& name, char flag = '0', const std::string& size = "00000000000") {
    at(0, name).at(100, "0000644").at(124, size).at(136, "00000000000").at(257, std::string("ustar\00000", 8));
    bytes[156] = flag;
  }
  Block& at(std::size_t offset, const std::string& text) {
    bytes.replace(offset, text.size(), text);
    return *this;
  }
  std::string done() const { return with_checksum(bytes); }
};

std::string padded(std::string body) { return body.append(padding(body.size()), '\0'); }
std::string octal(std::size_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%011zo", value);
  return text;
}
std::string extension(char flag, const std::string& body) { return Block("ext", flag, octal(body.size())).done() + padded(body); }
std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

Result<std::vector<ForeignEntry>> list(std::string_view tar, const Limits& limits = {}) {
  ForeignTarReader reader(memory_source(tar), limits);
  std::vector<ForeignEntry> out;
  while (auto entry = TRY(reader.next())) out.push_back(std::move(*entry));
  return out;
}

ForeignEntry one(const std::string& tar) {
  const auto got = list(tar);
  if (!got) FAIL(describe(got.error()));
  REQUIRE(got->size() == 1);
  return got->front();
}

Code code_of(const std::string& tar, const Limits& limits = {}) {
  const auto got = list(tar, limits);
  return got ? Code::kInternal : got.error().code;
}

std::string gzip_of(std::string_view bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> gunzip(std::string_view packed, DecodeLimits limits = {}) {
  const auto source = TRY(gzip_source(memory_source(packed), limits));
  return read_all(*source, kGiB);
}

}  // namespace

TEST_CASE("Names come from where each dialect keeps them") {
  const std::string longer(300, 'n');
  CHECK(one(Block("a").done()).name == "a");
  CHECK(one(Block("b").at(345, "folder").done()).name == "folder/b");
  CHECK(one(extension('L', longer + '\0') + Block("short").done()).name == longer);
  CHECK(one(extension('x', record("path", longer)) + Block("short").done()).name == longer);
  CHECK(one(extension('K', longer + '\0') + Block("s", '2').at(157, "t").done()).link == longer);
  CHECK(one(extension('x', record("linkpath", longer)) + Block("s", '2').done()).link == longer);
  CHECK(one(extension('L', "first") + extension('L', "second") + Block("x").done()).name == "first");
  const auto gnu = one(Block("b").at(257, std::string("ustar  \0", 8)).at(345, "12574544345").done());
  CHECK(gnu.name == "b");  // GNU keeps times there
  CHECK(gnu.other_name == "12574544345/b");
  CHECK(one(Block("v7").at(257, std::string(8, '\0')).done()).name == "v7");
  CHECK(one(Block("old/", '\0').done()).type == EntryType::kFolder);
  CHECK(one(Block("d/", '5').done()).name == "d");
}

TEST_CASE("A global pax header holds until it is taken back") {
  const auto got = list(extension('g', record("path", "global")) + Block("a").done() + extension('x', record("path", "local")) + Block("b").done() +
                        extension('g', record("path", "")) + Block("c").done());
  REQUIRE(got);
  REQUIRE(got->size() == 3);
  CHECK((*got)[0].name == "global");
  CHECK((*got)[1].name == "local");
  CHECK((*got)[2].name == "c");
  CHECK((*got)[2].other_name == "");
}

TEST_CASE("Only files carry data, and its size may stand in three places") {
  const std::string five = padded("hello");
  CHECK(list(Block("a", '0', octal(5)).done() + five + Block("b").done())->size() == 2);
  CHECK(list(Block("a", '2', octal(5)).done() + Block("b").done())->size() == 2);  // a link's size says nothing
  CHECK(list(extension('x', record("size", "5")) + Block("a").done() + five + Block("b").done())->size() == 2);
  CHECK(list(Block("a", '0', std::string("\x80\0\0\0\0\0\0\0\0\0\0\5", 12)).done() + five + Block("b").done())->size() == 2);
  const auto sparse = one(extension('x', record("GNU.sparse.major", "1") + record("GNU.sparse.name", "s") + record("GNU.sparse.realsize", "99999999")) +
                          Block("x", '0', octal(5)).done() + five);
  CHECK(sparse.type == EntryType::kSparse);
  CHECK(sparse.size == 99'999'999);
  CHECK(sparse.stored == 5);
}

TEST_CASE("Attributes and numbers that readers differ about are said, not judged") {
  CHECK(one(extension('x', record("SCHILY.xattr.user.x", "1")) + Block("a").done()).attributes == "SCHILY.xattr.user.x");
  CHECK(one(Block("a").at(136, std::string("\0" "0016", 5)).done()).doubt.contains("time"));
  CHECK(one(Block("a").done()).doubt.empty());
}

TEST_CASE("Damaged archives are refused by what is wrong with them") {
  const std::string good = Block("a", '0', octal(5)).done() + padded("hello");
  CHECK(code_of(good) == Code::kInternal);                       // without an end: as good as any
  CHECK(code_of(good + std::string(512, '\0') + "garbage") == Code::kInternal);
  CHECK(code_of(good.substr(0, 300)) == Code::kArchiveTruncated);
  CHECK(code_of(good.substr(0, 515)) == Code::kArchiveTruncated);
  CHECK(code_of("") == Code::kArchiveTruncated);
  std::string flipped = good;
  flipped[3] ^= 1;
  CHECK(code_of(flipped) == Code::kArchiveHeader);
  for (const std::string& size : {std::string("0000000009z"), std::string(12, '\xFF'), std::string("\x80\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12)})
    CHECK(code_of(Block("a", '0', size).done()) == Code::kArchiveHeader);
  CHECK(code_of(Block("a", '0', std::string("\x80\0\0\0\x3F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12)).done()) == Code::kArchiveTruncated);
  CHECK(code_of(extension('x', record("path", "a"))) == Code::kArchiveHeader);       // no entry behind it
  CHECK(code_of(Block("L", 'L', octal(1 << 20)).done()) == Code::kArchiveLimit);
  CHECK(code_of(Block("g", 'g', octal(1 << 20)).done()) == Code::kArchiveLimit);
  for (const std::string& body : {std::string("99 path=a\n"), std::string("7 path\n"), std::string("path=a\n"), std::string("9 path=ab"), std::string("4 =\n")})
    CHECK(code_of(extension('x', body) + Block("a").done()) == Code::kArchiveHeader);
  CHECK(code_of(extension('x', record("size", "-5")) + Block("a").done()) == Code::kArchiveHeader);
  Limits limits;
  limits.members = 3;
  CHECK(code_of(extension('x', record("comment", "1")) + extension('x', record("comment", "1")) + extension('x', record("comment", "1")) + Block("a").done(), limits) == Code::kArchiveLimit);
}

TEST_CASE("An archive cut anywhere but between two members is refused") {
  const std::string tar = extension('x', record("path", "long")) + Block("a", '0', octal(600)).done() + padded(std::string(600, 'x')) + Block("b").done();
  for (std::size_t size = 0; size < tar.size(); ++size) {
    const bool between = size == 1024 + 512 + 1024;  // behind the padding of the first member
    INFO(size);
    CHECK((code_of(tar.substr(0, size)) == Code::kInternal) == between);
  }
}

TEST_CASE("gzip and zstd streams of several parts are one stream, and bounded") {
  const std::string text(100'000, 'a');
  CHECK(gunzip(gzip_of(text)).value() == text);
  CHECK(gunzip(gzip_of("a") + gzip_of("b")).value() == "ab");
  CHECK(gunzip(gzip_of(text) + "garbage").error().code == Code::kArchiveTrailing);
  CHECK(gunzip("").error().code == Code::kArchiveTruncated);
  const std::string packed = gzip_of("some words that take a few bytes");
  for (std::size_t size = 0; size < packed.size(); ++size) CHECK(gunzip(packed.substr(0, size)).error().code == Code::kArchiveTruncated);
  std::string damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // the CRC
  CHECK(gunzip(damaged).error().code == Code::kArchiveZstd);
  DecodeLimits small;
  small.max_output = 1000;
  CHECK(gunzip(gzip_of(text), small).error().code == Code::kArchiveLimit);
  CHECK(unzstd(zstd(text), small).error().code == Code::kArchiveLimit);
  CHECK(unzstd(zstd(text) + zstd("b"), {}).value() == text + "b");
  const std::string skippable = std::string("\x50\x2A\x4D\x18\x03\0\0\0abc", 11);
  CHECK(unzstd(skippable + zstd("b") + skippable, {}).value() == "b");
  CHECK(unzstd(zstd("b") + "x", {}).error().code == Code::kArchiveTrailing);
  CHECK(unzstd(zstd(text).substr(0, 12), {}).error().code == Code::kArchiveTruncated);
}
