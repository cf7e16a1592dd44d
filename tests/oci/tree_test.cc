#include <catch2/catch.hpp>

#include <sys/stat.h>

#include "support.h"

using namespace airlock;
using namespace airlock::oci;
using namespace airlock::oci::test;

namespace {

constexpr char kFolder = '5', kSymlink = '2', kHardLink = '1', kDevice = '3', kFifo = '6';

Entry folder(const std::string& name) { return {.name = name, .flag = kFolder, .mode = 0755}; }
Entry soft_link(const std::string& name, const std::string& target) { return {.name = name, .flag = kSymlink, .link = target}; }
Entry hard_link(const std::string& name, const std::string& target) { return {.name = name, .flag = kHardLink, .link = target}; }

Code code_of(const std::vector<Layer>& layers, Rules rules, const Limits& limits = {}) {
  const auto got = flatten(open_layers(layers), rules, limits);
  return got ? Code::kInternal : got.error().code;
}

struct Refused {
  std::string name;
  std::vector<Layer> layers;
  Code want;
};

void check_refused(const std::vector<Refused>& cases, Rules rules) {
  for (const Refused& c : cases) {
    INFO(c.name);
    CHECK(code_info(code_of(c.layers, rules)).text == code_info(c.want).text);
  }
}

}  // namespace

TEST_CASE("Layers are applied in order: files replace, folders merge, whiteouts remove") {
  const std::vector<Layer> layers = {
      {folder("./"), folder("etc/"), {"etc/keep", "1"}, {"etc/gone", "1"}, {"etc/changed", "1"}, folder("old"), {"old/a", "1"}, {"old/b", "1"},
       {"was-file", "1"}, folder("was-folder"), {"was-folder/x", "1"}},
      {{"etc/.wh.gone"}, {"etc/changed", "2"}, folder("old"), {"old/.wh..wh..opq"}, {"old/c", "2"}, folder("was-file"), {"was-file/y", "2"},
       {"was-folder", "2"}, {".wh..wh.plnk", "of AUFS"}},
  };
  const TempDir dir;
  REQUIRE(unpack(open_layers(layers), dir.path(), Rules::kImage));
  CHECK(list(dir.path()) == std::map<std::string, std::string>{{"etc", "/"}, {"etc/keep", "1"}, {"etc/changed", "2"}, {"old", "/"},
                                                               {"old/c", "2"}, {"was-file", "/"}, {"was-file/y", "2"}, {"was-folder", "2"}});
}

TEST_CASE("A whiteout takes away what lower layers made, not what its own layer makes") {
  for (const Layer& upper : {Layer{{"d/.wh..wh..opq"}, {"d/new", "2"}}, Layer{{"d/new", "2"}, {"d/.wh..wh..opq"}},
                             Layer{{".wh.d"}, {"d/new", "2"}}, Layer{{"d/new", "2"}, {".wh.d"}}}) {
    const TempDir dir;
    REQUIRE(unpack(open_layers({{{"d/old", "1"}, {"d/sub/old", "1"}}, upper}), dir.path(), Rules::kImage));
    CHECK(list(dir.path()) == std::map<std::string, std::string>{{"d", "/"}, {"d/new", "2"}});
  }
}

TEST_CASE("Links of an image are made as they are and lead nowhere while it is unpacked") {
  const std::vector<Layer> layers = {{{"usr/bin/tool", "t", '0', "", 04755}, soft_link("bin", "usr/bin"), soft_link("out", "/etc"),
                                      soft_link("dangling", "../../nowhere"), hard_link("usr/bin/twin", "/usr/bin/tool")}};
  const TempDir dir;
  REQUIRE(unpack(open_layers(layers), dir.path(), Rules::kImage));
  CHECK(list(dir.path()) == std::map<std::string, std::string>{{"bin", "-> usr/bin"}, {"dangling", "-> ../../nowhere"}, {"out", "-> /etc"},
                                                               {"usr", "/"}, {"usr/bin", "/"}, {"usr/bin/tool", "t"}, {"usr/bin/twin", "t"}});
  struct stat st{};
  REQUIRE(::stat((dir.path() + "/usr/bin/tool").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0755);  // no set-id bit
  CHECK(st.st_nlink == 2);
}

TEST_CASE("C004 C005 C006 C008 An image with an entry that leaves, follows or confuses is refused") {
  check_refused({{"dot-dot", {{{"../evil", "x"}}}, Code::kOciUnsafe},
                 {"dot-dot inside", {{{"a/../b", "x"}}}, Code::kOciUnsafe},
                 {"absolute", {{{"/etc/passwd", "x"}}}, Code::kOciUnsafe},
                 {"an empty component", {{{"a//b", "x"}}}, Code::kOciUnsafe},
                 {"no name", {{{"", "x"}}}, Code::kOciUnsafe},
                 {"a file called .", {{{".", "x"}}}, Code::kOciUnsafe},
                 {"a file below a link of its layer", {{soft_link("d", "/tmp"), {"d/x", "x"}}}, Code::kOciUnsafe},
                 {"a file below a link of a lower layer", {{soft_link("d", "/tmp")}, {{"d/x", "x"}}}, Code::kOciUnsafe},
                 {"a folder below a link", {{soft_link("d", "e")}, {folder("d/x")}}, Code::kOciUnsafe},
                 {"a file below a file", {{{"d", "x"}, {"d/x", "x"}}}, Code::kOciUnsafe},
                 {"a hard link to nothing", {{hard_link("a", "b")}}, Code::kOciUnsafe},
                 {"a hard link to a later file", {{hard_link("a", "b"), {"b", "x"}}}, Code::kOciUnsafe},
                 {"a hard link to a link", {{soft_link("l", "/etc/passwd"), hard_link("a", "l")}}, Code::kOciUnsafe},
                 {"a hard link that leaves", {{hard_link("a", "../../etc/passwd")}}, Code::kOciUnsafe},
                 {"a hard link to itself", {{{"a", "x"}}, {hard_link("a", "a")}}, Code::kOciUnsafe},
                 {"a whiteout of nothing", {{{".wh."}}}, Code::kOciUnsafe},
                 {"a whiteout of the folder above", {{{"d/.wh..."}}}, Code::kOciUnsafe},
                 {"a whiteout of the folder itself", {{{"d/.wh..", ""}}}, Code::kOciUnsafe},
                 {"a file twice in one layer", {{{"a", "1"}, {"a", "2"}}}, Code::kArchiveDuplicate},
                 {"a file, then a link of that name", {{{"a", "1"}, soft_link("a", "/etc/passwd")}}, Code::kArchiveDuplicate},
                 {"a device", {{{"null", "", kDevice}}}, Code::kArchiveType},
                 {"a FIFO", {{{"pipe", "", kFifo}}}, Code::kArchiveType},
                 {"an unknown type", {{{"z", "", 'Z'}}}, Code::kArchiveType}},
                Rules::kImage);
}

TEST_CASE("Unpacking for files only takes plain files and folders with names that are safe everywhere") {
  const TempDir dir;
  REQUIRE(unpack(open_layers({{folder("./"), folder("./x/"), {"./x/y.txt", "1"}, folder("x"), {"z/deep/er", "2", '0', "", 0755}}}), dir.path(), Rules::kFilesOnly));
  CHECK(list(dir.path()) == std::map<std::string, std::string>{{"x", "/"}, {"x/y.txt", "1"}, {"z", "/"}, {"z/deep", "/"}, {"z/deep/er", "2"}});
  check_refused({{"a symbolic link that stays inside", {{{"a", "x"}, soft_link("b", "a")}}, Code::kArchiveType},
                 {"a hard link", {{{"a", "x"}, hard_link("b", "a")}}, Code::kArchiveType},
                 {"a set-user-id file", {{{"a", "x", '0', "", 04755}}}, Code::kOciUnsafe},
                 {"a backslash", {{{"a\\b", "x"}}}, Code::kArchivePath},
                 {"a drive letter", {{{"C:x", "x"}}}, Code::kArchivePath},
                 {"one file twice", {{{"a", "1"}, {"./a", "2"}}}, Code::kArchiveDuplicate},
                 {"names that differ by case", {{{"A", "1"}, {"a", "2"}}}, Code::kArchiveDuplicate},
                 {"folders that differ by case", {{{"A/x", "1"}, {"a/y", "2"}}}, Code::kArchiveDuplicate},
                 {"a whiteout is a file like any other", {{{".wh..", "x"}}}, Code::kArchivePath}},
                Rules::kFilesOnly);
}

TEST_CASE("Limits hold: entries, sizes, and a folder that is not empty") {
  Limits limits;
  limits.members = 2;
  CHECK(code_of({{{"a", "1"}, {"b", "1"}, {"c", "1"}}}, Rules::kImage, limits) == Code::kArchiveLimit);
  CHECK(code_of({{{"a/b/c", "1"}}}, Rules::kImage, limits) == Code::kArchiveLimit);  // implied folders count
  const TempDir dir;
  UnpackLimits bytes;
  bytes.total_bytes = 3;
  CHECK(unpack(open_layers({{{"a", "12"}, {"b", "34"}}}), dir.path(), Rules::kImage, bytes).error().code == Code::kArchiveLimit);
  CHECK(list(dir.path()).empty());
  dir.write("there", "x");
  CHECK(unpack(open_layers({{{"a", "1"}}}), dir.path(), Rules::kImage).error().code == Code::kAlreadyExists);
}

TEST_CASE("A layer that is another one when it is read again writes nothing under a wrong name") {
  const TempDir dir;
  int opened = 0;
  const std::string first = tar_of({{"a", "1234"}}), second = tar_of({{"a", "12345678"}});
  const std::vector<OpenLayer> layers = {[&]() -> Result<std::unique_ptr<archive::ByteSource>> {
    return archive::memory_source(++opened == 1 ? first : second);
  }};
  CHECK(unpack(layers, dir.path(), Rules::kImage).error().code == Code::kOciUnsafe);
  CHECK(list(dir.path()).empty());
}
