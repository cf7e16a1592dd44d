#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "support.h"

using namespace airlock;
using namespace airlock::archive;
using namespace airlock::archive::test;

namespace {

std::string noise(std::size_t size) {
  std::string out;
  std::uint64_t state = size + 1;
  while (out.size() < size) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    out += static_cast<char>(state >> 56);
  }
  return out;
}

std::vector<File> sample() {
  const std::string deep = "data/" + std::string(120, 'd') + "/" + std::string(90, 'f');
  return {{"a", ""},
          {"b/one", "x"},
          {"b/block", noise(512), true},
          {"b/block+1", noise(513)},
          {"b/block-1", noise(511)},
          {"data/large", noise(3'000'000)},
          {deep, "long name"},
          {"data/" + std::string(95, 'n'), "exactly 100 bytes of name"},
          {"data/" + std::string(96, 'n'), "101 bytes of name"},
          {"data/\xC3\xA9t\xC3\xA9.txt", "not ASCII"}};
}

}  // namespace

TEST_CASE("what is written is read back, with and without a second thread") {
  const auto files = sample();
  const std::string packed = pack(files, {.level = 3, .frame_bytes = 100'000});
  for (const bool prefetch : {false, true}) {
    const auto got = unpack(packed, {{}, prefetch});
    if (!got) FAIL(describe(got.error()));
    CHECK(*got == files);
  }
}

TEST_CASE("the bytes do not depend on how the writer is fed") {
  const std::string whole = pack(sample(), {.level = 3, .frame_bytes = 100'000});
  std::string pieces;
  ArchiveWriter writer(
      [&](std::string_view bytes) -> Result<void> {
        pieces += bytes;
        return {};
      },
      {.level = 3, .frame_bytes = 100'000});
  for (const File& file : sample()) {
    REQUIRE(writer.begin_member(file.path, file.bytes.size(), file.executable));
    for (std::size_t at = 0; at < file.bytes.size(); at += 7777)
      REQUIRE(writer.write(std::string_view(file.bytes).substr(at, 7777)));
  }
  REQUIRE(writer.finish());
  CHECK(Digest::of(pieces) == Digest::of(whole));
}

TEST_CASE("a frame whose content fills the decoder's buffer exactly is read whole") {
  const std::vector<File> files = {{"a", noise(512 * kKiB - 512)}, {"b", noise(512 * kKiB - 512)}};
  const auto got = unpack(pack(files, {.level = 1, .frame_bytes = 512 * kKiB}));
  REQUIRE(got);
  CHECK(*got == files);
}

TEST_CASE("a frame boundary can be asked for, and the reader says where it is") {
  std::string packed;
  ArchiveWriter writer([&](std::string_view bytes) -> Result<void> {
    packed += bytes;
    return {};
  });
  REQUIRE(writer.add("first", "1"));
  REQUIRE(writer.begin_frame());
  const std::uint64_t boundary = writer.packed_bytes();
  REQUIRE(writer.add("second", "2"));
  REQUIRE(writer.add("third", "3"));
  REQUIRE(writer.finish());
  const UniqueFd fd = file_of(packed);
  auto reader = ArchiveReader::open(fd.get()).value();
  const auto first = reader.next().value(), second = reader.next().value(), third = reader.next().value();
  CHECK((first->frame_offset == 0 && first->starts_frame));
  CHECK((second->frame_offset == boundary && second->starts_frame));
  CHECK((third->frame_offset == boundary && !third->starts_frame));
  CHECK_FALSE(reader.next().value());
  CHECK_FALSE(reader.next().value());
}

TEST_CASE("a member too large for an octal number gets a pax size") {
  const TarMember member{"data/huge", kMaxUstarSize + 1, false};
  const std::string headers = encode_headers(member);
  REQUIRE(headers.size() == 3 * kBlock);
  const auto pax = decode_header(headers.substr(0, kBlock)).value();
  REQUIRE(pax.kind == HeaderKind::kPax);
  const auto records = decode_pax(headers.substr(kBlock, pax.size)).value();
  CHECK(records.size == kMaxUstarSize + 1);
  CHECK(combine(decode_header(headers.substr(2 * kBlock)).value(), records).value() == member);
  CHECK(encode_headers({"data/huge", kMaxUstarSize, false}).size() == kBlock);
}

TEST_CASE("the writer refuses what the reader would refuse") {
  ArchiveWriter writer([](std::string_view) -> Result<void> { return {}; });
  CHECK(writer.begin_member("../x", 0, false).error().code == Code::kArchivePath);
  REQUIRE(writer.begin_member("x", 2, false));
  CHECK(writer.write("abc").error().code == Code::kInternal);
  CHECK(writer.begin_member("y", 0, false).error().code == Code::kInternal);  // x is not complete
}

TEST_CASE("GNU tar and bsdtar read what is written", "[peer]") {
  char folder[] = "/tmp/airlock-archive-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string dir = folder;
  std::ofstream(dir + "/a.tar.zst", std::ios::binary) << pack(sample());
  const std::string tools[] = {"tar --zstd -xf", "bsdtar -xf"};
  for (const std::string& tool : tools) {
    const std::string name = tool.substr(0, tool.find(' '));
    if (std::system(("command -v " + name + " >/dev/null").c_str()) != 0) {
      WARN(name << " is not installed: skipped");
      continue;
    }
    const std::string out = dir + "/" + name;
    std::filesystem::create_directory(out);
    REQUIRE(std::system(("cd " + out + " && LC_ALL=C.UTF-8 " + tool + " ../a.tar.zst").c_str()) == 0);
    for (const File& file : sample()) {
      INFO(name << ": " << file.path);
      std::ifstream in(out + "/" + file.path, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      CHECK(bytes == file.bytes);
      CHECK(((std::filesystem::status(out + "/" + file.path).permissions() & std::filesystem::perms::owner_exec) !=
             std::filesystem::perms::none) == file.executable);
    }
  }
  std::filesystem::remove_all(dir);
}
